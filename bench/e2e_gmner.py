"""E2E-GMNER's ablation (its Table 2) in the sandbox: reasoning and box perturbation, with and without, under noisy gold boxes.

    python bench/e2e_gmner.py --output_dir runs/e2e [--seeds 0 1 2] [--pretrain_steps 5200] [--steps 400] [--noise 0.1] [--jobs 2]

The noise and the variant without both are ours, not the paper's.
As in the paper each variant is fine-tuned from one model that can read images: a tiny one learns to see on scenes with gold
boxes, then every variant and seed goes on from it on other scenes, whose boxes are jittered once by the seed (Gaussian, a share
of width and height); the test split stays clean. While it learns to see, boxes move a little from epoch to epoch: it has one
token for each coordinate on the world's grid and would never meet the digits of the others. Prints mean and standard deviation
over the seeds, whatever they show. Stopped and called again, it goes on.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from mcr.boxes import Box
from mcr.io.samples import iter_samples, write_samples
from mcr.records import Entity, Sample
from mcr.report.markdown import percent, table

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
VARIANTS = {
    "E2E-GMNER": ("knowledge_visual", True),
    "w/o GRBP": ("knowledge_visual", False),
    "w/o reasoning": ("answer_only", True),
    "w/o both": ("answer_only", False),
}
COLUMNS = {
    "GMNER F1": ("gmner", "f1"),
    "MNER F1": ("mner", "f1"),
    "EEG F1": ("eeg", "f1"),
    **{name: ("grounding", key) for name, key in (("Acc@0.5", "acc@0.5"), ("Acc@0.75", "acc@0.75"), ("mean IoU", "mean_iou"))},
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    pretrain: int
    train: int
    test: int
    pretrain_steps: int
    steps: int
    noise: float


def jitter(box: Box, width: int, height: int, noise: float, rng: Random) -> Box:
    """Return a box whose sides are off by N(0, noise) of its width and height, inside the image and at least 4 pixels wide."""
    x1, y1, x2, y2 = (
        value + rng.gauss(0, noise) * size for value, size in zip(box, (box[2] - box[0], box[3] - box[1]) * 2, strict=True)
    )
    x1, y1 = min(max(x1, 0.0), width - 4.0), min(max(y1, 0.0), height - 4.0)
    return x1, y1, max(x1 + 4.0, min(x2, float(width))), max(y1 + 4.0, min(y2, float(height)))


def with_noise(sample: Sample, noise: float, seed: int) -> Sample:
    """Return a sample with noisy boxes; regions with the same box move along."""
    rng, image = Random(f"{seed}/{sample.id}/noise"), sample.images[0]
    moved: dict[Box, Box] = {}
    for entity in sample.entities:
        for box in entity.boxes or ():
            moved.setdefault(box, jitter(box, image.width, image.height, noise, rng))
    entities = tuple(
        Entity(e.text, e.type, None if e.boxes is None else tuple(moved[b] for b in e.boxes)) for e in sample.entities
    )
    regions = tuple(replace(region, box_px=moved.get(region.box_px, region.box_px)) for region in sample.regions)
    return replace(sample, entities=entities, regions=regions)


def run(command: list[object], log: Path, threads: int) -> None:
    """Run one command, its output in a log."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("a", encoding="utf-8") as file:
        subprocess.run([sys.executable, *map(str, command)], stdout=file, stderr=file, env=environment, check=True)


def prepare(out: Path, seeds: list[int], size: Size) -> None:
    """Write the scenes, for each seed the noisy ones of them with their schemas, and a model with random weights."""
    log = out / "prepare.log"
    if (out / "untrained" / "config.json").is_file():
        return
    sizes = ["--train", size.pretrain + size.train, "--dev", 1, "--test", size.test]
    run(["-m", "data_prep.make_sandbox", "--output_dir", out / "data", *sizes], log, 1)
    samples = list(iter_samples(out / "data" / "train.jsonl"))
    write_samples(out / "clean.jsonl", samples[: size.pretrain])
    write_schemas(out / "clean.jsonl", out / "clean", "steps_text_first,steps_image_first,brief", 0, log)
    for seed in seeds:
        noisy = out / f"seed{seed}" / "noisy.jsonl"
        write_samples(noisy, (with_noise(sample, size.noise, seed) for sample in samples[size.pretrain :]))
        for style in ("knowledge_visual", "answer_only"):
            write_schemas(noisy, noisy.with_name(style), style, seed, log)
    weights = ["--texts", out / "clean" / "d1.parquet", "--output_dir", out / "untrained"]
    run(["-m", "mcr.models.tiny", *weights, "--family", "qwen3_vl"], log, 1)


