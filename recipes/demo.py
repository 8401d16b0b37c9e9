"""The whole method in the sandbox: data, schemas, MRSI, filtering, CVO, evaluation, one table.

    mcr demo [--output_dir runs/sandbox] [--seed 0] [--small] [--answer_only]

Called again, it goes on after the last finished stage; a stage that was stopped goes on from its own last checkpoint or row.
"""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mcr.io.atomic_write import write_json, write_whole
from mcr.report.markdown import percent, table
from mcr.runs.command_line import CommandParser

RECIPES = Path(__file__).resolve().parent
SCHEMA_FLAGS = ["--answer_formats", "rows", "--fixed_order", "--phrasings", "1", "--detail", "brief"]
STYLE_FLAGS = ["--styles", "steps_text_first,steps_image_first,brief"]
ANSWER_ONLY_FLAGS = ["--styles", "answer_only"]
FRAME_FLAGS = {"qwen3_vl": [], "qwen2_5_vl": ["--factor", "32", "--min_pixels", "1024", "--max_pixels", "25600"]}


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How much of everything: the demo as README shows it, or a small one that still shows learning."""

    train: int
    test: int
    sft_steps: int
    grpo_steps: int
    filter_prompts: int
    grpo_groups: int


FULL = DemoSize(train=21120, test=300, sft_steps=2600, grpo_steps=32, filter_prompts=320, grpo_groups=12)
SMALL = DemoSize(train=3300, test=100, sft_steps=400, grpo_steps=3, filter_prompts=48, grpo_groups=2)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the demo: its name, what people read, its command."""

    name: str
    title: str
    command: list[str]


def module(name: str, *flags: object) -> list[str]:
    """Return the command of a module."""
    return [sys.executable, "-m", name, *map(str, flags)]


def recipe(name: str, *flags: object) -> list[str]:
    """Return the command of a recipe with its sandbox config."""
    config = RECIPES / "configs" / f"sandbox_{name}.yaml"
    return [sys.executable, str(RECIPES / f"{name}.py"), "--config", str(config), *map(str, flags)]


def data_stages(out: Path, size: DemoSize, family: str, seed: int, styles: list[str]) -> list[Stage]:
    """Return the stages before any training: the world, its schemas, a model with random weights."""
    data, schemas = out / "data", out / "schemas"
    world = ["--output_dir", data, "--train", size.train, "--test", size.test, "--seed", seed]
    flags = ["--samples", data / "train.jsonl", "--output_dir", schemas, "--family", family, *FRAME_FLAGS[family], *SCHEMA_FLAGS]
    flags += [
        *styles,
        "--per_sample",
        1,
        "--d2_share",
        size.filter_prompts / size.train,
        "--seed",
        seed,
    ]
    weights = ["--texts", schemas / "d1.parquet", "--output_dir", out / "untrained", "--family", family, "--seed", seed]
    return [
        Stage("data", "a world of samples", module("data_prep.make_sandbox", *world)),
        Stage("schemas", "reasoning schemas", module("data_prep.write_schemas", *flags)),
        Stage("untrained", "a tiny model, random weights", module("mcr.models.tiny", *weights)),
    ]


def training_stages(out: Path, size: DemoSize, seed: int) -> list[Stage]:
    """Return the stages of the method: MRSI, the filter, GRPO, with an evaluation before, between and after."""
    d1, d2, kept = out / "schemas" / "d1.parquet", out / "schemas" / "d2.parquet", out / "filter" / "kept.parquet"
    untrained, mrsi, cvo = out / "untrained", out / "mrsi" / "model", out / "cvo" / "model"

    def train(name: str, model: Path, train_set: Path, folder: str, *flags: object) -> list[str]:
        common = ["--model_name_or_path", model, "--train_set", train_set, "--image_root", out / "data", "--seed", seed]
        return recipe(name, *common, "--output_dir", out / folder, *flags)

    grpo = ("--max_steps", size.grpo_steps, "--per_device_train_batch_size", 8 * size.grpo_groups)

    def evaluation(name: str, title: str, model: Path) -> Stage:
        flags = ["--gold", out / "data" / "test.jsonl", "--image_root", out / "data", "--model_name_or_path", model]
        return Stage(f"eval_{name}", f"evaluation, {title}", recipe("evaluate", *flags, "--out", out / "eval" / name))

    return [
        evaluation("untrained", "untrained", untrained),
        Stage("sft", "MRSI: fine-tuning on schemas", train("sft", untrained, d1, "mrsi", "--max_steps", size.sft_steps)),
        evaluation("mrsi", "after MRSI", mrsi),
        Stage("filter", "CVO: sampling and filtering", train("filter", mrsi, d2, "filter")),
        Stage("grpo", "CVO: GRPO with verifiable rewards", train("grpo", mrsi, kept, "cvo", *grpo)),
        evaluation("cvo", "after CVO", cvo),
        Stage("page", "the run's page", [sys.executable, str(RECIPES / "report.py"), str(out)]),
    ]


