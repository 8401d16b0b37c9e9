"""Score a predictions file against gold from the command line; needs Python alone.

    mcr score --gold G.jsonl --predictions P.jsonl [--output_dir DIR]
    mcr score --gold G.jsonl --predictions COMPLETIONS.jsonl --family qwen2_5_vl

Both files hold one object a line. Gold: {"id", "sentence", "entities"}. Predictions: the same, or {"id", "completion"}, what
a model wrote. An entity is {"text", "type", "boxes": [[x1, y1, x2, y2], ...] | null}, in pixels of the image.

mcr evaluate writes a report to look at, with intervals.
"""

from pathlib import Path

from mcr.errors import run_command
from mcr.io.atomic_write import write_json
from mcr.io.checks.suspicion import Suspicion
from mcr.io.completions import NOT_STATED, CompletionForm, add_frame_flags, read_frame_flags, read_predictions
from mcr.io.samples import read_gold
from mcr.io.sanity_checks import find_suspicions
from mcr.metrics.conventions import DEFAULT, Conventions, add_convention_flags, read_conventions, read_labels
from mcr.metrics.evaluate import Metrics, evaluate
from mcr.report.evaluation import warnings_of
from mcr.runs.command_line import CommandParser


def score_files(
    gold: Path, predictions: Path, conventions: Conventions = DEFAULT, form: CompletionForm = NOT_STATED
) -> tuple[Metrics, list[Suspicion]]:
    """Return every measure of a predictions file, and what looks wrong in it; `form` is that of completions without entities."""
    samples = read_gold(gold)
    predicted = read_predictions(predictions, samples, form)
    suspicions = find_suspicions(samples, predicted, conventions.labels, is_case_sensitive=conventions.is_case_sensitive)
    return evaluate(samples, predicted, conventions=conventions), suspicions


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print."""
    parser = CommandParser(__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl, or a JSON list with one row a box")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.jsonl")
    parser.add_argument("--output_dir", type=Path, help="folder that metrics.json is written to")
    add_frame_flags(parser)
    add_convention_flags(parser)
    args = parser.parse_args(argv)
    form = read_frame_flags(args, read_labels(args))
    metrics, suspicions = score_files(args.gold, args.predictions, read_conventions(args), form)
    written = ""
    if args.output_dir:
        found = {"suspicions": [suspicion.to_dict() for suspicion in suspicions]}
        path = args.output_dir / "metrics.json"
        write_json(path, metrics.to_dict() | found)
        written = f"  -> {path}"
    print(f"{metrics}{written}")
    print(metrics.conventions.in_words())
    if metrics.folded_types:
        print(metrics.aliases_in_words())
    for warning in warnings_of(metrics, suspicions):
        print(f"warning: {warning}")


if __name__ == "__main__":
    run_command(main)
