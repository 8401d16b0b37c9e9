"""UnCo's demo in the sandbox: a small model, its uncertainty, and what correction by a large model makes of it."""

from pathlib import Path

from mcr.systems.stages import DemoRow, Plan, join_stages
from mcr.systems.tables import TableRun
from mcr.systems.unco.sandbox_runs import SIZES
from mcr.systems.unco.tables import TABLES

SMALL = {"train": 320, "dev": 30, "test": 40, "epochs": 8, "passes": 4}
SHOWN = {"unco-2": ("the large model alone",), "unco-3": ("small: UE, MRD",), "unco-1": ("Generation-based",)}
CORRECTED = ("w/ Direct Correction", "the base model as corrector", "w/ UnCo")


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    run = TableRun("sandbox", out, out, seed, SIZES | (SMALL if is_small else {}))
    wanted = [(table, title) for table, titles in SHOWN.items() for title in titles]
    wanted += [("unco-2", title) for title in CORRECTED]
    rows = {title: next(row for row in TABLES[table].rows["sandbox"] if row.title == title) for table, title in wanted}
    plans = {title: row.plan(run) for title, row in rows.items()}
    shown = tuple(DemoRow(title, plan.evaluations["gmner"], (plan.stages[-1].name,)) for title, plan in plans.items())
    return Plan(tuple(join_stages(plan.stages for plan in plans.values())), shown)
