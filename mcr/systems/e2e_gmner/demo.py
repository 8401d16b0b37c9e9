"""E2E-GMNER's demo in the sandbox: its schemas, fine-tuning with perturbed boxes, an evaluation before and after."""

from pathlib import Path

from mcr.systems.e2e_gmner.sandbox_runs import FAMILY, evaluation_stage, grbp_flags, schemas_stage, sft_stage
from mcr.systems.stages import DemoRow, Plan, make_stage

FULL = {"train": 20800, "test": 300, "steps": 2600}
SMALL = {"train": 3200, "test": 100, "steps": 400}


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    size = SMALL if is_small else FULL
    data, schemas, untrained = out / "data", out / "schemas", out / "untrained"
    world = ("--output_dir", data, "--train", size["train"], "--test", size["test"], "--seed", seed)
    weights = ("--texts", schemas / "d1.parquet", "--output_dir", untrained, "--family", FAMILY, "--seed", seed)
    more = ("--seed", seed, *grbp_flags(0.03), "--max_steps", size["steps"])
    before, after = out / "eval" / "untrained", out / "eval" / "sft"
    stages = (
        make_stage("data", "a world of samples", "data_prep.make_sandbox", *world),
        schemas_stage("schemas", data / "train.jsonl", schemas, "knowledge_visual", seed),
        make_stage("untrained", "a tiny model, random weights", "mcr.models.tiny", *weights),
        evaluation_stage("eval_untrained", "evaluation, untrained", untrained, data, before),
        sft_stage("sft", "fine-tuning with perturbed boxes", untrained, schemas / "d1.parquet", data, out / "sft", *more),
        evaluation_stage("eval_sft", "evaluation, after fine-tuning", out / "sft" / "model", data, after),
        make_stage("page", "the run's page", "report", out),
    )
    rows = (
        DemoRow("untrained", before, ("data", "schemas", "untrained")),
        DemoRow("E2E-GMNER", after, ("sft",)),
    )
    return Plan(stages, rows)
