"""Tables of systems in the form of the papers, seeds of one system as mean and spread.

    mcr score-table "direct=runs/eval/direct" "MCR=runs/s0/eval/cvo,runs/s1/eval/cvo" [--output_dir DIR]

Each name stands for one or more folders of mcr evaluate, all on the same gold. There is one table for each group of measures that
the folders have: MCR Tables 1 and 2 (by the tasks of the gold), Table 4 and Fig. 3, E2E-GMNER's grounding, masks, uncertainty.
Spread is the standard deviation of the sample (n - 1). With --output_dir the tables go to table.md, and N-Pre, N-Rec and N-F1 are
drawn as bars with 95 % intervals (MCR Fig. 3).
"""

import json
import statistics
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, DataError, run_command
from mcr.io.atomic_write import write_whole
from mcr.metrics.conventions import DEFAULT
from mcr.report.markdown import escape, table
from mcr.runs.command_line import CommandParser

Systems = Mapping[str, Sequence[Mapping[str, Any]]]  # for each name the content of metrics.json, one a seed
RATES = {"Pre": "precision", "Rec": "recall", "F1": "F1"}
NO_TARGET = ("N-Pre", "N-Rec", "N-F1")
COUNTS = {"N-Count"}
BARS = "no_target.png"
# For each table its title and its columns: the header -> the measure.
TABLES: Mapping[str, Mapping[str, str]] = {
    "Entities, types and boxes (MCR Table 1; MNER also Table 2)": {
        f"{task} {part}": f"{task} {rate}" for task in ("GMNER", "MNER", "EEG") for part, rate in RATES.items()
    },
    "Phrases (GREC; MCR Table 2)": {
        "N-acc": "GREC N-acc",
        "Pre": "GREC precision",
        "T-acc": "GREC T-acc",
        "Pr@(F1=1)": "GREC Pr@(F1=1)",
    },
    "The two biases (MCR Table 4 and Fig. 3)": {name: name for name in ("N-Rate", "N-Count", *NO_TARGET)},
    "Grounding (E2E-GMNER Fig. 3)": {name: name for name in ("Acc@0.5", "Acc@0.75", "mean IoU")},
    "Verdicts (RiVEG Table X)": {"Acc": "verdict accuracy"},
    "Masks (RiVEG)": {f"{task} {part}": f"{task} {rate}" for task in ("SMNER", "EES") for part, rate in RATES.items()}
    | {name: name for name in ("mean mask IoU", "mean mask IoU of phrases")},
    "Fine types": {name: name for name in ("FMNERG F1", "FMNERG F1, coarse types", "FMNER F1", "FMNER F1, coarse types")},
    "Seen in training or not": {
        name: name for name in ("GMNER F1, seen", "GMNER F1, unseen", "MNER F1, seen", "MNER F1, unseen")
    },
    "Uncertainty (UnCo)": {
        "AUROC": "AUROC of uncertainty",
        **{f"AUROC, {part}": f"AUROC of {part} uncertainty" for part in ("span", "type", "region")},
        **{
            f"AUROC, {part}, {names}": f"AUROC of uncertainty, {part}, {names}"
            for names in ("seen", "unseen")
            for part in ("span", "type", "region")
        },
    },
}


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of one evaluation.

    Raises:
        DataError: no metrics.json there, or one of another kind.
    """
    path = folder / "metrics.json"
    if not path.exists():
        raise DataError(f"score-table: {path} does not exist. Name a folder that mcr evaluate wrote.")
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"score-table: {path}: {error}. Name a folder that mcr evaluate wrote.") from error
    if not isinstance(metrics, dict) or not isinstance(metrics.get("measures"), dict):
        raise DataError(f"score-table: {path} lacks measures. Run mcr evaluate again with the same command.")
    return metrics


def gold_of(metrics: Mapping[str, Any]) -> dict[str, int]:
    """Return what distinguishes one gold file from another: how much it holds."""
    phrases = metrics.get("grec", {})
    return {
        "samples": metrics["num_samples"],
        **{f"{name} entities": metrics[name]["num_gold"] for name in ("gmner", "mner")},
        "phrases": phrases.get("num_target", 0) + phrases.get("num_no_target", 0),
    }


def cell(values: Sequence[float], *, is_count: bool = False) -> str:
    """Return one value, or mean and spread of several; fractions as per cent; a dash where there are none."""
    if not values:
        return "\u2013"
    values = [value if is_count else 100 * value for value in values]
    digits = 1 if is_count and len(values) > 1 else 0 if is_count else 2
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} \u00b1 {statistics.stdev(values):.{digits}f}"


def values_of(seeds: Sequence[Mapping[str, Any]], measure: str) -> list[float]:
    """Return a measure of each seed; nothing where a seed lacks it."""
    values = [seed["measures"].get(measure) for seed in seeds]
    return [] if None in values else values


def tables(systems: Systems) -> list[str]:
    """Return the tables whose measures any system has, each with its title."""
    texts = []
    for title, columns in TABLES.items():
        shown = {
            header: measure for header, measure in columns.items() if any(values_of(seeds, measure) for seeds in systems.values())
        }
        rows = [
            [escape(name), *(cell(values_of(seeds, measure), is_count=measure in COUNTS) for measure in shown.values())]
            for name, seeds in systems.items()
        ]
        if shown:
            texts.append(f"{title}\n\n{table(['method', *shown], rows)}")
    return texts


def draw_no_target(path: Path, systems: Systems) -> bool:
    """Draw N-Pre, N-Rec and N-F1 of each system as bars (MCR Fig. 3), and return whether any system has them."""
    from mcr.metrics.intervals import Estimate, mean_with_interval  # NumPy and matplotlib: the tables need neither
    from mcr.report.comparison_figures import draw_bars

    groups: dict[str, dict[str, Estimate]] = {}
    for measure in NO_TARGET:
        for name, seeds in systems.items():
            values = values_of(seeds, measure)
            if len(values) > 1:
                groups.setdefault(measure, {})[name] = mean_with_interval(values)
            elif values:
                interval = seeds[0].get("intervals", {}).get(measure)
                groups.setdefault(measure, {})[name] = Estimate(**interval) if interval else mean_with_interval(values)
    if groups:
        draw_bars(path, groups, label="textual bias: score (%)")
    return bool(groups)


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


def read_systems(named: Sequence[tuple[str, Sequence[Path]]]) -> Systems:
    """Return the metrics of each system.

    Raises:
        ConfigError: a name or a folder occurs twice, or the folders were scored on different gold or by different conventions.
        DataError: a folder without metrics.
    """
    repeated = sorted({name for name, _ in named if [other for other, _ in named].count(name) > 1})
    if repeated:
        raise ConfigError(f"score-table: {', '.join(repeated)} is named twice. Write name=folder with names of their own.")
    systems = {name: [read_metrics(path) for path in paths] for name, paths in named}
    twice = [name for name, paths in named if len({path.resolve() for path in paths}) < len(paths)]
    if twice:
        raise ConfigError(f"score-table: {', '.join(twice)} names a folder twice. Name one folder a seed.")
    golds = {tuple(gold_of(seed).items()) for seeds in systems.values() for seed in seeds}
    if len(golds) > 1:
        sizes = "; ".join(", ".join(f"{count} {name}" for name, count in gold) for gold in sorted(golds))
        raise ConfigError(f"score-table: the folders were scored on different gold ({sizes}). Evaluate them on one file.")
    records = [seed.get("conventions") or {} for seeds in systems.values() for seed in seeds]
    used = {json.dumps(DEFAULT.to_dict() | record, sort_keys=True) for record in records}  # older records lack newer conventions
    if len(used) > 1:
        raise ConfigError("score-table: the folders were scored by different conventions. Evaluate them alike.")
    return systems


def read_arguments(argv: list[str] | None) -> Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("systems", nargs="+", help="name=folder[,folder of another seed...]")
    parser.add_argument("--output_dir", type=Path, help=f"folder that table.md and {BARS} are written to")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Read, tabulate, print, draw."""
    args = read_arguments(argv)
    systems = read_systems(list(map(parse_system, args.systems)))
    texts = tables(systems)
    if not texts:
        raise DataError("score-table: the evaluations hold no measure. Evaluate them on gold that holds entities or phrases.")
    print("\n\n".join(texts))
    if args.output_dir:
        if find_spec("matplotlib") is None:
            print(f"\n{BARS} is not drawn: matplotlib is not installed (extra train).")
        elif draw_no_target(args.output_dir / BARS, systems):
            texts.append(
                f"![N-Pre, N-Rec and N-F1]({BARS})\n\nError bars are 95 % intervals: over samples (bootstrap) for a system "
                "of one folder, over seeds (Student's t) for a system of several."
            )
        write_whole(args.output_dir / "table.md", "\n\n".join(texts) + "\n")


if __name__ == "__main__":
    run_command(main)
