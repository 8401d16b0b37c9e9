"""RiVEG's demo in the sandbox: the whole system, and what it lacks without knowledge, entailment or expressions."""

from pathlib import Path

from mcr.systems.riveg.sandbox_runs import SIZES, Whole, plan_whole
from mcr.systems.riveg.tables import WHOLES
from mcr.systems.stages import DemoRow, Plan, join_stages
from mcr.systems.tables import TableRun

SMALL = {"train": 320, "dev": 40, "test": 40, "unseen": 40, "annotated": 40, "epochs": 15, "steps": 60}
SHOWN = ("w/o knowledge in MNER", "w/o VE", "names alone as phrases", "RiVEG")


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    run = TableRun("sandbox", out, out, seed, SIZES | (SMALL if is_small else {}))
    plans = {title: plan_whole(WHOLES[title], run) for title in SHOWN}
    rows = tuple(
        row for title, plan in plans.items() for row in (
            DemoRow(title, plan.evaluations["gmner"], own_stages(WHOLES[title], run)),
            DemoRow(f"{title}: unseen names", plan.evaluations["unseen"], ()),
        )
    )  # fmt: skip
    return Plan(tuple(join_stages(plan.stages for plan in plans.values())), rows)


def own_stages(system: Whole, run: TableRun) -> tuple[str, ...]:
    """Return the names of the stages whose minutes a row counts: its tagger, entailer and grounder, and its evaluation."""
    tagger = run.name(f"riveg/tagger/{system.knowledge.name if system.knowledge else 'text'}")
    models = [run.name(f"riveg/{task}/{system.form}/sft") for task in ("ve", "vg")][0 if system.is_entailed else 1 :]
    return (tagger, *models, run.name(f"riveg/whole/{system.name}/test"))