def run_stage(command: list[str]) -> int:
    """Run one command and return its exit code. Stopped or terminated, the demo takes the command with it."""
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated; the same command goes on from here"))
    try:
        return process.wait()
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def run_stages(out: Path, plan: list[Stage]) -> dict[str, float]:
    """Run what is not finished; return the minutes of each stage. A stage that fails ends the demo with its exit code."""
    record = out / "stages.json"
    done_before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    for stage in plan:
        if stage.name in done_before and done_before[stage.name]["command"] != stage.command:
            sys.exit(
                f"error: {out} holds a demo with other settings (stage {stage.name}). Choose another --output_dir or remove it."
            )
    minutes = {name: row["minutes"] for name, row in done_before.items()}
    for number, stage in enumerate(plan, start=1):
        if stage.name in minutes:
            print(f"[{number}/{len(plan)}] {stage.title}: done before", flush=True)
            continue
        print(f"[{number}/{len(plan)}] {stage.title}", flush=True)
        start = time.monotonic()
        code = run_stage(stage.command)
        if code:
            sys.exit(f"stage {stage.name} ended with code {code}; mend the cause and call the demo again")
        minutes[stage.name] = (time.monotonic() - start) / 60
        done_before[stage.name] = {"minutes": minutes[stage.name], "command": stage.command}
        write_json(record, done_before)
    return minutes


ROWS = {
    "untrained": ("untrained", ("data", "schemas", "untrained")),
    "mrsi": ("MRSI", ("sft",)),
    "cvo": ("MRSI+CVO", ("filter", "grpo")),
}


def result_table(out: Path, minutes: dict[str, float]) -> str:
    """Return the table of the demo: one row a model, scores in per cent."""
    rows = []
    for name, (title, timed) in ROWS.items():
        path = out / "eval" / name / "metrics.json"
        if not path.is_file():
            continue
        metrics = json.loads(path.read_text(encoding="utf-8"))
        scores = [percent(metrics[key]["f1"]) for key in ("gmner", "mner", "eeg")]
        spent = sum(minutes.get(stage, 0.0) for stage in timed)
        rows.append([title, *scores, percent(metrics["n_rate"]), percent(metrics["no_target"]["f1"]), f"{spent:.1f}"])
    return table(("model", "GMNER F1", "MNER F1", "EEG F1", "N-Rate", "N-F1", "minutes"), rows)


def main(argv: list[str] | None = None) -> None:
    """Run the demo and print its table."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/sandbox"))
    parser.add_argument("--seed", type=int, default=0, help="of the world, the weights and the training")
    parser.add_argument("--family", choices=sorted(FRAME_FLAGS), default="qwen3_vl", help="of the tiny model")
    parser.add_argument("--small", action="store_true", help="a reduced run of a few minutes that still shows learning")
    parser.add_argument("--answer_only", action="store_true", help="the baseline without reasoning: stops after its evaluation")
    args = parser.parse_args(argv)
    styles = ANSWER_ONLY_FLAGS if args.answer_only else STYLE_FLAGS
    size = SMALL if args.small else FULL
    plan = data_stages(args.output_dir, size, args.family, args.seed, styles) + training_stages(args.output_dir, size, args.seed)
    if args.answer_only:
        plan = [stage for stage in plan if stage.name not in ("filter", "grpo", "eval_cvo")]
    minutes = run_stages(args.output_dir, plan)
    text = result_table(args.output_dir, minutes)
    write_whole(args.output_dir / "table.md", text + "\n")
    print(f"\n{text}\n\nreports with every sample: {args.output_dir}/eval/*/report.html")
    print(f"the run's page: {args.output_dir}/run.html")


if __name__ == "__main__":
    main()
