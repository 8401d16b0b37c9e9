"""Score a predictions file against gold from the command line; needs Python alone.

    mcr score --gold G.jsonl --predictions P.jsonl [--output_dir DIR]

mcr evaluate writes a report to look at, with intervals.
"""

from pathlib import Path

from mcr.errors import run_command
from mcr.io.atomic_write import write_json
from mcr.io.predictions import load_predictions
from mcr.io.samples import read_gold
from mcr.io.sanity_checks import Suspicion, find_suspicions
from mcr.metrics.conventions import DEFAULT, Conventions, add_convention_flags, read_conventions
from mcr.metrics.evaluate import Metrics, evaluate
from mcr.report.evaluation import warnings_of
from mcr.runs.command_line import CommandParser


def score_files(gold: Path, predictions: Path, conventions: Conventions = DEFAULT) -> tuple[Metrics, list[Suspicion]]:
    """Return every measure of a predictions file, and what looks wrong in it."""
    samples, predicted = read_gold(gold), load_predictions(predictions)
    return evaluate(samples, predicted, conventions=conventions), find_suspicions(samples, predicted, conventions.labels)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print."""
    parser = CommandParser(__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.jsonl")
    parser.add_argument("--output_dir", type=Path, help="folder that metrics.json is written to")
    add_convention_flags(parser)
    args = parser.parse_args(argv)
    metrics, suspicions = score_files(args.gold, args.predictions, read_conventions(args))
    written = ""
    if args.output_dir:
        found = {"suspicions": [suspicion.to_dict() for suspicion in suspicions]}
        path = args.output_dir / "metrics.json"
        write_json(path, metrics.to_dict() | found)
        written = f"  -> {path}"
    print(f"{metrics}{written}")
    for warning in warnings_of(metrics, suspicions):
        print(f"warning: {warning}")


if __name__ == "__main__":
    run_command(main)
