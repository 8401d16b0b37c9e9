"""Writing an answer: the formats that schemas teach, one function each. mcr.formats reads all of them back.

A location is written in the model's frame: "[x1, y1, x2, y2]", several joined by ";" where the format allows it, or "None".
"""

import json
from collections.abc import Callable, Sequence

from mcr.records import Box, Entity

ORDERS = ("text type location", "text location type", "type text location")


def format_box(box: Box, decimals: int = 0) -> str:
    """Return "[x1, y1, x2, y2]" with a fixed number of decimals.

    >>> format_box((0, 20, 400.0, 640))
    '[0, 20, 400, 640]'
    """
    return "[" + ", ".join(f"{value:.{decimals}f}" for value in box) + "]"


def format_location(entity: Entity, decimals: int) -> str:
    """Return the entity's boxes one after the other, or None."""
    if not entity.boxes:
        return "None"
    return ", ".join(format_box(box, decimals) for box in entity.boxes)


def write_rows(entities: Sequence[Entity], decimals: int = 0, order: str = ORDERS[0]) -> str:
    """Return one row an entity, its three parts parted by " | "."""
    return "\n".join(_row(entity, decimals, order, " | ") for entity in entities)


def _row(entity: Entity, decimals: int, order: str, bar: str) -> str:
    parts = {"text": entity.text, "type": entity.type, "location": format_location(entity, decimals)}
    return bar.join(parts[name] for name in order.split())


def write_joined(entities: Sequence[Entity], decimals: int = 0, order: str = ORDERS[0]) -> str:
    """Return the rows on one line, parts joined by "|" and rows by "; " (E2E-GMNER)."""
    return "; ".join(_row(entity, decimals, order, "|") for entity in entities)


def write_triples(entities: Sequence[Entity], decimals: int = 0, order: str = ORDERS[0]) -> str:
    """Return one parenthesised triple an entity; text and type are JSON strings, so that any span survives."""
    rows = []
    for entity in entities:
        parts = {
            "text": json.dumps(entity.text, ensure_ascii=False),
            "type": json.dumps(entity.type, ensure_ascii=False),
            "location": format_location(entity, decimals),
        }
        rows.append("(" + ", ".join(parts[name] for name in order.split()) + ")")
    return "\n".join(rows)


def write_json(entities: Sequence[Entity], decimals: int = 0, order: str = ORDERS[0]) -> str:
    """Return a JSON list of objects with keys text, type, bbox_2d (one box, a list of boxes, or null)."""
    items = []
    for entity in entities:
        boxes = [_numbers(box, decimals) for box in entity.boxes or ()]
        location = None if entity.boxes is None else boxes[0] if len(boxes) == 1 else boxes
        parts = {"text": ("text", entity.text), "type": ("type", entity.type), "location": ("bbox_2d", location)}
        items.append(dict(parts[name] for name in order.split()))
    return json.dumps(items, ensure_ascii=False)


def write_sentences(entities: Sequence[Entity], decimals: int = 0, order: str = ORDERS[0]) -> str:
    """Return one sentence an entity, as VKEL writes them; the order of the parts is the sentence's own."""
    return "\n".join(
        f"{entity.text} is a(an) {entity.type}, whose bounding boxes are {format_location(entity, decimals)}."
        for entity in entities
    )


def _numbers(box: Box, decimals: int) -> list[float]:
    return [round(value, decimals) if decimals else round(value) for value in box]


def write_names(entities: Sequence[Entity], answer_format: str) -> str:
    """Return an answer of task mner: `text | type` by lines, or JSON objects with text and type."""
    if answer_format == "json":
        return json.dumps([{"text": entity.text, "type": entity.type} for entity in entities], ensure_ascii=False)
    return "\n".join(f"{entity.text} | {entity.type}" for entity in entities)


def write_empty(answer_format: str) -> str:
    """Return how a format says that there is no entity."""
    return "[]" if answer_format == "json" else "None"


WRITERS: dict[str, Callable[..., str]] = {
    "rows": write_rows,
    "joined": write_joined,
    "json": write_json,
    "triples": write_triples,
    "sentences": write_sentences,
}


NAME_FORMATS = ("rows", "json")


def write_answer(
    entities: Sequence[Entity], answer_format: str, *, decimals: int = 0, order: str = ORDERS[0], task: str = "gmner"
) -> str:
    """Return the answer text for entities whose boxes are in the frame they are written in.

    Args:
        entities: what to write; the empty list gives the format's own word for "nothing".
        answer_format: a key of WRITERS, for task mner one of NAME_FORMATS; task vg has one form alone, the place.
        decimals: of each coordinate (mcr.boxes.DECIMALS of the frame).
        order: of the three parts, one of ORDERS.
        task: gmner, mner or vg.
    """
    if task == "vg":
        return format_location(entities[0], decimals)
    if task == "mner" and entities:
        return write_names(entities, answer_format)
    return WRITERS[answer_format](entities, decimals, order) if entities else write_empty(answer_format)
