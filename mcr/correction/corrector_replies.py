"""What correctors reply: JSON with the corrected part. A reply that cannot be used keeps the original and is counted."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from mcr.boxes import Box, Frame
from mcr.correction.corrector_prompts import KEYS, NULL
from mcr.errors import DataError
from mcr.formats.location import format_box, is_none, read_json_location, read_location
from mcr.formats.markup.loose_json import TooDeepError, is_deep, scan
from mcr.labels import LabelSet
from mcr.records import Entity, Sample, check_box, collapse_space

CHANGED, CONFIRMED = "changed", "confirmed"
UNREADABLE, NOT_IN_SENTENCE, UNKNOWN_TYPE, BAD_BOX, REFUSED = (
    "unreadable",
    "not_in_sentence",
    "unknown_type",
    "bad_box",
    "refused",
)
GENERATED = "generated"  # of a whole sample
STATUSES = (CHANGED, CONFIRMED, UNREADABLE, NOT_IN_SENTENCE, UNKNOWN_TYPE, BAD_BOX, REFUSED, GENERATED)
OTHER_KEYS = {
    "span": ("span", "entity", "corrected_span"),
    "type": ("type", "entity_type"),
    "region": ("box", "bounding_box", "bbox", "bbox_2d", "region_box"),
}
BOX = re.compile(r"\[\s*[\d.]+(?:\s*,\s*[\d.]+){3}\s*\]")
NOT_THERE = re.compile(r"\bnot there\b|\bnot (?:shown|visible|in the image)\b|\b(?:null|none)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a correction.

    Attributes:
        entity: as it is now.
        status: one of STATUSES.
    """

    entity: Entity
    status: str


def read_correction(reply: str, part: str, sample: Sample, entity: Entity, labels: LabelSet, frame: Frame | None) -> Outcome:
    """Return an entity with one part as a reply corrects it.

    Args:
        reply: of the model; "" where the endpoint refused the request.
        part: of `mcr.uncertainties.PARTS`.
        sample: that the entity is of.
        entity: as it was, boxes in original pixels.
        labels: that types are taken from.
        frame: that the reply's boxes are in.
    """
    if not reply.strip():
        return Outcome(entity, REFUSED)
    value, is_given = _value_of(reply, part)
    if not is_given:
        return Outcome(entity, UNREADABLE)
    return {"span": _span, "type": _type, "region": _region}[part](value, sample, entity, labels, frame)


def _value_of(reply: str, part: str) -> tuple[Any, bool]:
    """Return what a reply says of a part, and whether it says anything; without JSON a region may be in plain text."""
    for row in _objects_in(reply):
        for key in (KEYS[part], *OTHER_KEYS[part]):
            if key in row:
                return row[key], True
    if part == "region" and "{" not in reply:
        boxes = BOX.findall(reply)
        if boxes:
            return boxes[-1], True
        return (None, True) if NOT_THERE.search(reply) else (None, False)
    return None, False


def _objects_in(reply: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a reply, the last one first: a model may quote the form before it uses it."""
    found: list[dict[str, Any]] = []
    start = reply.find("{")
    while start >= 0:
        try:
            scanned = scan(reply, start) if not is_deep(reply, start) else None
        except TooDeepError:
            break
        if scanned is None:
            break
        if isinstance(scanned.value, dict):
            found.append(scanned.value)
        start = reply.find("{", max(scanned.end, start + 1))
    return found[::-1]


def _span(value: Any, sample: Sample, entity: Entity, labels: LabelSet, frame: Frame | None) -> Outcome:
    text = collapse_space(value) if isinstance(value, str) else ""
    if not text:
        return Outcome(entity, UNREADABLE)
    if text not in collapse_space(sample.sentence):
        return Outcome(entity, NOT_IN_SENTENCE)
    return _outcome(entity, replace(entity, text=text))


def _type(value: Any, sample: Sample, entity: Entity, labels: LabelSet, frame: Frame | None) -> Outcome:
    label = labels.canonical(value) if isinstance(value, str) else ""
    if label not in labels.labels:
        return Outcome(entity, UNKNOWN_TYPE if label else UNREADABLE)
    return _outcome(entity, replace(entity, type=label))


def _region(value: Any, sample: Sample, entity: Entity, labels: LabelSet, frame: Frame | None) -> Outcome:
    """A box is taken in the model's frame and cut to the image; Null and an empty list mean "not in the image"."""
    if value is None or value == [] or (isinstance(value, str) and (value.strip() == NULL or is_none(value))):
        return _outcome(entity, replace(entity, boxes=None, masks=None))
    read = read_location(value) if isinstance(value, str) else read_json_location(value)
    boxes = read.boxes if read is not None else ()
    if not boxes or frame is None:
        return Outcome(entity, BAD_BOX if boxes is not None else UNREADABLE)
    if any(_is_same(boxes[0], own, frame) for own in entity.boxes or ()):
        return Outcome(entity, CONFIRMED)
    box = _inside(boxes[0], frame, sample)
    return Outcome(entity, BAD_BOX) if box is None else _outcome(entity, replace(entity, boxes=(box,), masks=None))


def _is_same(box: Box, own: Box, frame: Frame) -> bool:
    """Whether a box of a reply is one of the entity's own, as the frame rounds it."""
    return format_box(box, frame.decimals) == format_box(frame.from_px(own), frame.decimals)


def _inside(box: Box, frame: Frame, sample: Sample) -> Box | None:
    try:
        x1, y1, x2, y2 = frame.to_px(check_box(box, f"sample {sample.id}"))
        image = sample.images[0]
        return check_box(
            (max(x1, 0.0), max(y1, 0.0), min(x2, float(image.width or x2)), min(y2, float(image.height or y2))), sample.id
        )
    except DataError:
        return None


def _outcome(before: Entity, after: Entity) -> Outcome:
    return Outcome(after, CONFIRMED if after == before else CHANGED)


def write_value(entity: Entity, part: str) -> str:
    """Return a part of an entity as corrections.jsonl has it."""
    if part == "region":
        return json.dumps(None if entity.boxes is None else [list(box) for box in entity.boxes])
    return entity.text if part == "span" else entity.type
