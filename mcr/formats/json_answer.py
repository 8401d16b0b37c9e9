"""Answers in JSON: a list of objects (or of triples), one object, or a list under some key."""

import json
import re
from collections.abc import Sequence
from typing import Any

from mcr.boxes import Box
from mcr.formats.entity_parts import Reading, read_parts
from mcr.formats.location import decimals_of, read_json_location
from mcr.formats.rows import read_rows
from mcr.formats.sentences import read_sentences
from mcr.records import Entity

TEXT_KEYS = ("text", "entity", "span", "name", "mention", "entity_text", "entity_name", "word", "phrase")
TYPE_KEYS = ("type", "label", "category", "entity_type", "class", "tag")
LOCATION_KEYS = ("bbox_2d", "bbox", "box", "boxes", "bboxes", "region_box", "region", "bounding_box", "bounding_boxes")
LOCATION_KEYS += ("box_2d", "location", "coordinates", "grounding", "visual_region")
OUR_KEYS = ("text", "type", "bbox_2d")
DECODER = json.JSONDecoder()
SEPARATOR = re.compile(r"[\s,;]*")
JSON_START = re.compile(r"[\[{]")
OBJECT = re.compile(r"\{(?:[^{}]++|\{[^{}]*+\})*+\}")
BOX_FIRST = re.compile(r"\[[-\d\s.,]*\](?:[\s,;]*\[[-\d\s.,]*\])*\s*\|")  # a row that begins with its location
MAX_EMPTY_CHARS = 1000
MAX_DEPTH = 8
MAX_NESTING = 32
QUOTED_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{\]}]', re.DOTALL)


def is_empty_json(body: str) -> bool:
    """Whether a body is JSON that holds nothing but empty lists, such as `[ ]` or `{"entities": []}`."""
    is_short = len(body) < MAX_EMPTY_CHARS and not _is_deep(body)
    values, is_whole = _decode_all(body.strip(), 0) if is_short else ([], False)
    return is_whole and not any(_holds_something(value) for value in values)


def _holds_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_something(part) for part in value.values())
    return any(_holds_something(part) for part in value) if isinstance(value, list) else True


