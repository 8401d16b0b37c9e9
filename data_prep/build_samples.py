"""Published annotations to samples.jsonl, one file a split, checked, with a table of counts.

    mcr build-samples twitter-gmner --root data/Twitter10000_v2.0 --output_dir data/gmner [--image_root data/images]

What cannot be used goes to rejected.jsonl with its place and reason; --strict stops instead and lists the first 20.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from data_prep.readers import readers
from data_prep.readers.grefcoco import GrefcocoReader
from data_prep.readers.reading import (
    IdRegister,
    Reader,
    Reject,
    count_sample,
    count_turned,
    splits_of_folder,
    without_duplicates,
)
from mcr.errors import MAX_FAULTS_SHOWN, ConfigError, DataError, raise_faults, run_command
from mcr.io.atomic_write import whole_file, whole_files, write_whole
from mcr.io.samples import iter_samples, write_samples
from mcr.records import Sample
from mcr.runs.command_line import CommandParser

COUNTS = ("samples", "entities", "groundable", "boxes", "images missing")


@dataclass(slots=True)
class BuildReport:
    """Counts by split, of samples, of the reader's own notes and of rejects by kind; the first rejects in words."""

    counts: dict[str, Counter] = field(default_factory=dict)
    rejects: dict[str, Counter] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def num_rejected(self) -> int:
        """How many rejects there are in all."""
        return sum(sum(kinds.values()) for kinds in self.rejects.values())


def build_split(
    items: Iterable[Sample | Reject], split: str, report: BuildReport, rejected: TextIO, image_root: Path | None
) -> Iterator[Sample]:
    """Yield the samples of one split, count them, and write rejects as they come."""
    counts, kinds = report.counts[split], report.rejects.setdefault(split, Counter())
    for item in items:
        if isinstance(item, Reject):
            kinds[item.kind] += 1
            if len(report.faults) <= MAX_FAULTS_SHOWN:
                report.faults.append(f"{item.place}: {item.reason}")
            rejected.write(json.dumps({"split": split, **asdict(item)}, ensure_ascii=False) + "\n")
        else:
            count_sample(counts, item)
            count_turned(counts, item, image_root)
            yield item


def build(
    reader: Reader, root: Path, image_root: Path | None, out: Path, splits: tuple[str, ...], *, is_strict: bool
) -> BuildReport:
    """Write {split}.jsonl, complete or not at all, and rejected.jsonl; return the counts.

    Raises:
        DataError: a folder that is not as published; with `is_strict` anything that cannot be used.
    """
    reader.check_folder(root, image_root)
    report, register = BuildReport(), ids_of_others(out, splits)
    with whole_files(out) as staging:
        with whole_file(out / "rejected.jsonl") as partial, partial.open("w", encoding="utf-8") as rejected:
            for split in splits:
                report.counts[split] = Counter()
                found = without_duplicates(reader.read(root, split, image_root, report.counts[split]), register)
                samples = build_split(tqdm(found, desc=f"reading {split}", unit="sample"), split, report, rejected, image_root)
                write_samples(staging / f"{split}.jsonl", samples)
        check_report(report, splits, out, is_strict=is_strict)
    return report


def ids_of_others(out: Path, splits: tuple[str, ...]) -> IdRegister:
    """Return a register of the ids in splits that were written before and are not written now."""
    register = IdRegister()
    for split in splits_of_folder(out):
        if split not in splits:
            for number, sample in enumerate(iter_samples(out / f"{split}.jsonl"), start=1):
                register.check(sample.id, f"{split}.jsonl:{number}")
    return register


def check_report(report: BuildReport, splits: tuple[str, ...], out: Path, *, is_strict: bool) -> None:
    """Raise DataError where nothing, or under `is_strict` not everything, can be used."""
    if is_strict and report.num_rejected:
        shown = report.faults[: MAX_FAULTS_SHOWN - 1] if report.num_rejected > MAX_FAULTS_SHOWN else report.faults
        hidden = report.num_rejected - len(shown)
        more = [f"and {hidden} more in {out / 'rejected.jsonl'}"] if hidden else []
        raise_faults(f"{report.num_rejected} places cannot be used", [*shown, *more])
    empty = [
        f"{split}: holds no sample that can be used. Check the file." for split in splits if not report.counts[split]["samples"]
    ]
    raise_faults("nothing to write", empty if is_strict or len(empty) == len(splits) else [])


def summary_table(report: BuildReport, published: Mapping[str, Mapping[str, int]]) -> str:
    """Return the counts by split as a Markdown table, published counts beside those that differ.

    Splits whose published counts are of their sum get a row for it once all of them are read.
    """
    notes = sorted({name for counts in report.counts.values() for name in counts} - set(COUNTS))
    names = [*COUNTS, *notes, "rejected"]
    lines = [f"| split | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    sums = [tuple(name.split("+")) for name in published if "+" in name and {*name.split("+")} <= report.counts.keys()]
    for splits in [*((split,) for split in report.counts), *sums]:
        split, counts = "+".join(splits), _sum(report.counts, splits)
        kinds = _sum(report.rejects, splits)
        rejected = str(sum(kinds.values()))
        if kinds:
            rejected += " (" + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())) + ")"
        cells = [_beside(counts[name], published.get(split, {}).get(name)) for name in (*COUNTS, *notes)]
        lines.append(f"| {split} | {' | '.join([*cells, rejected])} |")
    return "\n".join(lines)


def _sum(counters: Mapping[str, Counter], splits: Iterable[str]) -> Counter:
    total: Counter = Counter()
    for split in splits:
        total.update(counters.get(split, {}))
    return total


def _beside(count: int, published: int | None) -> str:
    return str(count) if published in (None, count) else f"{count} (published: {published})"


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, read, check everything, write."""
    parser = CommandParser(__doc__)
    parser.add_argument("dataset", choices=list(readers()))
    parser.add_argument("--root", type=Path, required=True, help="folder of the annotations as published")
    parser.add_argument("--image_root", type=Path, help="folder of the images; without it sizes come from the annotations")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder for {split}.jsonl, rejected.jsonl and summary.md")
    parser.add_argument("--splits", help="read these alone, e.g. train,val")
    parser.add_argument("--strict", action="store_true", help="stop when anything cannot be used")
    parser.add_argument("--several_targets", action="store_true", help="grefcoco: keep phrases with several targets")
    args = parser.parse_args(argv)
    reader = readers()[args.dataset]
    if args.several_targets:
        if not isinstance(reader, GrefcocoReader):
            raise ConfigError("--several_targets: is for grefcoco alone. Leave it out.")
        reader = replace(reader, keeps_several=True, published={})
    known = reader.splits or splits_of_folder(args.root)
    splits = tuple(args.splits.split(",")) if args.splits else known
    if not set(splits) <= set(known):
        raise ConfigError(f"--splits: got {args.splits}, expected some of {','.join(known)}.")
    if args.output_dir.resolve() == args.root.resolve():
        raise DataError(f"--output_dir: {args.output_dir} is the folder that is read. Name another.")
    report = build(reader, args.root, args.image_root, args.output_dir, splits, is_strict=args.strict)
    table = summary_table(report, reader.published)
    write_whole(args.output_dir / "summary.md", table + "\n")
    print(table)
    for fault in report.faults[:MAX_FAULTS_SHOWN]:
        print(f"rejected: {fault}")


if __name__ == "__main__":
    run_command(main)
