"""Is the difference between two systems real: paired bootstrap of every measure, and the samples that only one gets right.

    python recipes/compare.py A.jsonl B.jsonl --gold G.jsonl --out DIR [--num_resamples 10000] [--seed 0]

Writes compare.json and compare.md and prints the table. Missing predictions count as empty and are told.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from mcr.errors import ConfigError, run_command
from mcr.matching import match_exact
from mcr.metrics import Scored, is_gmner_hit
from mcr.predictions import join_gold, read_predictions
from mcr.records import Sample
from mcr.report.bootstrap import Difference, Estimate, difference, estimate
from mcr.report.markdown import escape, percent, table
from mcr.run_folder import write_json
from mcr.samples import read_samples

MAX_LISTED = 50


def is_right(row: Scored) -> bool:
    """Whether a sample's prediction is gold's, no more and no less."""
    return len(row.pred) == len(row.gold) == len(match_exact(row.pred, row.gold, is_gmner_hit))


def only_one_right(samples: list[Sample], rows_a: list[Scored], rows_b: list[Scored]) -> dict[str, list[Sample]]:
    """Return the samples that A alone and that B alone gets right."""
    found: dict[str, list[Sample]] = {"A": [], "B": []}
    for sample, row_a, row_b in zip(samples, rows_a, rows_b, strict=True):
        right_a, right_b = is_right(row_a), is_right(row_b)
        if right_a != right_b:
            found["A" if right_a else "B"].append(sample)
    return found


def score_table(scores_a: dict[str, Estimate], scores_b: dict[str, Estimate], differences: dict[str, Difference]) -> str:
    """Return one row a measure, in per cent, with 95 % intervals."""
    rows = []
    for name, change in differences.items():
        cells = [f"{percent(one.value)} ({percent(one.low)} to {percent(one.high)})" for one in (scores_a[name], scores_b[name])]
        cells.append(f"{100 * change.value:+.2f} ({100 * change.low:+.2f} to {100 * change.high:+.2f})")
        rows.append([name, *cells, f"{change.p:.4f}"])
    return table(("measure", "A", "B", "B minus A", "p"), rows)


def sample_list(title: str, samples: list[Sample]) -> str:
    """Return samples by id and sentence, escaped."""
    lines = [f"- {escape(sample.id)}: {escape(sample.sentence)}" for sample in samples[:MAX_LISTED]]
    more = [f"- and {len(samples) - MAX_LISTED} more"] if len(samples) > MAX_LISTED else []
    return "\n".join([f"## {title}: {len(samples)}", "", *lines, *more])


def main(argv: list[str] | None = None) -> None:
    """Read both, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=Path, help="predictions.jsonl of system A")
    parser.add_argument("b", type=Path, help="predictions.jsonl of system B")
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--num_resamples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    samples = read_samples(args.gold)
    if not samples or args.num_resamples < 1:
        raise ConfigError(
            f"compare: got {len(samples)} samples and {args.num_resamples} resamples, expected at least one of each."
        )
    (rows_a, report_a), (rows_b, report_b) = (join_gold(samples, read_predictions(path)) for path in (args.a, args.b))
    settings = {"num_resamples": args.num_resamples, "seed": args.seed}
    scores_a, scores_b = (estimate(rows, **settings) for rows in (rows_a, rows_b))
    differences = difference(rows_a, rows_b, **settings)
    found = only_one_right(samples, rows_a, rows_b)
    text = score_table(scores_a, scores_b, differences)
    head = [f"# {escape(str(args.a))} (A) against {escape(str(args.b))} (B)"]
    head.append(
        f"{len(samples)} samples; per cent, with 95 % intervals of {args.num_resamples} resamples (seed {args.seed}); p of no "
        f"difference, two-sided. Without a prediction, counted as empty: {report_a.num_missing} (A), {report_b.num_missing} (B)."
    )
    lists = [sample_list(f"Right in {name} alone", one) for name, one in found.items()]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "compare.md").write_text("\n\n".join([*head, text, *lists, ""]), encoding="utf-8")
    write_json(
        args.out / "compare.json",
        {
            "measures": {
                name: {"a": asdict(scores_a[name]), "b": asdict(scores_b[name]), "difference": asdict(differences[name])}
                for name in differences
            },
            "right_in_a_alone": [sample.id for sample in found["A"]],
            "right_in_b_alone": [sample.id for sample in found["B"]],
            "num_missing": {"a": report_a.num_missing, "b": report_b.num_missing},
            "settings": settings,
        },
    )
    print(f"{text}\n\n-> {args.out / 'compare.md'}")


if __name__ == "__main__":
    run_command(main)
