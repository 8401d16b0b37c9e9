"""E2E-GMNER's demo in the sandbox: its schemas, fine-tuning with perturbed boxes, an evaluation before and after."""

from pathlib import Path

from mcr.systems.datasets import SANDBOX_BASE, world_stage
from mcr.systems.e2e_gmner.sandbox_runs import FAMILY, evaluation_stage, grbp_flags, schemas_stage, sft_stage
from mcr.systems.stages import DemoRow, Plan, make_stage

FULL = {"train": 2400, "test": 200, "steps": 300}
SMALL = {"train": 1040, "test": 60, "steps": 130}


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    size = SMALL if is_small else FULL
    data, train_set, tuned = out / "data", out / "schemas" / "d1.parquet", out / "sft"
    more = ("--seed", seed, *grbp_flags(0.03), "--max_steps", size["steps"])
    before, after = out / "eval" / "direct", out / "eval" / "sft"
    asked = ("--prompting", "direct", "--family", FAMILY)
    stages = (
        world_stage("data", data, {"train": size["train"], "dev": 1, "test": size["test"]}, seed),
        schemas_stage("schemas", data / "train.jsonl", out / "schemas", "knowledge_visual", seed),
        sft_stage("sft", "fine-tuning with perturbed boxes", SANDBOX_BASE, train_set, data, tuned, *more),
        evaluation_stage("eval_direct", "evaluation: the base model, asked", SANDBOX_BASE, data, before, *asked),
        evaluation_stage("eval_sft", "evaluation: after fine-tuning", tuned / "model", data, after),
    )
    scored = [before / "metrics.json", after / "metrics.json"]
    page = make_stage("page", "the run's page", "report", out, reads=scored, makes=[out / "run.html"])
    rows = (DemoRow("base, direct", before, ("eval_direct",)), DemoRow("E2E-GMNER", after, ("schemas", "sft", "eval_sft")))
    return Plan((*stages, page), rows)
