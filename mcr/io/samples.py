"""samples.jsonl on disk: one checked sample a line."""

import difflib
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from mcr.errors import MAX_FAULTS_SHOWN, DataError, closest, raise_faults
from mcr.io.atomic_write import whole_file
from mcr.io.box_rows import samples_of_box_rows
from mcr.io.unicode import without_surrogates
from mcr.records import Entity, ImageRef, Region, Sample

MISSPELLED = 0.85  # from this likeness on (difflib) a key is a known one misspelled, not one of the file's own
ENTITY_KEYS = ("text", "type", "boxes", "masks")
GZIP, BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
MAX_LEADING_SPACE = 1024
UNPACKING_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)
NEEDED = {
    "id": "a name of its own for each sample, which predictions repeat",
    "dataset": "a name of your choice",
    "task": "gmner, mner or vg",
    "sentence": "the text that the entities occur in",
    "images": '[{"path", "width", "height"}], or [] where there is none',
    "entities": "a list, [] where the sentence names nothing",
}
NEEDED_OF_ENTITIES = {
    "text": "the name as the sentence writes it",
    "type": 'its type, e.g. "PER"',
    "boxes": "[[x1, y1, x2, y2], ...] in pixels of the image, or null where the image does not show it",
}
TO_SCORE = {"dataset": "", "task": "gmner", "images": ()}  # what gold may leave out, and what is taken for it


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
    if sample.proposed:
        row["proposed"] = [{"text": entity.text, "type": entity.type} for entity in sample.proposed]
    return row


def sample_from_dict(row: dict[str, Any], *, is_scored_only: bool = False) -> Sample:
    """Build a checked sample from its form on disk.

    Args:
        row: the content of its line.
        is_scored_only: the sample is gold to score against. Then `{"id", "sentence", "entities"}` is enough.

    Raises:
        DataError: missing keys (all of them, each with what to write), a misspelled one of an entity, or a value that breaks a
            rule of mcr.records.
    """
    check_keys("sample", row, {key: advice for key, advice in NEEDED.items() if not (is_scored_only and key in TO_SCORE)})
    if is_scored_only:
        row = TO_SCORE | row
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
            proposed=tuple(Entity(entity["text"], entity["type"]) for entity in row.get("proposed", ())),
            is_scored_only=is_scored_only,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"sample: {type(error).__name__} {error}, expected the keys of samples.jsonl. Add or rename keys.", kind="sample"
        ) from error


def check_keys(what: str, row: Mapping[str, Any], needed: Mapping[str, str]) -> None:
    """Raise one DataError that lists every key that a line and its entities lack, each with what to write.

    Args:
        what: the line is, for the message.
        row: the content of the line.
        needed: the keys of the line -> what to write.

    >>> check_keys("sample", {"id": "7", "entities": [{"text": "Ann", "boxes": None}]}, {"id": "a name", "sentence": "the text"})
    Traceback (most recent call last):
    ...
    mcr.errors.DataError: sample: lacks sentence, entities[0].type (id '7'). Add sentence: the text; type: its type, e.g. "PER".
    """
    entities = row.get("entities")
    inside = [
        (number, key)
        for number, entity in enumerate(entities if isinstance(entities, list) else ())
        if isinstance(entity, Mapping)
        for key in NEEDED_OF_ENTITIES
        if key not in entity
    ]
    missing = [key for key in needed if key not in row]
    if not missing and not inside:
        return
    names = [*missing, *(f"entities[{number}].{key}" for number, key in inside)]
    advice = [f"{key}: {needed[key]}" for key in missing]
    advice += [f"{key}: {NEEDED_OF_ENTITIES[key]}" for key in dict.fromkeys(key for _, key in inside)]
    hint = misspelled(row, tuple(needed)) if missing else []
    found = f" It has {', '.join(hint)}." if hint else ""
    place = f" (id {row['id']!r})" if "id" in row else ""
    raise DataError(f"{what}: lacks {', '.join(names)}{place}. Add {'; '.join(advice)}.{found}", kind=what)


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


def open_data(path: str | Path) -> BinaryIO:
    """Open a file for reading, unpacked where gzip packed it.

    Raises:
        DataError: there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"reading {path}: no such file. Check the path or run the step that writes it.")
    with path.open("rb") as file:
        is_packed = file.read(len(GZIP)) == GZIP
    return cast(BinaryIO, gzip.open(path)) if is_packed else path.open("rb")


def iter_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Yield (line number from 1, row), with a DataError in the row's place where a line is not a JSON object."""
    with open_data(path) as file:
        for number, line in enumerate(_unpacked_lines(file, path), start=1):
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


def _unpacked_lines(file: BinaryIO, path: str | Path) -> Iterator[bytes]:
    try:
        yield from file
    except UNPACKING_ERRORS as error:
        raise DataError(f"reading {path}: gzip cannot unpack it ({error}). Copy the file again.") from error


def load_samples(path: str | Path) -> list[Sample]:
    """Return all samples of a file.

    Raises:
        DataError: lists every bad line and every id that occurs twice.
    """
    return list(iter_samples(path))


def read_json_list(path: str | Path) -> list[Any] | None:
    """Return the content of a file that is one JSON list; None for any other file."""
    try:
        with open_data(path) as file:
            if not file.read(MAX_LEADING_SPACE).removeprefix(BOM).lstrip().startswith(b"["):
                return None
            file.seek(0)
            rows = json.loads(file.read().decode("utf-8-sig"))
    except (ValueError, RecursionError, *UNPACKING_ERRORS):
        return None  # reading it by line says why
    return without_surrogates(rows) if isinstance(rows, list) else None


def read_gold(path: str | Path, *, is_scored_only: bool = True) -> list[Sample]:
    """Return all samples of a file that something is scored against.

    Args:
        path: of samples.jsonl, plain or gzip; or of a JSON list with one row a box (mcr.io.box_rows).
        is_scored_only: predictions are at hand, so `{"id", "sentence", "entities"}` is enough for a line. A model that is still
            to be asked needs the images.

    Raises:
        DataError: lists every bad line and every id that occurs twice; or there is none.
    """
    rows = read_json_list(path) if is_scored_only else None
    samples = (
        list(iter_samples(path, is_scored_only=is_scored_only)) if rows is None else samples_of_box_rows(rows, Path(path).name)
    )
    if not samples:
        raise DataError(f"gold: {path} holds no sample. Check the file.")
    return samples


def iter_samples(path: str | Path, *, is_scored_only: bool = False) -> Iterator[Sample]:
    """Yield the samples of a file one after the other, in bounded memory; `is_scored_only` is that of `sample_from_dict`.

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
            sample = sample_from_dict(row, is_scored_only=is_scored_only)
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
