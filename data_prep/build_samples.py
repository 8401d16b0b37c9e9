"""Published annotations to samples.jsonl, one file a split, with a summary table.

python -m data_prep.build_samples twitter-gmner --root data/Twitter10000_v2.0 --out data/gmner [--images data/images]
"""

import argparse
from pathlib import Path

from data_prep.twitter_gmner import ReadReport, read_twitter_gmner
from mcr.errors import run_command
from mcr.samples import write_samples

READERS = {"twitter-gmner": read_twitter_gmner}


def summary_table(report: ReadReport) -> str:
    """Return the counts by split as a Markdown table."""
    names = list(next(iter(report.counts.values())))
    lines = [f"| split | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for split, counts in report.counts.items():
        lines.append(f"| {split} | {' | '.join(str(counts[name]) for name in names)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, read, check everything, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(READERS))
    parser.add_argument("--root", type=Path, required=True, help="folder of the annotations as published")
    parser.add_argument("--images", type=Path, help="folder of the images; without it sizes come from the annotations")
    parser.add_argument("--out", type=Path, required=True, help="folder for {train,dev,test}.jsonl and summary.md")
    args = parser.parse_args(argv)
    samples, report = READERS[args.dataset](args.root, args.images)
    for split, rows in samples.items():
        write_samples(args.out / f"{split}.jsonl", rows)
    table = summary_table(report)
    (args.out / "summary.md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    run_command(main)
