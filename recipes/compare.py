"""Is the difference between two systems real: paired bootstrap of every measure, and the samples that only one gets right.

    mcr compare A.jsonl B.jsonl --gold G.jsonl --output_dir DIR [--image_root IMAGES] [--num_resamples 10000] [--seed 0]

Files are those of mcr score; --family or --frame is of completions without entities, in both alike.
Writes compare.json, compare.md and report.html with both side by side, and prints the table. Missing predictions count as empty
and are counted in a warning.
"""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_json, write_whole
from mcr.io.completions import add_frame_flags, read_frame_flags, read_prediction_files
from mcr.io.samples import read_gold
from mcr.metrics.conventions import add_convention_flags, read_conventions, read_labels
from mcr.metrics.intervals import difference
from mcr.records import Sample
from mcr.report.evaluation import Evaluation, evaluate_system
from mcr.report.markdown import escape, table
from mcr.report.page import score_table
from mcr.report.write_report import write_comparison
from mcr.runs.command_line import CommandParser

MAX_LISTED = 50


def names_of(path_a: Path, path_b: Path) -> tuple[str, str]:
    """Return a short name for each file; A and B where they would be the same."""
    return (path_a.stem, path_b.stem) if path_a.stem != path_b.stem else ("A", "B")


def only_one_right(a: Evaluation, b: Evaluation) -> dict[str, list[Sample]]:
    """Return the samples that A alone and that B alone gets right."""
    right_alone: dict[str, list[Sample]] = {"A": [], "B": []}
    for index, sample in enumerate(a.samples):
        if a.is_right(index) != b.is_right(index):
            right_alone["A" if a.is_right(index) else "B"].append(sample)
    return right_alone


def interval_of(system: Evaluation, measure: str) -> dict[str, float] | None:
    """Return a measure with its interval; None where the system has no such measure."""
    estimate = system.intervals.get(measure)
    return None if estimate is None else asdict(estimate)


def sample_list(title: str, samples: list[Sample]) -> str:
    """Return samples by id and sentence, escaped."""
    lines = [f"- {escape(sample.id)}: {escape(sample.sentence)}" for sample in samples[:MAX_LISTED]]
    more = [f"- and {len(samples) - MAX_LISTED} more"] if len(samples) > MAX_LISTED else []
    return "\n".join([f"## {title}: {len(samples)}", "", *lines, *more])


def read_arguments(argv: list[str] | None) -> Namespace:
    """Return the checked command line.

    Raises:
        ConfigError: a number of resamples below 1, or an image root that is no folder.
    """
    parser = CommandParser(__doc__)
    parser.add_argument("a", type=Path, help="predictions.jsonl of system A")
    parser.add_argument("b", type=Path, help="predictions.jsonl of system B")
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--image_root", type=Path, help="folder that the image paths start from")
    parser.add_argument("--max_image_mb", type=float, default=40.0, help="bound on the images embedded in report.html")
    parser.add_argument("--num_resamples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    add_frame_flags(parser)
    add_convention_flags(parser)
    args = parser.parse_args(argv)
    if args.num_resamples < 1:
        raise ConfigError(f"--num_resamples: got {args.num_resamples}, expected at least 1.")
    if args.image_root is not None and not args.image_root.is_dir():
        raise ConfigError(f"--image_root: {args.image_root} is no folder. Correct it, or leave it out.")
    return args


def main(argv: list[str] | None = None) -> None:
    """Read both, compare, write."""
    args = read_arguments(argv)
    samples = read_gold(args.gold)
    conventions = read_conventions(args)
    form = read_frame_flags(args, read_labels(args))
    names = names_of(args.a, args.b)
    a, b = (
        evaluate_system(name, samples, predictions, conventions=conventions, num_resamples=args.num_resamples, seed=args.seed)
        for name, predictions in zip(names, read_prediction_files((args.a, args.b), samples, form), strict=True)
    )
    differences = difference(a.counts, b.counts, num_resamples=args.num_resamples, seed=args.seed)
    right_alone = only_one_right(a, b)
    scores = score_table((a, b), differences)
    text = table([escape(cell) for cell in scores["header"]], scores["rows"])
    title = f"{args.a} (A) against {args.b} (B)"
    head = [f"# {escape(title)}"]
    head.append(
        f"{len(samples)} samples; per cent, with 95 % intervals of {args.num_resamples} resamples (seed {args.seed}); the "
        "difference is B minus A, p of no difference, two-sided. Without a prediction, counted as empty: "
        f"{a.report.num_missing} (A), {b.report.num_missing} (B). {conventions.in_words()}"
    )
    lists = [sample_list(f"Right in {name} alone", one) for name, one in right_alone.items()]
    no_rewards = [[None] * len(samples)] * 2
    write_comparison(
        args.output_dir, title, (a, b), no_rewards, differences, image_root=args.image_root, max_image_mb=args.max_image_mb
    )
    write_whole(args.output_dir / "compare.md", "\n\n".join([*head, text, *lists, ""]))
    write_json(
        args.output_dir / "compare.json",
        {
            "measures": {
                name: {"a": interval_of(a, name), "b": interval_of(b, name), "difference": asdict(change)}
                for name, change in differences.items()
            },
            "right_in_a_alone": [sample.id for sample in right_alone["A"]],
            "right_in_b_alone": [sample.id for sample in right_alone["B"]],
            "num_missing": {"a": a.report.num_missing, "b": b.report.num_missing},
            "settings": {"num_resamples": args.num_resamples, "seed": args.seed, "conventions": conventions.to_dict()},
        },
    )
    for one in (a, b):
        if one.metrics.folded_types:
            print(f"{one.name}: {one.metrics.aliases_in_words()}")
        for warning in one.warnings():
            print(f"warning: {one.name}: {warning}")
    print(f"{conventions.in_words()}\n\n{text}\n\n-> {args.output_dir / 'report.html'}")


if __name__ == "__main__":
    run_command(main)
