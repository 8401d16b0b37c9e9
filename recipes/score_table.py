"""A table of systems in the form of MCR's Tables 1 and 4, seeds of one system as mean and spread.

    mcr score-table "direct=runs/eval/direct" "MCR=runs/s0/eval/cvo,runs/s1/eval/cvo" [--output_dir DIR]

Each name stands for one or more folders of mcr evaluate. Spread is the standard deviation of the sample (n - 1).
"""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, DataError, run_command
from mcr.io.atomic_write import write_whole
from mcr.metrics.conventions import DEFAULT
from mcr.report.markdown import escape, table
from mcr.runs.command_line import CommandParser

TASKS = {"GMNER": "gmner", "MNER": "mner", "EEG": "eeg"}
PARTS = {"Pre": "precision", "Rec": "recall", "F1": "f1"}


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of one evaluation.

    Raises:
        DataError: no metrics.json there, or one of another kind.
    """
    path = folder / "metrics.json"
    if not path.exists():
        raise DataError(f"score_table: {path} does not exist. Name a folder that evaluate.py wrote.")
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        if "gmner" in metrics and "no_target" in metrics:
            return metrics
        reason = "lacks gmner and no_target"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise DataError(f"score-table: {path}: {reason}. Name a folder that mcr evaluate wrote.")


def gold_of(metrics: dict[str, Any]) -> dict[str, int]:
    """Return what tells one gold file from another: how much it holds."""
    return {"samples": metrics["num_samples"], **{f"{name} entities": metrics[name]["num_gold"] for name in ("gmner", "mner")}}


def cell(values: Sequence[float], *, is_count: bool = False) -> str:
    """Return one value, or mean and spread of several; fractions as per cent."""
    values = [value if is_count else 100 * value for value in values]
    digits = 1 if is_count and len(values) > 1 else 0 if is_count else 2
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} \u00b1 {statistics.stdev(values):.{digits}f}"


def task_table(systems: dict[str, list[dict[str, Any]]]) -> str:
    """Return precision, recall and F1 of the three tasks (MCR Table 1)."""
    header = ["method", *(f"{task} {part}" for task in TASKS for part in PARTS)]
    rows = []
    for name, found in systems.items():
        rows.append(
            [escape(name), *(cell([one[key][part] for one in found]) for key in TASKS.values() for part in PARTS.values())]
        )
    return table(header, rows)


def bias_table(systems: dict[str, list[dict[str, Any]]]) -> str:
    """Return the measures of the two biases (MCR Table 4 and Fig. 3)."""
    rows = []
    for name, found in systems.items():
        counts = [cell([one["n_count"] for one in found], is_count=True), cell([one["n_rate"] for one in found])]
        rows.append([escape(name), *counts, *(cell([one["no_target"][part] for one in found]) for part in PARTS.values())])
    return table(["method", "N-Count", "N-Rate", "N-Pre", "N-Rec", "N-F1"], rows)


def parse_system(text: str) -> tuple[str, list[Path]]:
    """Return the name and folders of `name=folder,folder`; a folder alone is named by itself.

    Raises:
        ConfigError: no folder.
    """
    name, _, folders = text.partition("=") if "=" in text else (Path(text).name, "", text)
    paths = [Path(folder.strip()) for folder in folders.split(",") if folder.strip()]
    if not name or not paths:
        raise ConfigError(f"score-table: got {text!r}, expected name=folder or name=folder,folder. Correct it.")
    return name, paths


def main(argv: list[str] | None = None) -> None:
    """Read, tabulate, print."""
    parser = CommandParser(__doc__)
    parser.add_argument("systems", nargs="+", help="name=folder[,folder of another seed...]")
    parser.add_argument("--output_dir", type=Path, help="folder that table.md is written to")
    args = parser.parse_args(argv)
    named = list(map(parse_system, args.systems))
    repeated = sorted({name for name, _ in named if [other for other, _ in named].count(name) > 1})
    if repeated:
        raise ConfigError(f"score-table: {', '.join(repeated)} is named twice. Write name=folder with names of their own.")
    systems = {name: [read_metrics(path) for path in paths] for name, paths in named}
    twice = [name for name, paths in named if len({path.resolve() for path in paths}) < len(paths)]
    if twice:
        raise ConfigError(f"score-table: {', '.join(twice)} names a folder twice. Name one folder a seed.")
    golds = {tuple(gold_of(one).items()) for found in systems.values() for one in found}
    if len(golds) > 1:
        sizes = "; ".join(", ".join(f"{count} {name}" for name, count in gold) for gold in sorted(golds))
        raise ConfigError(f"score-table: the folders were scored on different gold ({sizes}). Evaluate them on one file.")
    records = [one.get("conventions") or {} for found in systems.values() for one in found]
    used = {json.dumps(DEFAULT.to_dict() | record, sort_keys=True) for record in records}  # older records lack newer conventions
    if len(used) > 1:
        raise ConfigError("score-table: the folders were scored by different conventions. Evaluate them alike.")
    text = f"{task_table(systems)}\n\n{bias_table(systems)}\n"
    print(text)
    if args.output_dir:
        write_whole(args.output_dir / "table.md", text)


if __name__ == "__main__":
    run_command(main)
