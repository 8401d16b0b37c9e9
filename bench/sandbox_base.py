"""The base model of the sandbox in figures: what it can do in held-out phrasings, and what prompting alone gets out of it.

    OMP_NUM_THREADS=1 python bench/sandbox_base.py --model runs/sandbox_base/model --output_dir runs/bench_base

The prompting rows are mcr evaluate's (MCR E.2): predictions that are there are used again.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from data_prep import make_sandbox
from data_prep.sandbox.corpus.exchanges import SKILLS
from data_prep.sandbox.corpus.probes import make_probes, score_probes
from mcr.io.atomic_write import write_whole
from mcr.models.load import load_model, load_processor
from mcr.prompts.baselines import STYLES
from mcr.report.markdown import percent, table
from mcr.rollouts.transformers_sampler import TransformersSampler
from recipes import evaluate

SCORES = ("gmner", "mner", "eeg")


def skill_table(model: Path, num_probes: int, seed: int) -> str:
    """Return a row for each skill of the corpus: the share of answers that are right."""
    sampler = TransformersSampler(load_model(model, dtype="float32"), load_processor(model), batch_size=100)
    shares = score_probes(sampler, {skill: make_probes(skill, num_probes, seed) for skill in SKILLS})
    rows = [(skill, percent(share)) for skill, share in shares.items()]
    return table(("skill", "right"), rows)


def prompting_table(model: Path, out: Path, size: int, seed: int) -> str:
    """Return a row for each prompting baseline on a test split of the sandbox."""
    data = out / f"data-{size}-{seed}"
    if not (data / "test.jsonl").is_file():
        flags = ["--train", "50", "--dev", "1", "--test", str(size), "--seed", str(seed)]
        make_sandbox.main(["--output_dir", str(data), *flags])
    rows = []
    for style in STYLES:
        started = time.monotonic()
        flags = ["--gold", data / "test.jsonl", "--image_root", data, "--model_name_or_path", model, "--prompting", style]
        flags += ["--family", "qwen3_vl", "--train_samples", data / "train.jsonl", "--output_dir", out / style]
        flags += ["--max_new_tokens", 200, "--batch_size", 50, "--num_resamples", 100]
        evaluate.main([*map(str, flags)])
        minutes = (time.monotonic() - started) / 60
        metrics = json.loads((out / style / "metrics.json").read_text(encoding="utf-8"))
        scores = [percent(metrics[name]["f1"]) for name in SCORES]
        rows.append((style, *scores, percent(metrics["n_rate"]), percent(metrics["no_target"]["f1"]), f"{minutes:.1f}"))
    return table(("prompting", "GMNER F1", "MNER F1", "EEG F1", "N-Rate", "N-F1", "minutes"), rows)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--num_probes", type=int, default=200, help="questions a skill")
    parser.add_argument("--size", type=int, default=200, help="scenes of the prompting rows")
    parser.add_argument("--seed", type=int, default=1, help="of the probes and of the world; the corpus has seed 0")
    args = parser.parse_args()
    torch.set_num_threads(1)
    skills = skill_table(args.model, args.num_probes, args.seed)
    text = f"{skills}\n\n{prompting_table(args.model, args.output_dir, args.size, args.seed)}"
    write_whole(args.output_dir / "table.md", text + "\n")
    print(text)


if __name__ == "__main__":
    main()
