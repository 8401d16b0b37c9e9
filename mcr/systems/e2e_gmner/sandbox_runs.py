"""E2E-GMNER's rows in the sandbox: reasoning and box perturbation, with and without, under noisy gold boxes.

The noise and the variant without both are ours, not the paper's. As in the paper each variant is fine-tuned from one pretrained
model, here the sandbox's. Every seed has a world of its own and jitters the boxes of its training scenes (Gaussian, a share of
width and height); the test split stays clean.

There are no teachers in the sandbox. Templates stand in for them, and a weaker teacher knows the looks of fewer names.
"""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, world_stage
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

SFT_CONFIG = Path(__file__).parent / "configs" / "sandbox_e2e_gmner_sft.yaml"
FAMILY = "qwen3_vl"
SIZES = {
    "train": 2400,  # scenes with noisy boxes: each is seen once
    "test": 200,
    "steps": 300,  # of each variant
    "noise": 0.1,  # of training boxes, as a share of width and height
    "max_tokens": 400,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """What tells one row from another.

    Attributes:
        name: of its folder and stages.
        style: of its schemas; answer_only has no reasoning.
        perturbation: GRBP's beta and gamma, 0 for none.
        known: the share of names whose looks the teacher knows.
    """

    name: str
    style: str = "knowledge_visual"
    perturbation: float = 0.03
    known: float = 1.0


def grbp_flags(perturbation: float) -> tuple[object, ...]:
    """Return the flags of GRBP; none where boxes do not move."""
    return ("--grbp_beta", perturbation, "--grbp_gamma", perturbation) if perturbation else ()


def schemas_stage(name: str, samples: Path, out: Path, styles: str, seed: int) -> Stage:
    """Return the stage that writes one training set of template schemas."""
    flags = ["--samples", samples, "--output_dir", out, "--family", FAMILY, "--styles", styles, "--answer_formats", "rows"]
    flags += ["--fixed_order", "--phrasings", 1, "--per_sample", 1, "--d2_share", 0, "--seed", seed]
    title, train_set = f"reasoning schemas: {styles}", out / "d1.parquet"
    return make_stage(name, title, "data_prep.write_schemas", *flags, reads=[samples], makes=[train_set])


def sft_stage(name: str, title: str, model: Path, train_set: Path, images: Path, out: Path, *more: object) -> Stage:
    """Return the stage of one fine-tuning."""
    flags = ["--config", SFT_CONFIG, "--model_name_or_path", model, "--train_set", train_set, "--image_root", images]
    reads, makes = [model, train_set, images], [out / "model"]
    return make_stage(name, title, "sft", *flags, "--output_dir", out, *more, reads=reads, makes=makes)


def evaluation_stage(
    name: str, title: str, model: Path, data: Path, out: Path, *more: object, max_new_tokens: float = 400
) -> Stage:
    """Return the stage that scores a model on the clean test split."""
    gold = data / "test.jsonl"
    flags = ["--gold", gold, "--image_root", data, "--model_name_or_path", model, "--output_dir", out]
    flags += ["--max_new_tokens", max_new_tokens, "--batch_size", 50, "--dtype", "float32", *more]
    return make_stage(name, title, "evaluate", *flags, reads=[model, gold], makes=[out / "metrics.json", out / "counts.json"])


def plan_variant(variant: Variant, run: TableRun) -> RowPlan:
    """Return the plan of one row: noisy scenes, their schemas, fine-tuning, evaluation."""
    sizes, out, data = run.sizes, run.folder / "e2e_gmner", run.folder / "data" / "e2e_gmner"
    train = data / "train.jsonl"
    scenes, folder = out / f"scenes_{variant.known:g}", out / variant.name
    noise = ("--noise", sizes["noise"], "--known", variant.known, "--seed", run.seed)
    more = ("--seed", run.seed, *grbp_flags(variant.perturbation), "--max_steps", sizes["steps"])
    schemas = out / f"{variant.style}_{variant.known:g}"
    name = {stage: run.name(f"e2e_gmner/{variant.name}/{stage}") for stage in ("sft", "eval")}
    stages = [
        world_stage(run.name("data/e2e_gmner"), data, {"train": sizes["train"], "dev": 1, "test": sizes["test"]}, run.seed),
        make_stage(
            run.name(f"e2e_gmner/{scenes.name}"),
            "scenes with noisy boxes",
            "mcr.systems.e2e_gmner.noise",
            *("--samples", train, "--output_dir", scenes, *noise),
            reads=[train],
            makes=[scenes / "samples.jsonl"],
        ),
        schemas_stage(run.name(f"e2e_gmner/{schemas.name}"), scenes / "samples.jsonl", schemas, variant.style, run.seed),
        sft_stage(name["sft"], f"fine-tuning: {variant.name}", SANDBOX_BASE, schemas / "d1.parquet", data, folder / "sft", *more),
        evaluation_stage(
            name["eval"],
            f"evaluation: {variant.name}",
            folder / "sft" / "model",
            data,
            folder / "eval",
            max_new_tokens=sizes["max_tokens"],
        ),
    ]
    return RowPlan(tuple(stages), {"gmner": folder / "eval"})
