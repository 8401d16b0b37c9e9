"""UnCo's demo in the sandbox: a small model, its uncertainty, and what correction by a large model makes of it."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mcr.report.markdown import percent, table
from mcr.systems.stages import DemoRow, Plan, join_stages
from mcr.systems.tables import TableRun
from mcr.systems.unco.sandbox_runs import SIZES
from mcr.systems.unco.tables import TABLES
from mcr.uncertainties import PARTS

SMALL = {"train": 320, "dev": 30, "test": 40, "epochs": 8, "passes": 4}
SMALL_MODEL, DIRECT = "small: UE, MRD", "w/ Direct Correction"
SHOWN = {"unco-2": ("the large model alone",), "unco-3": (SMALL_MODEL,), "unco-1": ("Generation-based",)}
CORRECTED = (DIRECT, "the base model as corrector", "w/ UnCo")


def plan_demo(out: Path, seed: int, is_small: bool) -> Plan:
    """Return the demo's stages and the rows of its table."""
    run = TableRun("sandbox", out, out, seed, SIZES | (SMALL if is_small else {}))
    wanted = [(table, title) for table, titles in SHOWN.items() for title in titles]
    wanted += [("unco-2", title) for title in CORRECTED]
    rows = {title: next(row for row in TABLES[table].rows["sandbox"] if row.title == title) for table, title in wanted}
    plans = {title: row.plan(run) for title, row in rows.items()}
    shown = tuple(DemoRow(title, plan.evaluations["gmner"], (plan.stages[-1].name,)) for title, plan in plans.items())
    corrections = {title: plans[title].figures["correction"] for title in (*CORRECTED, "Generation-based")}
    named = {title: plans[title].evaluations["gmner"] / "metrics.json" for title in (SMALL_MODEL, *CORRECTED)}
    stages = tuple(join_stages(plan.stages for plan in plans.values()))
    return Plan(stages, shown, notes=partial(write_notes, corrections, named))


def write_notes(corrections: Mapping[str, Path], evaluations: Mapping[str, Path]) -> str:
    """Return what was asked, what came of it, who carries the errors, and the AUROC of the small model's uncertainty.

    Args:
        corrections: summary.json of each way to correct, by title.
        evaluations: metrics.json of the small model and of what was corrected, by title.
    """
    summaries = {title: json.loads(path.read_text(encoding="utf-8")) for title, path in corrections.items()}
    measures = {title: json.loads(path.read_text(encoding="utf-8"))["measures"] for title, path in evaluations.items()}
    most = summaries[DIRECT]["num_questions"]
    asked = [
        [title, f"{one['num_questions']} ({percent(one['num_questions'] / most if most else 0.0)} % of {DIRECT})"]
        + [_changes(one, part) for part in PARTS]
        for title, one in summaries.items()
    ]
    names = [
        [title, *(_percent(one.get(f"GMNER F1, {split}")) for split in ("seen", "unseen"))] for title, one in measures.items()
    ]
    aurocs = [[part, _percent(measures[SMALL_MODEL].get(f"AUROC of {part} uncertainty"))] for part in PARTS]
    return "\n\n".join([
        "Questions, and for each part: how many were changed, made right, made wrong.",
        table(("corrected", "questions", *PARTS), asked),
        "GMNER F1 of names that training has, and of names that it does not have.",
        table(("model", "seen names", "unseen names"), names),
        "AUROC of the small model's uncertainty: does it tell wrong parts from right ones?",
        table(("part", "AUROC"), aurocs),
    ])  # fmt: skip


def _changes(summary: Mapping[str, Any], part: str) -> str:
    """Return how many parts were changed, made right and made wrong; "-" where whole samples were replaced."""
    found = summary.get("changes", {}).get(part)
    return "-" if found is None else f"{found['changed']}, {found['to_right']}, {found['to_wrong']}"


def _percent(value: float | None) -> str:
    return "-" if value is None else percent(value)
