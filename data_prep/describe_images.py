"""Adds captions and a detector's regions to samples. Schemas may speak of both, prompts do not.

    mcr describe-images --samples data/gmner/train.jsonl --output data/gmner/described.jsonl \
        [--captions captions.txt ...] [--regions regions.jsonl]

Captions are read in three forms: RiVEG's `imgid:ID###caption` (over several lines), RiVEG's `ID.jpg :caption`, and JSON lines
`{"id", "caption"}`. Regions are JSON lines `{"id", "regions": [{"label", "box"}]}`, boxes in pixels of the original image. Files
that end in .gz are read as they are.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mcr.errors import DataError, raise_faults, run_command
from mcr.io.samples import iter_samples, write_samples
from mcr.records import Region, Sample, check_box, collapse_space
from mcr.runs.command_line import CommandParser

MARKED = re.compile(r"^imgid:(\S+?)###", re.MULTILINE)
ONE_LINE = re.compile(r"^(\S+)\.(?:jpg|png) :(.*)$")


def read_text(path: Path) -> str:
    """Return the text of a file, unpacked where its name ends in .gz.

    Raises:
        DataError: it cannot be read as UTF-8 text.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"reading {path}: {error}. Name a UTF-8 text file, packed by gzip or not.") from error


def read_captions(path: Path) -> dict[str, str]:
    """Return the captions of a file by id, white space collapsed; an empty caption is left out.

    Raises:
        DataError: lists the lines that are in none of the three forms, and the ids that occur twice with different captions.
    """
    text, captions, faults = read_text(path), {}, []
    for place, sample_id, caption in _captions_in(text, path.name):
        if sample_id is None:
            faults.append(f"{place}: not a caption: {caption[:80]!r}. Write it in one of the forms of --help.")
        elif captions.get(sample_id, caption) != caption:
            faults.append(f"{place}: id {sample_id!r} occurs twice with different captions. Remove one.")
        elif caption:
            captions[sample_id] = caption
    raise_faults(f"captions of {path} cannot be used", faults)
    return captions


def _captions_in(text: str, name: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield (place, id, caption); the id None for what cannot be read."""
    marks = list(MARKED.finditer(text))
    if marks:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        for mark, end in zip(marks, ends, strict=True):
            yield name, mark.group(1), collapse_space(text[mark.end() : end])
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{name}:{number}", *_caption_of_line(line)


def _caption_of_line(line: str) -> tuple[str | None, str]:
    found = ONE_LINE.match(line)
    if found:
        return found.group(1), collapse_space(found.group(2))
    try:
        row = json.loads(line)
        sample_id, caption = row["id"], row["caption"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, line
    return (sample_id, collapse_space(caption)) if isinstance(sample_id, str) and isinstance(caption, str) else (None, line)


def read_regions(path: Path) -> dict[str, tuple[Region, ...]]:
    """Return the regions of a file by id.

    Raises:
        DataError: lists the lines that cannot be used, and the ids that occur twice.
    """
    regions: dict[str, tuple[Region, ...]] = {}
    faults = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            row = json.loads(line)
            found = tuple(Region(str(one["label"]), check_box(one["box"], place)) for one in row["regions"])
            if row["id"] in regions:
                raise DataError(f"id {row['id']!r} occurs twice. Remove one.")
            regions[row["id"]] = found
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            faults.append(f"{place}: {error!s}" if isinstance(error, DataError) else f"{place}: {type(error).__name__} {error}")
    raise_faults(f"regions of {path} cannot be used", faults)
    return regions


def describe(sample: Sample, captions: Sequence[Mapping[str, str]], regions: Mapping[str, tuple[Region, ...]]) -> Sample:
    """Return a sample with its captions and regions added to those that it has; what it has already is not added twice.

    Raises:
        DataError: a region outside the image.
    """
    found = [one[sample.id] for one in captions if sample.id in one]
    known_captions = tuple(dict.fromkeys((*sample.captions, *found)))
    known_regions = tuple(dict.fromkeys((*sample.regions, *regions.get(sample.id, ()))))
    return replace(sample, captions=known_captions, regions=known_regions)


def main(argv: list[str] | None = None) -> None:
    """Read, add, write, and report how many samples have what."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="samples.jsonl to write")
    parser.add_argument("--captions", type=Path, nargs="+", default=[], help="files of captions")
    parser.add_argument("--regions", type=Path, help="a detector's regions")
    args = parser.parse_args(argv)
    if not args.captions and args.regions is None:
        raise DataError("describe-images: got neither --captions nor --regions, so nothing would change. Name a file.")
    captions = [read_captions(path) for path in args.captions]
    regions = read_regions(args.regions) if args.regions else {}
    described, faults = [], []
    for sample in iter_samples(args.samples):
        try:
            described.append(describe(sample, captions, regions))
        except DataError as error:
            faults.append(str(error))
    raise_faults(f"{len(faults)} samples cannot be described", faults)
    write_samples(args.output, described)
    ids = {sample.id for sample in described}
    unused = len({sample_id for one in (*captions, regions) for sample_id in one} - ids)
    num_captions, num_regions = (sum(bool(getattr(one, name)) for one in described) for name in ("captions", "regions"))
    print(f"{len(described)} samples: {num_captions} with captions, {num_regions} with regions -> {args.output}")
    if unused:
        print(f"{unused} ids of the files are of no sample here")


if __name__ == "__main__":
    run_command(main)
