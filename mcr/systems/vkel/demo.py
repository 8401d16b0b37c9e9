"""VKEL's demo in the sandbox: the whole system, what it lacks without knowledge or objects, and a model tuned directly."""

from pathlib import Path

from mcr.systems.stages import DemoRow, Plan, join_stages
from mcr.systems.tables import TableRun
from mcr.systems.vkel.sandbox_runs import SIZES, plan_direct, plan_whole
from mcr.systems.vkel.tables import WHOLE, WITHOUT_KNOWLEDGE, WITHOUT_OBJECTS

SMALL = {"train": 160, "dev": 4, "test": 16, "unseen": 16, "texts": 40, "names_steps": 20, "places_steps": 20, "tokens": 200}
SHOWN = {"w/o Visual Knowledge": WITHOUT_KNOWLEDGE, "w/o Object Annotation": WITHOUT_OBJECTS, "VKEL": WHOLE}


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    run = TableRun("sandbox", out, out, seed, SIZES | (SMALL if is_small else {}))
    plans = {"tuned directly": plan_direct(WHOLE, run)} | {title: plan_whole(system, run) for title, system in SHOWN.items()}
    timed = {"tuned directly": ("direct", WHOLE.family)} | {title: ("places", one.second) for title, one in SHOWN.items()}
    rows = tuple(
        row
        for title, plan in plans.items()
        for row in (
            DemoRow(title, plan.evaluations["test"], (run.name(f"vkel/{'/'.join(timed[title])}/sft"),)),
            DemoRow(f"{title}: unseen names", plan.evaluations["unseen"], ()),
        )
    )
    return Plan(tuple(join_stages(plan.stages for plan in plans.values())), rows)
