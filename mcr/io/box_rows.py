"""Gold with one row a box, as UnCo and SAKE publish theirs (`twitter_*_gt.json`): one JSON list, two rows for two boxes.

An item is `{"tokens", "image_id" or "img_id", "gt_entities": [{"start", "end", "entity_type", "phrase", "region_box"}]}`. An
empty `region_box` says that the image does not show the entity. The rows of one entity, by span and type, become one entity with
all its boxes. `--gold_boxes each` counts them as rows again (mcr.metrics.conventions).
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mcr.errors import DataError, raise_faults
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

ID_KEYS = ("image_id", "img_id")
KEYS = ("start", "end", "entity_type", "phrase", "region_box")
FORM = "tokens, image_id or img_id, and gt_entities with " + ", ".join(KEYS)
Span = tuple[int, int]  # [start, end) over tokens


def samples_of_box_rows(items: Sequence[Any], name: str) -> list[Sample]:
    """Return the samples of a file with one row a box.

    A sample's id is the name of its image without the extension, as in Twitter-GMNER. The size of its image is not known. `end`
    is the last token or the one behind it: what makes every phrase equal its tokens is taken for the whole file.

    Args:
        items: the file's list.
        name: of the file, for messages.

    Raises:
        DataError: lists every item of another form, every phrase that is not its tokens, every entity with contradictory rows,
            and every id that occurs twice.
    """
    faults = [f"{name}, item {number}: {fault}" for number, item in enumerate(items, start=1) if (fault := _fault_of_form(item))]
    raise_faults(
        f"{len(faults)} of {len(items)} items of {name} cannot be used. Expected JSON Lines, or a list of {FORM}", faults
    )
    length = _length_behind_end(items)
    samples, seen = [], set()
    for number, item in enumerate(items, start=1):
        try:
            sample = _sample(item, length, PurePath(name).name.split(".")[0])
            if sample.id in seen:
                raise DataError(f"id {sample.id!r} occurs twice. Make ids unique.")
            seen.add(sample.id)
            samples.append(sample)
        except DataError as error:
            faults.append(f"{name}, item {number}: {error}")
    raise_faults(f"{len(faults)} of {len(items)} items of {name} cannot be used", faults)
    return samples


def _fault_of_form(item: Any) -> str:
    """Return what an item lacks, or nothing."""
    if not isinstance(item, Mapping):
        return f"got {type(item).__name__}, expected an object"
    missing = [key for key in ("tokens", "gt_entities") if not isinstance(item.get(key), list)]
    missing += [] if any(isinstance(item.get(key), str) for key in ID_KEYS) else [" or ".join(ID_KEYS)]
    if not missing:
        missing += [
            f"gt_entities[{number}].{key}"
            for number, row in enumerate(item["gt_entities"])
            for key in KEYS
            if not isinstance(row, Mapping) or key not in row
        ]
    return f"lacks {', '.join(missing)}" if missing else ""


def _length_behind_end(items: Sequence[Any]) -> int:
    """Return 1 where `end` is the last token of its phrase, 0 where it is the one behind: what fewer phrases contradict."""
    wrong = {
        length: sum(_words(item, row, length) != row["phrase"] for item in items for row in item["gt_entities"])
        for length in (1, 0)
    }
    return min(wrong, key=lambda length: wrong[length])


def _words(item: Mapping[str, Any], row: Mapping[str, Any], length: int) -> str:
    start, end = row["start"], row["end"]
    if not isinstance(start, int) or not isinstance(end, int) or start < 0:
        return ""
    return " ".join(map(str, item["tokens"][start : end + length]))


def _sample(item: Mapping[str, Any], length: int, dataset: str) -> Sample:
    rows: dict[tuple[Span, str], list[Mapping[str, Any]]] = {}
    for row in item["gt_entities"]:
        words = _words(item, row, length)
        if words != row["phrase"]:
            raise DataError(f"got phrase {row['phrase']!r}, expected its tokens, {words!r}. Correct start, end or phrase.")
        rows.setdefault(((row["start"], row["end"] + length), row["entity_type"]), []).append(row)
    image = next(item[key] for key in ID_KEYS if isinstance(item.get(key), str))
    return Sample(
        id=PurePath(image).stem,
        dataset=dataset,
        task=GMNER,
        sentence=" ".join(map(str, item["tokens"])),
        images=(ImageRef(image, None, None, is_missing=True),),
        entities=tuple(_entity(label, of_entity) for (_, label), of_entity in rows.items()),
        is_scored_only=True,
    )


def _entity(label: str, rows: Sequence[Mapping[str, Any]]) -> Entity:
    """Return the entity of its rows: without a box, or with one box a row."""
    phrase, boxes = rows[0]["phrase"], [row["region_box"] for row in rows]
    if len(boxes) > 1 and not all(boxes):
        raise DataError(f"{phrase!r} has rows with and without a box. Keep those that are right.")
    repeated = [box for number, box in enumerate(boxes) if box in boxes[:number]]
    if repeated:
        raise DataError(f"{phrase!r} has box {repeated[0]} twice. Keep one row.")
    return Entity(phrase, label, tuple(boxes) if boxes[0] else None)
