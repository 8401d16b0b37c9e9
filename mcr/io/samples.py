"""samples.jsonl on disk: one checked sample a line."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mcr.errors import MAX_FAULTS_SHOWN, DataError, closest, raise_faults
from mcr.io.atomic_write import whole_file
from mcr.io.unicode import without_surrogates
from mcr.records import Entity, ImageRef, Region, Sample

MISSPELLED = 0.85  # from this likeness on (difflib) a key is a known one misspelled, not one of the file's own
NEEDED = ("id", "dataset", "task", "sentence", "images", "entities")
ENTITY_KEYS = ("text", "type", "boxes", "masks")


def sample_to_dict(sample: Sample) -> dict[str, Any]:
    """Return the form of a sample on disk; what says nothing (no regions, no captions) is left out."""
    images = []
    for image in sample.images:
        row: dict[str, Any] = {"path": image.path, "width": image.width, "height": image.height}
        images.append(row | {"is_missing": True} if image.is_missing else row)
    row = {
        "id": sample.id,
        "dataset": sample.dataset,
        "task": sample.task.name,
        "sentence": sample.sentence,
        "images": images,
        "entities": [entity.to_dict() for entity in sample.entities],
    }
    if sample.regions:
        row["regions"] = [{"label": region.label, "box": list(region.box_px)} for region in sample.regions]
    if sample.knowledge:
        row["knowledge"] = [{"text": text, "looks": looks} for text, looks in sample.knowledge]
    if sample.captions:
        row["captions"] = list(sample.captions)
    return row


def sample_from_dict(row: dict[str, Any]) -> Sample:
    """Build a checked sample from its form on disk.

    Raises:
        DataError: a missing key, a misspelled one of an entity, or a value that breaks a rule of mcr.records.
    """
    missing = [key for key in NEEDED if key not in row]
    if missing:
        raise DataError(f"sample: lacks {', '.join(missing)}, expected the keys of samples.jsonl. Add or rename.", kind="sample")
    try:
        return Sample(
            id=row["id"],
            dataset=row["dataset"],
            task=row["task"],
            sentence=row["sentence"],
            images=tuple(ImageRef(**image) for image in row["images"]),
            entities=tuple(map(_gold_entity, row["entities"])),
            regions=tuple(Region(region["label"], tuple(region["box"])) for region in row.get("regions", ())),
            knowledge=tuple((known["text"], known["looks"]) for known in row.get("knowledge", ())),
            captions=tuple(row.get("captions", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"sample: {type(error).__name__} {error}, expected the keys of samples.jsonl. Add or rename keys.", kind="sample"
        ) from error


def _gold_entity(row: Any) -> Entity:
    if isinstance(row, Mapping) and (wrong := misspelled(row, ENTITY_KEYS)):
        raise DataError(f"entity: got {', '.join(wrong)}, expected {', '.join(ENTITY_KEYS)}. Rename or remove.", kind="entity")
    return Entity.from_dict(row)


def misspelled(row: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    """Return the keys that are not known and like one that is, each with that one; a file may carry keys of its own.

    >>> misspelled({"text": "Ann", "boxs": None, "annotator": 7, "bbox": 1, "text_id": 2}, ENTITY_KEYS)
    ["'boxs' (did you mean boxes?)"]
    """
    return [f"{key!r}{hint}" for key in row if key not in known and (hint := _hint(key, known))]


@lru_cache(maxsize=1024)
def _hint(key: str, known: tuple[str, ...]) -> str:
    return closest(key, known) if difflib.get_close_matches(key, known, cutoff=MISSPELLED) else ""


def write_samples(path: Path, samples: Iterable[Sample]) -> int:
    """Write samples as JSON lines, complete or not at all (a temporary name, then a rename). Return how many."""
    num_samples = 0
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for sample in samples:
            file.write(json.dumps(sample_to_dict(sample), ensure_ascii=False) + "\n")
            num_samples += 1
    return num_samples


def iter_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Yield (line number from 1, row), with a DataError in the row's place where a line is not a JSON object."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"reading {path}: no such file. Check the path or run the step that writes it.")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                yield number, DataError(f"not UTF-8 JSON: {error}. Write one object a line (JSON Lines).")
                continue
            if b"\\u" in line:
                row = without_surrogates(row)
            yield (
                number,
                row
                if isinstance(row, dict)
                else DataError(f"got {type(row).__name__}, expected an object: one a line (JSON Lines), no list around them."),
            )


def load_samples(path: str | Path) -> list[Sample]:
    """Return all samples of a file.

    Raises:
        DataError: lists every bad line and every id that occurs twice.
    """
    return list(iter_samples(path))


def read_gold(path: str | Path) -> list[Sample]:
    """Return all samples of a file that something is scored against.

    Raises:
        DataError: lists every bad line and every id that occurs twice; or there is none.
    """
    samples = load_samples(path)
    if not samples:
        raise DataError(f"gold: {path} holds no sample. Check the file.")
    return samples


def iter_samples(path: str | Path) -> Iterator[Sample]:
    """Yield the samples of a file one after the other, in bounded memory.

    Raises:
        DataError: after the last sample, lists every bad line and every id that occurred twice.
    """
    faults: list[str] = []
    num_faults = 0
    first_line: dict[int, int] = {}
    for number, row in iter_json_lines(path):
        try:
            if isinstance(row, DataError):
                raise row
            sample = sample_from_dict(row)
            first = first_line.setdefault(hash_id(sample.id), number)
            if first != number:
                raise DataError(f"id {sample.id!r} occurs twice, first in line {first}. Make ids unique.", kind="id")
        except DataError as error:
            num_faults += 1
            if len(faults) <= MAX_FAULTS_SHOWN:
                faults.append(f"{Path(path).name}:{number}: {error}")
            continue
        yield sample
    raise_faults(f"{num_faults} of the lines of {path} cannot be used", faults)


def hash_id(sample_id: str) -> int:
    """Return eight bytes of an id's hash: what is kept of ids to find those that occur twice."""
    return int.from_bytes(hashlib.blake2b(sample_id.encode("utf-8", "surrogatepass"), digest_size=8).digest())
