"""E2E-GMNER's rows as published: Qwen2.5-VL-7B on Twitter-GMNER and Twitter-FMNERG, reasoning of a teacher, one GPU."""

from pathlib import Path

from mcr.systems.datasets import GMNER, Dataset, image_folder, published_stage, samples_folder
from mcr.systems.e2e_gmner.sandbox_runs import Variant
from mcr.systems.stages import PACKAGES, Stage, make_stage
from mcr.systems.tables import RowPlan, TableRun

CONFIGS = Path(__file__).parent / "configs"
FAMILY = "qwen2_5_vl"
LAUNCH = PACKAGES / "launch" / "one_gpu.yaml"
SIZES = {"teachers": 1}  # 0: templates write the reasoning
WRITING = ("--answer_formats", "joined", "--all_boxes", "--per_sample", 1, "--d2_share", 0)


def plan_published(variant: Variant, teacher: str, datasets: tuple[Dataset, ...], run: TableRun) -> RowPlan:
    """Return the plan of one row on one or both datasets.

    Args:
        variant: style of the schemas and perturbation.
        teacher: the name of its file in configs/teachers.
        datasets: GMNER, FMNERG or both; each has a model of its own.
        run: where and with which seed.
    """
    stages: list[Stage] = []
    folders: dict[str, Path] = {}
    for dataset in datasets:
        made, folders[dataset.name] = _one_dataset(variant, teacher, dataset, run)
        stages += made
    return RowPlan(tuple(dict.fromkeys(stages)), folders)


def _one_dataset(variant: Variant, teacher: str, dataset: Dataset, run: TableRun) -> tuple[list[Stage], Path]:
    """Return the stages of one dataset, and the folder of the evaluation."""
    config = "e2e_gmner_qwen2_5_vl_7b" if dataset == GMNER else "e2e_gmner_fmnerg_qwen2_5_vl_7b"
    samples, images = samples_folder(run, dataset), image_folder(run, dataset)
    is_asked = run.sizes["teachers"] and variant.style == "knowledge_visual"
    asked = ("--teachers", CONFIGS / "teachers" / f"{teacher}.yaml", "--image_root", images) if is_asked else ()
    style = "mllm_knowledge_visual" if is_asked else variant.style
    schemas = run.shared / "e2e_gmner" / dataset.name / (teacher if is_asked else style)
    out, name = run.folder / "e2e_gmner" / dataset.name / variant.name, f"e2e_gmner/{dataset.name}/{variant.name}"
    train_set, dev, gold = schemas / "d1.parquet", samples / "dev.jsonl", samples / "test.jsonl"
    model = ("--model", out / "model", "--output_dir", out / "merged")
    boxes = ("--grbp_beta", variant.perturbation, "--grbp_gamma", variant.perturbation)
    return [
        published_stage(run, dataset),
        make_stage(
            f"e2e_gmner/{dataset.name}/{schemas.name}",
            f"reasoning schemas: {schemas.name} on {dataset.name}",
            "data_prep.write_schemas",
            *("--samples", samples / "train.jsonl", "--family", FAMILY, "--styles", style, *WRITING, *asked),
            *("--output_dir", schemas),
            reads=[samples / "train.jsonl"],
            makes=[train_set],
        ),
        make_stage(
            run.name(f"{name}/sft"),
            f"fine-tuning: {variant.name} on {dataset.name}",
            "sft",
            *("--config", CONFIGS / f"{config}_sft.yaml", "--train_set", train_set, "--image_root", images, "--held_out", dev),
            *("--output_dir", out, "--seed", run.seed, *boxes),
            reads=[train_set, dev],
            makes=[out / "model"],
            launch=LAUNCH,
        ),
        make_stage(
            run.name(f"{name}/merge"),
            f"one plain model: {variant.name} on {dataset.name}",
            "merge",
            *model,
            reads=[out / "model"],
            makes=[out / "merged"],
        ),
        make_stage(
            run.name(f"{name}/eval"),
            f"evaluation: {variant.name} on {dataset.name}",
            "evaluate",
            *("--config", CONFIGS / f"{config}_evaluate.yaml", "--model_name_or_path", out / "merged", "--gold", gold),
            *("--image_root", images, "--output_dir", out / "eval", "--seed", run.seed),
            reads=[out / "merged", gold],
            makes=[out / "eval" / "metrics.json", out / "eval" / "counts.json"],
        ),
    ], out / "eval"