def read_json_answer(body: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Return the entities of a JSON answer and why items could not be read; nothing of both where it is not JSON.

    Where nothing marks the answer the last of several JSON blocks with words between them counts, and rows or
    sentences behind the JSON count in its place; in a marked answer they count besides.
    """
    start = _next_json(body, 0)
    if start is None or BOX_FIRST.match(body, start):
        return [], []
    if _is_deep(body):
        return [], ["JSON nested too deeply"]
    if body[:start].strip() and not body[start:].lstrip("[ \n\t").startswith("{"):
        return [], []
    blocks: list[list[Any]] = []
    first, end = start, start
    while start is not None:
        values, is_whole, end = _decode_block(body, start)
        if not is_whole:
            break
        blocks.append(values)
        start = _next_json(body, end)
    if blocks and start is None:
        found, faults = _collect([value for block in blocks for value in block] if how.is_marked else blocks[-1], 0, how)
        return _with_tail(found, faults, body[end:], how)
    entities, problems = [], ["the answer is not whole JSON; its complete objects were read"]
    for match in OBJECT.finditer(body, first if how.is_marked or start is None else start):
        objects, is_object = _decode_all(match.group(), 0)
        found, faults = _collect(objects, 0, how) if is_object else ([], [f"not JSON: {match.group()[:80]!r}"])
        entities += found
        problems += faults
    return (entities, problems) if entities else ([], [])


def _with_tail(entities: list[Entity], problems: list[str], tail: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Add what stands behind the JSON in another format, or take it alone where nothing marks the answer."""
    if not tail.strip():
        return entities, problems
    behind, faults = read_sentences(tail, how)
    if not behind:
        behind, faults = read_rows(tail, how)
    if not behind:
        return entities, problems
    return (entities + behind, problems + faults) if how.is_marked else (behind, faults)


def _is_deep(text: str) -> bool:
    """Whether brackets are nested so deeply that walking the value could exhaust the stack."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for match in QUOTED_OR_BRACKET.finditer(text):
        depth += (match.group() in "[{") - (match.group() in "]}")
        if depth > MAX_NESTING:
            return True
    return False


def _next_json(body: str, start: int) -> int | None:
    found = JSON_START.search(body, start)
    return found.start() if found else None


def _decode_all(text: str, start: int) -> tuple[list[Any], bool]:
    values, is_whole, _ = _decode_block(text, start)
    return values, is_whole


def _decode_block(text: str, start: int) -> tuple[list[Any], bool, int]:
    """Return the JSON lists and objects that follow one another (JSON lines, too), whether they are whole, and their end."""
    values: list[Any] = []
    while start < len(text) and text[start] in "[{":
        try:
            value, start = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return values, False, start
        values.append(value)
        gap = SEPARATOR.match(text, start)
        start = gap.end() if gap else start
    return values, bool(values), start


def _collect(value: Any, depth: int, how: Reading) -> tuple[list[Entity], list[str]]:
    """Walk lists and wrapping objects down to the items."""
    if depth > MAX_DEPTH:
        return [], ["JSON nested too deeply"]
    if isinstance(value, dict):
        return _collect_object(value, depth, how)
    if not isinstance(value, list):
        return [], [f"expected an object, got {str(value)[:80]!r}"]
    if len(value) == 3 and sum(isinstance(part, str) for part in value) >= 2 and not any(isinstance(p, dict) for p in value):
        entity, problem = read_parts([part if isinstance(part, str) else json.dumps(part) for part in value], ", ", how)
        return ([entity], []) if entity else ([], [problem])
    entities, problems = [], []
    for item in value:
        found, faults = _collect(item, depth + 1, how)
        entities += found
        problems += faults
    return entities, problems


def _collect_object(row: dict[str, Any], depth: int, how: Reading) -> tuple[list[Entity], list[str]]:
    text_key, type_key, location_key = OUR_KEYS if row.keys() == set(OUR_KEYS) else _find_keys(row)
    if text_key is None or (type_key is None and how.task.has_type):
        nested = [value for value in row.values() if isinstance(value, list | dict)]
        if nested:
            return _collect(nested, depth + 1, how)
        return [], [f"object without text and type: {str(row)[:80]!r}"]
    text, label = row[text_key], row[type_key] if type_key is not None else ""
    if not isinstance(text, str) or not isinstance(label, str) or not text.strip():
        return [], [f"text and type must be strings: {str(row)[:80]!r}"]
    boxes = () if location_key is None else read_json_location(row[location_key])
    problems = [f"no readable location: {str(row)[:80]!r}"] if boxes == () else []
    return [Entity(text.strip(), label.strip(), boxes)], problems


def _find_keys(row: dict[str, Any]) -> list[str | None]:
    """Return which keys hold text, type and location."""
    keys = {str(key).strip().lower().replace(" ", "_"): key for key in row}
    return [next((keys[key] for key in known if key in keys), None) for known in (TEXT_KEYS, TYPE_KEYS, LOCATION_KEYS)]


def write_json(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return a JSON list of objects with keys text, type, bbox_2d (one box, a list of boxes, or null)."""
    items = []
    for entity in entities:
        boxes = [_numbers(box, decimals_of(entity)) for box in entity.boxes or ()]
        location = None if entity.boxes is None else boxes[0] if len(boxes) == 1 else boxes
        values = {"text": ("text", entity.text), "type": ("type", entity.type), "location": ("bbox_2d", location)}
        items.append(dict(values[name] for name in parts))
    return json.dumps(items, ensure_ascii=False)


def _numbers(box: Box, decimals: int) -> list[float]:
    return [round(value, decimals) if decimals else round(value) for value in box]
