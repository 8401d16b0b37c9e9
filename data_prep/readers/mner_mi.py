"""MNER-MI and MNER-UNI (also called MNER-MI-Plus): `text/MNER-MI_{train,val,test}.txt`, one tweet a line, up to four images.

A line is JSON, or in the rows from Twitter-2017 a Python literal, with keys id, text (tokens), images, label (BIO), url. No boxes
are annotated, so the task is mner. MISC and MIS are written OTHER, the spelling of Twitter-GMNER, so that one prompt fits both.
"""

import ast
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from data_prep.readers.conll import bio_tags, num_orphans
from data_prep.readers.reading import Item, check_id, find_image, read_at, require_files
from mcr.errors import DataError
from mcr.io.unicode import without_surrogates
from mcr.labels import TWITTER_GMNER
from mcr.records import Entity, Sample
from mcr.tagging.bio import spans_of
from mcr.tasks import MNER

FILES = {"train": "train", "dev": "val", "test": "test"}
TAGS = bio_tags(("PER", "LOC", "ORG", "MISC", "MIS", "OTHER"))
MAX_IMAGES = 4
MAX_LITERAL_CHARS = 100_000


@dataclass(frozen=True)
class MnerMiReader:
    """Either set; they differ in the name of the files."""

    dataset: str
    prefix: str
    splits: tuple[str, ...] = tuple(FILES)
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless the text files are there."""
        require_files(self.dataset, [self._path(root, split) for split in self.splits], image_root)

    def _path(self, root: Path, split: str) -> Path:
        return root / "text" / f"{self.prefix}_{FILES[split]}.txt"

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield samples and rejects in the order of the file."""
        path = self._path(root, split)
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.strip():
                    continue
                yield read_at(f"{path.name}:{number}", partial(self._sample, raw, image_root, notes))

    def _sample(self, raw: bytes, image_root: Path | None, notes: Counter) -> Sample:
        row, is_literal = read_row(raw)
        tokens, labels, images = (_texts(row, key) for key in ("text", "label", "images"))
        if len(tokens) != len(labels) or not all(label in TAGS for label in labels):
            raise DataError(
                f"tags: got {len(labels)} for {len(tokens)} tokens, {sorted({*labels} - TAGS)} unknown. Correct the row.",
                kind="tags",
            )
        if len(images) > MAX_IMAGES:
            raise DataError(f"image: got {len(images)}, expected at most {MAX_IMAGES}. Leave the others out.", kind="image")
        entities = [Entity(" ".join(tokens[a:b]), TWITTER_GMNER.canonical(label)) for a, b, label in spans_of(labels)]
        refs = tuple(find_image(image_root, name) for name in images)
        sample = Sample(check_id(row.get("id", "")), self.dataset, MNER, " ".join(tokens), refs, tuple(entities))
        notes["Python literals"] += is_literal
        notes["with several images"] += len(images) > 1
        notes["without an image"] += not images
        notes["I- without B-"] += num_orphans(labels)
        return sample


def _texts(row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise DataError(f"row: {key} is {str(value)[:80]!r}, expected a list of texts. Correct the row.", kind="row")
    return value


def read_row(raw: bytes) -> tuple[Mapping[str, Any], bool]:
    """Return (row, whether it was a Python literal); a literal is read without running anything.

    Raises:
        DataError: neither, or no object.
    """
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"encoding: not UTF-8 ({error}). Convert the file.", kind="encoding") from error
    is_literal = False
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        if len(text) > MAX_LITERAL_CHARS:
            raise DataError(f"row: neither JSON nor short enough for a literal ({error}). Repair the row.", kind="row") from error
        try:
            row, is_literal = ast.literal_eval(text), True
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as literal_error:
            raise DataError(f"row: neither JSON nor a literal ({literal_error}). Repair the row.", kind="row") from literal_error
    if not isinstance(row, dict):
        raise DataError(f"row: got {type(row).__name__}, expected an object. Repair the row.", kind="row")
    return without_surrogates(row), is_literal


PUBLISHED = {"train": {"samples": 6856}, "dev": {"samples": 860}, "test": {"samples": 860}}  # MCR Table 5
MNER_MI_READER = MnerMiReader("mner-mi", "MNER-MI", published=PUBLISHED)
MNER_UNI_READER = MnerMiReader("mner-uni", "MNER-UNI")
READERS = {"mner-mi": MNER_MI_READER, "mner-uni": MNER_UNI_READER}
