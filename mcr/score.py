"""Score a predictions file against gold from the command line; needs Python alone.

    python -m mcr.score --gold G.jsonl --predictions P.jsonl [--out metrics.json]

recipes/evaluate.py writes a report to look at, with intervals.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcr.conventions import DEFAULT, Conventions, add_convention_flags, read_conventions
from mcr.errors import run_command
from mcr.metrics import evaluate
from mcr.predictions import join_gold, read_predictions
from mcr.samples import read_gold
from mcr.suspicions import find_suspicions
from mcr.whole_file import write_json


def score_files(gold: Path, predictions: Path, conventions: Conventions = DEFAULT) -> dict[str, Any]:
    """Return every measure by name, with the counts of what was missing or could not be read."""
    samples, found = read_gold(gold), read_predictions(predictions)
    rows, report = join_gold(samples, found)
    counts = {
        "num_unreadable": report.num_unreadable,
        "num_with_problems": report.num_with_problems,
        "num_missing": report.num_missing,
        "suspicions": [suspicion.to_dict() for suspicion in find_suspicions(samples, found)],
    }
    return evaluate(rows, conventions) | counts


def one_line(metrics: Mapping[str, Any]) -> str:
    """Return the main figures on one line, as fractions."""
    scores = [f"{name} F1 {metrics[key]['f1']:.4f}" for name, key in (("GMNER", "gmner"), ("MNER", "mner"), ("EEG", "eeg"))]
    return "  ".join([*scores, f"N-Rate {metrics['n_rate']:.4f}", f"N-F1 {metrics['no_target']['f1']:.4f}"])


def warnings_of(metrics: Mapping[str, Any]) -> list[str]:
    """Return in words what a reader of the figures should know: what is missing, what could not be read, what looks wrong."""
    counts = {"num_missing": "have no prediction and count as empty", "num_unreadable": "have a completion without an answer"}
    told = [f"{metrics[name]} of {metrics['num_samples']} samples {words}" for name, words in counts.items() if metrics[name]]
    return told + [f"{one['count']} x {one['what']} For example: {'; '.join(one['examples'])}." for one in metrics["suspicions"]]


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.jsonl")
    parser.add_argument("--out", type=Path, help="where to write metrics.json")
    add_convention_flags(parser)
    args = parser.parse_args(argv)
    metrics = score_files(args.gold, args.predictions, read_conventions(args))
    if args.out:
        write_json(args.out, metrics)
    print(one_line(metrics))
    for warning in warnings_of(metrics):
        print(f"warning: {warning}")


if __name__ == "__main__":
    run_command(main)
