"""E2E-GMNER's rows in the sandbox: reasoning and box perturbation, with and without, under noisy gold boxes.

The noise and the variant without both are ours, not the paper's. As in the paper each variant is fine-tuned from one model that
can read images: a tiny one learns to see on scenes with gold boxes, then every variant and seed starts from it on other scenes,
whose boxes are jittered once by the seed (Gaussian, a share of width and height); the test split stays clean. While it learns to
see, boxes move a little from epoch to epoch: it has one token for each coordinate on the world's grid and would never meet the
digits of the others.

There are no teachers in the sandbox. Templates stand in for them, and a weaker teacher knows the looks of fewer names.
"""

from dataclasses import dataclass
from pathlib import Path

from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

SFT_CONFIG = Path(__file__).parent / "configs" / "sandbox_e2e_gmner_sft.yaml"
FAMILY = "qwen3_vl"
SIZES = {
    "pretrain": 20800,  # scenes with gold boxes
    "train": 1600,  # scenes with noisy boxes: two epochs of the default steps
    "test": 300,
    "pretrain_steps": 5200,
    "steps": 400,  # of each variant
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
    flags += ["--fixed_order", "--phrasings", 1, "--detail", "brief", "--instruction", "common"]
    flags += ["--per_sample", 1, "--d2_share", 0, "--seed", seed]
    title, train_set = f"reasoning schemas: {styles}", out / "d1.parquet"
    return make_stage(name, title, "data_prep.write_schemas", *flags, reads=[samples], makes=[train_set])


def sft_stage(name: str, title: str, model: Path, train_set: Path, images: Path, out: Path, *more: object) -> Stage:
    """Return the stage of one fine-tuning."""
    flags = ["--config", SFT_CONFIG, "--model_name_or_path", model, "--train_set", train_set, "--image_root", images]
    reads, makes = [model, train_set, images], [out / "model"]
    return make_stage(name, title, "sft", *flags, "--output_dir", out, *more, reads=reads, makes=makes)


def evaluation_stage(name: str, title: str, model: Path, data: Path, out: Path, max_new_tokens: float = 400) -> Stage:
    """Return the stage that scores a model on the clean test split."""
    gold = data / "test.jsonl"
    flags = ["--gold", gold, "--image_root", data, "--model_name_or_path", model, "--output_dir", out]
    flags += ["--max_new_tokens", max_new_tokens, "--batch_size", 200]
    return make_stage(name, title, "evaluate", *flags, reads=[model, gold], makes=[out / "metrics.json", out / "counts.json"])


def seeing_stages(run: TableRun) -> tuple[Path, Path, list[Stage]]:
    """Return (a model that sees, its world, the stages before all variants and seeds)."""
    out, sizes = run.shared / "e2e_gmner", run.sizes
    data, clean, untrained, scenes = out / "data", out / "clean", out / "untrained", out / "scenes"
    train, texts = data / "train.jsonl", clean / "d1.parquet"
    world = ("--output_dir", data, "--train", sizes["pretrain"] + sizes["train"], "--dev", 1, "--test", sizes["test"])
    part = ("--samples", train, "--output_dir", scenes, "--num", sizes["pretrain"])
    more = ("--max_steps", sizes["pretrain_steps"], *grbp_flags(0.03))
    samples, styles = scenes / "samples.jsonl", "steps_text_first,steps_image_first,brief"
    name = "e2e_gmner/{}".format
    stages = [
        make_stage(
            name("data"), "a world of samples", "data_prep.make_sandbox", *world, makes=[data, train, data / "test.jsonl"]
        ),
        make_stage(name("clean"), "scenes with gold boxes", "mcr.systems.e2e_gmner.noise", *part, reads=[train], makes=[samples]),
        schemas_stage(name("schemas"), samples, clean, styles, 0),
        make_stage(
            name("untrained"),
            "a tiny model, random weights",
            "mcr.models.tiny",
            *("--texts", texts, "--output_dir", untrained, "--family", FAMILY),
            reads=[texts],
            makes=[untrained],
        ),
        sft_stage(name("seeing"), "learning to see", untrained, texts, data, out / "seeing", *more),
    ]
    return out / "seeing" / "model", data, stages


def plan_variant(variant: Variant, run: TableRun) -> RowPlan:
    """Return the plan of one row: noisy scenes, their schemas, fine-tuning, evaluation."""
    seeing, data, stages = seeing_stages(run)
    sizes, out, train = run.sizes, run.folder / "e2e_gmner", data / "train.jsonl"
    scenes, folder = out / f"scenes_{variant.known:g}", out / variant.name
    noise = ("--skip", sizes["pretrain"], "--noise", sizes["noise"], "--known", variant.known, "--seed", run.seed)
    more = ("--seed", run.seed, *grbp_flags(variant.perturbation), "--max_steps", sizes["steps"])
    more = (*more, "--learning_rate", 5e-4, "--warmup_steps", 20)
    schemas = out / f"{variant.style}_{variant.known:g}"
    name = {stage: run.name(f"e2e_gmner/{variant.name}/{stage}") for stage in ("sft", "eval")}
    stages += [
        make_stage(
            run.name(f"e2e_gmner/{scenes.name}"),
            "scenes with noisy boxes",
            "mcr.systems.e2e_gmner.noise",
            *("--samples", train, "--output_dir", scenes, *noise),
            reads=[train],
            makes=[scenes / "samples.jsonl"],
        ),
        schemas_stage(run.name(f"e2e_gmner/{schemas.name}"), scenes / "samples.jsonl", schemas, variant.style, run.seed),
        sft_stage(name["sft"], f"fine-tuning: {variant.name}", seeing, schemas / "d1.parquet", data, folder / "sft", *more),
        evaluation_stage(
            name["eval"],
            f"evaluation: {variant.name}",
            folder / "sft" / "model",
            data,
            folder / "eval",
            sizes["max_tokens"],
        ),
    ]
    return RowPlan(tuple(stages), {"gmner": folder / "eval"})
