"""Score a predictions file against gold from the command line; needs Python alone.

    mcr score --gold G.jsonl --predictions P.jsonl [--output_dir DIR]

recipes/evaluate.py writes a report to look at, with intervals.
"""

from pathlib import Path
from typing import Any

from mcr.errors import run_command
from mcr.io.atomic_write import write_json
from mcr.io.predictions import join_gold, load_predictions
from mcr.io.samples import read_gold
from mcr.metrics.conventions import DEFAULT, Conventions, add_convention_flags, read_conventions
from mcr.metrics.sanity_checks import find_suspicions
from mcr.metrics.scores import evaluate
from mcr.report.summary import one_line, warnings_of
from mcr.runs.command_line import CommandParser


def score_files(gold: Path, predictions: Path, conventions: Conventions = DEFAULT) -> dict[str, Any]:
    """Return every measure by name, with the counts of what was missing or could not be read."""
    samples, found = read_gold(gold), load_predictions(predictions)
    rows, report = join_gold(samples, found)
    counts = {
        "num_unreadable": report.num_unreadable,
        "num_with_problems": report.num_with_problems,
        "num_missing": report.num_missing,
        "suspicions": [suspicion.to_dict() for suspicion in find_suspicions(samples, found)],
    }
    return evaluate(rows, conventions) | counts


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print."""
    parser = CommandParser(__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.jsonl")
    parser.add_argument("--output_dir", type=Path, help="folder that metrics.json is written to")
    add_convention_flags(parser)
    args = parser.parse_args(argv)
    metrics = score_files(args.gold, args.predictions, read_conventions(args))
    if args.output_dir:
        write_json(args.output_dir / "metrics.json", metrics)
    print(one_line(metrics))
    for warning in warnings_of(metrics):
        print(f"warning: {warning}")


if __name__ == "__main__":
    run_command(main)
