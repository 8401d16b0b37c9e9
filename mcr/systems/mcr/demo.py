"""MCR's demo: Table 1 of the paper in small, in the sandbox, from the base model that ships."""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, world_stage
from mcr.systems.mcr.kit import CONFIGS
from mcr.systems.mcr.sandbox_kit import FAMILY, SCHEMA_FLAGS, merge_stage
from mcr.systems.stages import DemoRow, Plan, Stage, make_stage


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How much of everything: as README shows it, or a small run that still shows learning."""

    train: int
    test: int
    steps: int
    filter_prompts: int
    grpo_steps: int


FULL = DemoSize(train=2464, test=200, steps=300, filter_prompts=64, grpo_steps=12)
FULL_MINUTES = {"mrsi": 3.2, "sft": 2.1, "eval_cot_3_shot": 1.1, "filter": 0.5, "cvo": 1.1}  # on two idle cores
SMALL = DemoSize(train=1120, test=60, steps=130, filter_prompts=24, grpo_steps=2)


@dataclass(frozen=True, slots=True)
class Demo:
    """The parts of the demo; all lie in one folder."""

    out: Path
    seed: int
    size: DemoSize

    @property
    def data(self) -> Path:
        """The folder of the world."""
        return self.out / "data"

    def world(self) -> Stage:
        """Return the stage that writes the scenes."""
        return world_stage("data", self.data, {"train": self.size.train, "dev": 1, "test": self.size.test}, self.seed)

    def schemas(self, name: str, title: str, *flags: object, makes: tuple[str, ...]) -> Stage:
        """Return the stage that writes training sets."""
        out, samples = self.out / name, self.data / "train.jsonl"
        asked = ("--samples", samples, "--output_dir", out, "--family", FAMILY, *flags, "--seed", self.seed)
        return make_stage(name, title, "data_prep.write_schemas", *asked, reads=[samples], makes=[out / one for one in makes])

    def train(self, name: str, title: str, program: str, model: Path, train_set: Path, *flags: object) -> Stage:
        """Return the stage of a training run, or of the filter."""
        out = self.out / name
        asked = ("--model_name_or_path", model, "--train_set", train_set, "--image_root", self.data, "--seed", self.seed)
        asked = ("--config", CONFIGS / f"sandbox_{program}.yaml", *asked, "--output_dir", out, *flags)
        made = out / ("kept.parquet" if program == "filter" else "model")
        return make_stage(name, title, program, *asked, reads=[model, train_set, self.data], makes=[made])

    def evaluation(self, name: str, title: str, model: Path, *flags: object) -> Stage:
        """Return the stage that scores a model on the test scenes."""
        out, gold = self.out / "eval" / name, self.data / "test.jsonl"
        shown = [self.data / "train.jsonl"] if "--train_samples" in flags else []
        asked = ("--gold", gold, "--image_root", self.data, "--model_name_or_path", model, "--output_dir", out, *flags)
        asked = ("--config", CONFIGS / "sandbox_evaluate.yaml", *asked)
        return make_stage(f"eval_{name}", title, "evaluate", *asked, reads=[model, gold, *shown], makes=[out / "metrics.json"])


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages, what others wait for first, and the rows of its table."""
    size = SMALL if is_small else FULL
    demo = Demo(out, seed, size)
    adapter, mrsi = out / "mrsi" / "model", out / "mrsi" / "merged"
    cvo, sft = (out / name / "model" for name in ("cvo", "sft"))
    kept, schemas, answers = out / "filter" / "kept.parquet", out / "schemas", out / "answers"
    share = ("--d2_share", size.filter_prompts / size.train)
    shots = ("--prompting", "cot_demonstrations", "--train_samples", demo.data / "train.jsonl", "--family", FAMILY)
    shots = (*shots, "--batch_size", 10)  # prompts of four images: 200 at a time take 9 GB
    steps = ("--max_steps", size.steps, "--per_device_train_batch_size", 2, "--gradient_accumulation_steps", 4)  # memory, too
    cvo_steps = ("--max_steps", size.grpo_steps)
    stages = (
        demo.world(),
        demo.schemas("schemas", "reasoning schemas", *SCHEMA_FLAGS, *share, makes=("d1.parquet", "d2.parquet")),
        demo.schemas("answers", "answers alone", "--single_style", "answer_only", "--d2_share", 0, makes=("d1.parquet",)),
        demo.train("mrsi", "MRSI: fine-tuning on schemas", "sft", SANDBOX_BASE, schemas / "d1.parquet", *steps),
        demo.evaluation("direct", "evaluation: the base model, asked", SANDBOX_BASE, "--prompting", "direct", "--family", FAMILY),
        demo.evaluation("cot_3_shot", "evaluation: the base model, asked with three demonstrations", SANDBOX_BASE, *shots),
        merge_stage("merge", "MRSI", out / "mrsi"),
        demo.train("sft", "SFT: fine-tuning on answers alone", "sft", SANDBOX_BASE, answers / "d1.parquet", *steps),
        demo.train("filter", "CVO: sampling and filtering", "filter", mrsi, schemas / "d2.parquet"),
        demo.evaluation("mrsi", "evaluation: after MRSI", adapter),
        demo.train("cvo", "CVO: GRPO with verifiable rewards", "grpo", mrsi, kept, *cvo_steps),
        demo.evaluation("sft", "evaluation: after SFT", sft),
        demo.evaluation("cvo", "evaluation: after CVO", cvo),
    )
    reports = [path for stage in stages if stage.program == "evaluate" for path in stage.makes]
    page = make_stage("page", "the run's page", "report", out, reads=[*reports, cvo], makes=[out / "run.html"])
    return Plan((*stages, page), demo_rows(out), {} if is_small else FULL_MINUTES)


def demo_rows(out: Path) -> tuple[DemoRow, ...]:
    """Return the rows of the table, as the paper's Table 1 names them."""
    rows = {
        "base, direct": ("direct", ("eval_direct",)),
        "base, CoT + 3-shot": ("cot_3_shot", ("eval_cot_3_shot",)),
        "+SFT": ("sft", ("answers", "sft", "eval_sft")),
        "+MRSI": ("mrsi", ("schemas", "mrsi", "eval_mrsi")),
        "+MRSI+CVO": ("cvo", ("filter", "cvo", "eval_cvo")),
    }
    return tuple(DemoRow(title, out / "eval" / name, timed) for title, (name, timed) in rows.items())
