"""The whole method in the sandbox: data, schemas, MRSI, filtering, CVO, evaluation, one table.

    mcr demo [--output_dir runs/sandbox] [--seed 0] [--small] [--answer_only] [--system e2e_gmner]

Called again, it resumes after the last finished stage; a stage that was stopped resumes from its own last checkpoint or row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_whole
from mcr.report.markdown import percent, table
from mcr.runs.command_line import CommandParser
from mcr.systems import system_named
from mcr.systems.running import StageRunner
from mcr.systems.stages import DemoRow, Plan, Stage, make_stage

RECIPES = Path(__file__).resolve().parent
SCHEMA_FLAGS = ["--answer_formats", "rows", "--fixed_order", "--phrasings", "1", "--detail", "brief", "--instruction", "common"]
STYLE_FLAGS = ["--styles", "steps_text_first,steps_image_first,brief"]
ANSWER_ONLY_FLAGS = ["--styles", "answer_only"]
FAMILY = "qwen3_vl"
FRAME_FLAGS = {FAMILY: [], "qwen2_5_vl": ["--factor", "32", "--min_pixels", "1024", "--max_pixels", "25600"]}


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


def recipe(name: str, title: str, program: str, *flags: object) -> Stage:
    """Return the stage of a recipe with its sandbox config."""
    config = RECIPES / "configs" / "mcr" / f"sandbox_{program}.yaml"
    return make_stage(name, title, program, "--config", config, *flags)


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
        make_stage("data", "a world of samples", "data_prep.make_sandbox", *world),
        make_stage("schemas", "reasoning schemas", "data_prep.write_schemas", *flags),
        make_stage("untrained", "a tiny model, random weights", "mcr.models.tiny", *weights),
    ]


def training_stages(out: Path, size: DemoSize, seed: int) -> list[Stage]:
    """Return the stages of the method: MRSI, the filter, GRPO, with an evaluation before, between and after."""
    d1, d2, kept = out / "schemas" / "d1.parquet", out / "schemas" / "d2.parquet", out / "filter" / "kept.parquet"
    untrained, mrsi, cvo = out / "untrained", out / "mrsi" / "model", out / "cvo" / "model"

    def train(name: str, title: str, model: Path, train_set: Path, folder: str, *flags: object) -> Stage:
        common = ("--model_name_or_path", model, "--train_set", train_set, "--image_root", out / "data", "--seed", seed)
        return recipe(name, title, name, *common, "--output_dir", out / folder, *flags)

    def evaluation(name: str, title: str, model: Path) -> Stage:
        flags = ("--gold", out / "data" / "test.jsonl", "--image_root", out / "data", "--model_name_or_path", model)
        return recipe(f"eval_{name}", f"evaluation, {title}", "evaluate", *flags, "--output_dir", out / "eval" / name)

    grpo = ("--max_steps", size.grpo_steps, "--per_device_train_batch_size", 8 * size.grpo_groups)
    return [
        evaluation("untrained", "untrained", untrained),
        train("sft", "MRSI: fine-tuning on schemas", untrained, d1, "mrsi", "--max_steps", size.sft_steps),
        evaluation("mrsi", "after MRSI", mrsi),
        train("filter", "CVO: sampling and filtering", mrsi, d2, "filter"),
        train("grpo", "CVO: GRPO with verifiable rewards", mrsi, kept, "cvo", *grpo),
        evaluation("cvo", "after CVO", cvo),
        make_stage("page", "the run's page", "report", out),
    ]


def plan_demo(out: Path, seed: int, size: DemoSize, family: str, *, is_answer_only: bool) -> Plan:
    """Return the demo of MCR: its stages and the rows of its table."""
    styles = ANSWER_ONLY_FLAGS if is_answer_only else STYLE_FLAGS
    stages = [*data_stages(out, size, family, seed, styles), *training_stages(out, size, seed)]
    if is_answer_only:
        stages = [stage for stage in stages if stage.name not in ("filter", "grpo", "eval_cvo")]
    rows = [
        DemoRow("untrained", out / "eval" / "untrained", ("data", "schemas", "untrained")),
        DemoRow("MRSI", out / "eval" / "mrsi", ("sft",)),
        DemoRow("MRSI+CVO", out / "eval" / "cvo", ("filter", "grpo")),
    ]
    return Plan(tuple(stages), tuple(rows[:2] if is_answer_only else rows))


def result_table(rows: Sequence[DemoRow], minutes: dict[str, float]) -> str:
    """Return the table of the demo: one line a model, scores in per cent."""
    lines = []
    for row in rows:
        metrics = json.loads((row.folder / "metrics.json").read_text(encoding="utf-8"))
        scores = [percent(metrics[key]["f1"]) for key in ("gmner", "mner", "eeg")]
        spent = sum(minutes.get(stage, 0.0) for stage in row.timed)
        lines.append([row.title, *scores, percent(metrics["n_rate"]), percent(metrics["no_target"]["f1"]), f"{spent:.1f}"])
    return table(("model", "GMNER F1", "MNER F1", "EEG F1", "N-Rate", "N-F1", "minutes"), lines)


def main(argv: list[str] | None = None) -> None:
    """Run the demo and print its table."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/sandbox"))
    parser.add_argument("--seed", type=int, default=0, help="of the world, the weights and the training")
    parser.add_argument("--family", choices=sorted(FRAME_FLAGS), default=FAMILY, help="of the tiny model")
    parser.add_argument("--small", action="store_true", help="a reduced run of a few minutes that still shows learning")
    parser.add_argument("--answer_only", action="store_true", help="the baseline without reasoning: stops after its evaluation")
    parser.add_argument("--system", help="the demo of a system of mcr/systems instead of MCR's")
    args = parser.parse_args(argv)
    size = SMALL if args.small else FULL
    plan = plan_demo(args.output_dir, args.seed, size, args.family, is_answer_only=args.answer_only)
    if args.system is not None:
        make_plan = system_named(args.system).demo
        if make_plan is None or args.answer_only or args.family != FAMILY:
            raise ConfigError(f"--system: {args.system} has no demo, or none with --answer_only or --family. Leave them out.")
        plan = make_plan(args.output_dir, args.seed, args.small)
    minutes = StageRunner(args.output_dir, RECIPES).run(plan.stages)
    text = result_table(plan.rows, minutes)
    write_whole(args.output_dir / "table.md", text + "\n")
    print(f"\n{text}\n\nreports with every sample: {args.output_dir}/eval/*/report.html")
    print(f"the run's page: {args.output_dir}/run.html")


if __name__ == "__main__":
    run_command(main)