def write_schemas(samples: Path, out: Path, styles: str, seed: int, log: Path) -> None:
    """Write one training set of template schemas."""
    flags = ["--samples", samples, "--output_dir", out, "--family", "qwen3_vl", "--styles", styles]
    flags += ["--answer_formats", "rows", "--fixed_order", "--phrasings", 1, "--detail", "brief", "--per_sample", 1]
    run(["-m", "data_prep.write_schemas", *flags, "--d2_share", 0, "--seed", seed], log, 1)


def sft(model: Path, train_set: Path, images: Path, out: Path, *more: object) -> list[object]:
    """Return the command of one fine-tuning."""
    flags = ["--config", RECIPES / "configs" / "sandbox_sft.yaml", "--model_name_or_path", model, "--train_set", train_set]
    return [RECIPES / "sft.py", *flags, "--image_root", images, "--output_dir", out, *more]


def pretrain(out: Path, size: Size) -> None:
    """Let a model learn to see, name and ground on clean scenes."""
    if not (out / "seeing" / "model" / "mcr_prompt.json").is_file():
        more = ("--max_steps", size.pretrain_steps, "--grbp_beta", 0.03, "--grbp_gamma", 0.03)
        command = sft(out / "untrained", out / "clean" / "d1.parquet", out / "data", out / "seeing", *more)
        run(command, out / "seeing.log", 1)


def train_and_score(out: Path, seed: int, name: str, size: Size, threads: int) -> None:
    """Fine-tune one variant from the model that sees and score it on the clean test split."""
    style, is_perturbed = VARIANTS[name]
    folder = out / f"seed{seed}"
    mine = folder / name.replace("/", "").replace(" ", "-")
    if (mine / "eval" / "metrics.json").is_file():
        return
    mine.mkdir(parents=True, exist_ok=True)
    log = mine / "log.txt"
    command = sft(out / "seeing" / "model", folder / style / "d1.parquet", out / "data", mine, "--seed", seed)
    command += ["--grbp_beta", 0.03, "--grbp_gamma", 0.03] if is_perturbed else []
    run([*command, "--max_steps", size.steps, "--learning_rate", 5e-4, "--warmup_steps", 20], log, threads)
    flags = ["--gold", out / "data" / "test.jsonl", "--image_root", out / "data", "--model_name_or_path", mine / "model"]
    flags += ["--max_completion_length", 400, "--batch_size", 200, "--out", mine / "eval"]
    run([RECIPES / "evaluate.py", *flags], log, threads)


def result_table(out: Path, seeds: list[int]) -> str:
    """Return mean and standard deviation (n) over the seeds, one row a variant."""
    rows = []
    for name in VARIANTS:
        paths = [out / f"seed{seed}" / name.replace("/", "").replace(" ", "-") / "eval" / "metrics.json" for seed in seeds]
        found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        cells = [[metrics[group][key] for metrics in found] for group, key in COLUMNS.values()]
        rows.append([name, *(f"{percent(statistics.fmean(cell))} \u00b1 {percent(statistics.pstdev(cell))}" for cell in cells)])
    return table(("method", *COLUMNS), rows)


def main() -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/e2e"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pretrain", type=int, default=20800, help="scenes with gold boxes")
    parser.add_argument("--train", type=int, default=1600, help="scenes with noisy boxes: two epochs of the default steps")
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--pretrain_steps", type=int, default=5200)
    parser.add_argument("--steps", type=int, default=400, help="of each variant")
    parser.add_argument("--noise", type=float, default=0.1, help="of training boxes, as a share of width and height")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    args = parser.parse_args()
    size = Size(args.pretrain, args.train, args.test, args.pretrain_steps, args.steps, args.noise)
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    prepare(args.output_dir, args.seeds, size)
    pretrain(args.output_dir, size)
    with ThreadPoolExecutor(args.jobs) as pool:
        jobs = [(seed, name) for seed in args.seeds for name in VARIANTS]
        list(pool.map(lambda job: train_and_score(args.output_dir, *job, size, threads), jobs))
    text = result_table(args.output_dir, args.seeds)
    (args.output_dir / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
