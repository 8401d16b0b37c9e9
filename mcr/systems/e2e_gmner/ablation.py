"""E2E-GMNER's ablation (its Table 2) in the sandbox: reasoning and box perturbation, with and without, under noisy gold boxes.

The noise and the variant without both are ours, not the paper's. As in the paper each variant is fine-tuned from one model that
can read images: a tiny one learns to see on scenes with gold boxes, then every variant and seed starts from it on other scenes,
whose boxes are jittered once by the seed (Gaussian, a share of width and height); the test split stays clean. While it learns to
see, boxes move a little from epoch to epoch: it has one token for each coordinate on the world's grid and would never meet the
digits of the others.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from mcr.systems.stages import Stage, Table, TableRun, make_stage

SFT_CONFIG = Path(__file__).parent / "configs" / "sandbox_e2e_gmner_sft.yaml"
GRBP_FLAGS = ("--grbp_beta", 0.03, "--grbp_gamma", 0.03)
FAMILY = "qwen3_vl"
SIZES = {
    "pretrain": 20800,  # scenes with gold boxes
    "train": 1600,  # scenes with noisy boxes: two epochs of the default steps
    "test": 300,
    "pretrain_steps": 5200,
    "steps": 400,  # of each variant
    "noise": 0.1,  # of training boxes, as a share of width and height
}
COLUMNS = {
    "GMNER F1": ("gmner", "f1"),
    "MNER F1": ("mner", "f1"),
    "EEG F1": ("eeg", "f1"),
    "Acc@0.5": ("grounding", "acc@0.5"),
    "Acc@0.75": ("grounding", "acc@0.75"),
    "mean IoU": ("grounding", "mean_iou"),
}


def schemas_stage(name: str, samples: Path, out: Path, styles: str, seed: int) -> Stage:
    """Return the stage that writes one training set of template schemas."""
    flags = ["--samples", samples, "--output_dir", out, "--family", FAMILY, "--styles", styles, "--answer_formats", "rows"]
    flags += ["--fixed_order", "--phrasings", 1, "--detail", "brief", "--instruction", "common"]
    flags += ["--per_sample", 1, "--d2_share", 0, "--seed", seed]
    return make_stage(name, f"reasoning schemas: {styles}", "data_prep.write_schemas", *flags)


def sft_stage(name: str, title: str, model: Path, train_set: Path, images: Path, out: Path, *more: object) -> Stage:
    """Return the stage of one fine-tuning."""
    flags = ["--config", SFT_CONFIG, "--model_name_or_path", model, "--train_set", train_set, "--image_root", images]
    return make_stage(name, title, "sft", *flags, "--output_dir", out, *more)


def evaluation_stage(name: str, title: str, model: Path, data: Path, out: Path) -> Stage:
    """Return the stage that scores a model on the clean test split."""
    flags = ["--gold", data / "test.jsonl", "--image_root", data, "--model_name_or_path", model, "--output_dir", out]
    return make_stage(name, title, "evaluate", *flags, "--max_new_tokens", 400, "--batch_size", 200)


def shared_stages(out: Path, sizes: Mapping[str, float]) -> list[Stage]:
    """Return the stages before all variants: the scenes, and a model that learns to see, name and ground on clean ones."""
    data, clean, untrained = out / "data", out / "clean", out / "untrained"
    num_train = sizes["pretrain"] + sizes["train"]
    world = ("--output_dir", data, "--train", num_train, "--dev", 1, "--test", sizes["test"])
    part = ("--samples", data / "train.jsonl", "--output_dir", out / "scenes", "--num", sizes["pretrain"])
    weights = ("--texts", clean / "d1.parquet", "--output_dir", untrained, "--family", FAMILY)
    more = ("--max_steps", sizes["pretrain_steps"], *GRBP_FLAGS)
    return [
        make_stage("data", "a world of samples", "data_prep.make_sandbox", *world),
        make_stage("clean", "scenes with gold boxes", "mcr.systems.e2e_gmner.noise", *part),
        schemas_stage("schemas", out / "scenes" / "samples.jsonl", clean, "steps_text_first,steps_image_first,brief", 0),
        make_stage("untrained", "a tiny model, random weights", "mcr.models.tiny", *weights),
        sft_stage("seeing", "learning to see", untrained, clean / "d1.parquet", data, out / "seeing", *more),
    ]


def variant(style: str, *, is_perturbed: bool) -> Callable[[TableRun], list[Stage]]:
    """Return what makes the stages of one variant: noisy scenes, their schemas, fine-tuning, evaluation."""

    def stages(run: TableRun) -> list[Stage]:
        data, folder, sizes = run.shared / "data", run.folder, run.sizes
        noise = ("--skip", sizes["pretrain"], "--noise", sizes["noise"], "--seed", run.seed)
        noisy = ("--samples", data / "train.jsonl", "--output_dir", folder / "scenes", *noise)
        more = ("--seed", run.seed, *(GRBP_FLAGS if is_perturbed else ()), "--max_steps", sizes["steps"])
        more = (*more, "--learning_rate", 5e-4, "--warmup_steps", 20)
        seeing, train_set = run.shared / "seeing" / "model", folder / "schemas" / "d1.parquet"
        return [
            make_stage("noisy", "scenes with noisy boxes", "mcr.systems.e2e_gmner.noise", *noisy),
            schemas_stage("schemas", folder / "scenes" / "samples.jsonl", folder / "schemas", style, run.seed),
            sft_stage("sft", "fine-tuning", seeing, train_set, data, folder / "sft", *more),
            evaluation_stage("eval", "evaluation", folder / "sft" / "model", data, folder / "eval"),
        ]

    return stages


ABLATION = Table(
    title="E2E-GMNER, Table 2, in the sandbox",
    columns=COLUMNS,
    sizes=SIZES,
    shared=shared_stages,
    rows={
        "E2E-GMNER": variant("knowledge_visual", is_perturbed=True),
        "w/o GRBP": variant("knowledge_visual", is_perturbed=False),
        "w/o reasoning": variant("answer_only", is_perturbed=True),
        "w/o both": variant("answer_only", is_perturbed=False),
    },
)
