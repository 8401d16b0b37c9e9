"""Answers in JSON: a list of objects (or of triples), one object, a list under some key, or objects nested by type or name."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mcr.boxes import Box
from mcr.formats.entity_parts import Decoded, Reading, label_of, read_parts, read_type, settle
from mcr.formats.location import (
    NONE_LOCATION,
    ReadLocation,
    decimals_of,
    is_none,
    read_json_location,
    read_plain_json_location,
)
from mcr.formats.markup.decoration import strip_part
from mcr.formats.markup.what_is_read import (
    CORNER_KEYS,
    LOCATION_KEYS,
    SIZE_KEYS,
    TEXT_KEYS,
    TYPE_KEYS,
    VISIBLE_KEYS,
    WEAK_TEXT_KEYS,
    Y_FIRST_KEYS,
)
from mcr.formats.rows import ReadLine
from mcr.records import Entity

OUR_KEYS = ("text", "type", "bbox_2d")
MAX_DEPTH = 8
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
BOLD = re.compile(r"(\*\*|__|`)(?=\w)(.+)(?<=\w)\1", re.DOTALL)
CORNER_NAMES = frozenset(name for names in (*CORNER_KEYS, *SIZE_KEYS) for name in names)


def holds_something(value: Any) -> bool:
    """Whether a value holds more than empty lists and objects."""
    if isinstance(value, dict):
        return any(holds_something(part) for part in value.values())
    return any(holds_something(part) for part in value) if isinstance(value, list) else True


def read_json_value(value: Any, how: Reading) -> ReadLine:
    """Return the entities of a decoded value, and why items of it could not be read."""
    found = ReadLine()
    _walk(value, 0, how, found, "", "")
    return found


def _walk(value: Any, depth: int, how: Reading, found: ReadLine, label: str, name: str) -> None:
    """Go down lists and wrapping objects to the items; `label` and `name` are what the objects around them said."""
    if depth > MAX_DEPTH:
        found.problems.append("JSON nested too deeply")
    elif isinstance(value, dict):
        _walk_object(value, depth, how, found, label, name)
    elif isinstance(value, list):
        _walk_list(value, depth, how, found, label, name)
    elif isinstance(value, str) and label and value.strip() and not how.task.has_location:
        found.add(Entity(_name(value, how), label), "")
    elif value is not None:
        found.problems.append(f"expected an object, got {str(value)[:80]!r}")


def _walk_list(value: list[Any], depth: int, how: Reading, found: ReadLine, label: str, name: str) -> None:
    num_strings = sum(isinstance(part, str) for part in value)
    num_parts = len(how.task.asked)
    has_objects = any(isinstance(part, dict) for part in value)
    if name and label and not has_objects and value:
        found.add(*_entity(name, label, read_json_location(value), how, str(value)))
    elif name and len(value) == 2 and isinstance(value[0], str) and not has_objects:
        found.add(*_entity(name, value[0], read_json_location(value[1]), how, str(value)))
    elif len(value) == num_parts and num_strings >= min(2, num_parts) and not has_objects and not (label and num_parts == 2):
        parts = [Decoded(part) if isinstance(part, str) else json.dumps(part) for part in value]
        found.add(*read_parts(parts, ", ", how)) if how.task.has_location else _add_pair(value, how, found)
    else:
        for item in value:
            _walk(item, depth + 1, how, found, label, name)


def _add_pair(value: list[Any], how: Reading, found: ReadLine) -> None:
    """Add a name and a type of task mner."""
    first, last = (str(part) for part in value)
    is_text_first = how.may_be_label(last) or not how.is_label(first)
    text, label = (first, last) if is_text_first else (last, first)
    kind, problem = read_type(label, how)
    found.add(Entity(_name(text, how), kind) if text.strip() and kind else None, problem)


def _walk_object(row: dict[str, Any], depth: int, how: Reading, found: ReadLine, label: str, name: str) -> None:
    if how.is_strict and not row.keys() <= set(OUR_KEYS):
        found.problems.append(f"an object with other keys than {', '.join(OUR_KEYS)}: {str(row)[:80]!r}")
        return
    keys = OUR_KEYS if row.keys() == set(OUR_KEYS) else _find_keys(row, how, bool(label), bool(name))
    text_key, type_key, location_key = keys
    text = row[text_key] if text_key is not None else name
    kind = row[type_key] if type_key is not None else label
    if text_key is not None and type_key is None and not label and how.task.has_type and any(_is_nest(v) for v in row.values()):
        text = ""
    if not isinstance(text, str) or (how.task.has_type and isinstance(kind, dict)):
        found.problems.append(f"text and type must be strings: {str(row)[:80]!r}")
    elif text and (kind or not how.task.has_type):
        kind = " ".join(kind) if isinstance(kind, list) and len(kind) == 1 and isinstance(kind[0], str) else kind
        if not isinstance(kind, str):
            found.problems.append(f"text and type must be strings: {str(row)[:80]!r}")
            return
        place, doubt = _read_place(row, location_key, how)
        entity, problem = _entity(text, kind, place, how, str(row))
        found.add(entity, problem or doubt)
    else:
        _walk_nested(row, depth, how, found, label)


def _is_nest(value: Any) -> bool:
    return isinstance(value, list | dict) and bool(value) and any(isinstance(part, dict) for part in value)


def _walk_nested(row: dict[str, Any], depth: int, how: Reading, found: ReadLine, label: str) -> None:
    """Go down an object that is no item: by type, by name, or a wrapper such as {"entities": [...]}."""
    used = False
    for key, value in row.items():
        own = (label_of(key, how.labels) or "") if not how.is_strict else ""
        is_name = isinstance(value, dict | list) and not own and _describes(value)
        if isinstance(value, list | dict):
            _walk(value, depth + 1, how, found, own or label, key if is_name and not how.is_strict else "")
            used = True
        elif own and isinstance(value, str):
            _walk(value, depth + 1, how, found, own, "")
            used = True
        elif isinstance(value, str) and not how.task.has_location and how.may_be_label(value) and not how.is_strict:
            found.add(Entity(_name(key, how), read_type(value, how)[0]), "")
            used = True
        elif label and not how.is_strict and (value is None or isinstance(value, str)) and how.task.has_location:
            found.add(*_entity(key, label, read_json_location(value), how, str(row)))
            used = True
    if not used:
        found.problems.append(f"object without text and type: {str(row)[:80]!r}")


def _describes(value: dict[str, Any] | list[Any]) -> bool:
    """Whether a value says type and location of the name that is its key."""
    if isinstance(value, dict):
        folded = {_fold(key) for key in value}
        return bool(folded & set(LOCATION_KEYS) or folded & set(TYPE_KEYS)) and not folded & (set(TEXT_KEYS) - {"entity"})
    return bool(value) and (
        all(isinstance(part, int | float) for part in value)
        or (len(value) == 2 and isinstance(value[0], str))
        or all(isinstance(part, list) and part and not isinstance(part[0], str | dict | list) for part in value)
    )


def _entity(text: str, label: str, place: ReadLocation, how: Reading, row: str) -> tuple[Entity | None, str]:
    name = _name(text, how)
    kind, problem = read_type(label, how) if how.task.has_type else ("", "")
    if not name or (how.task.has_type and not kind):
        return None, f"text and type must be strings that are not empty: {row[:80]!r}"
    boxes, fault = settle(place, how, row)
    return Entity(name, kind, boxes), fault or problem


def _name(text: str, how: Reading) -> str:
    """Return a name; in a JSON string quotes are content, and emphasis is none unless the sentence holds it."""
    text = text.strip()
    if how.is_strict or not (bold := BOLD.fullmatch(text)) or (how.sentence and text in how.sentence):
        return text
    return strip_part(bold.group(2))


def _fold(key: Any) -> str:
    return "_".join(CAMEL.sub("_", str(key).strip()).lower().replace("-", " ").replace("_", " ").split())


def _find_keys(
    row: Mapping[str, Any], how: Reading, has_label: bool, has_name: bool
) -> tuple[str | None, str | None, str | None]:
    """Return which keys hold text, type and location.

    "label" is the name where another key holds the type; "entity" is the type where its value is one and "text" holds the name;
    "text" is the sentence where another key holds the name.
    """
    keys = {_fold(key): key for key in reversed(list(row))}
    if how.is_strict:
        found = [key if key in row else None for key in OUR_KEYS]
        return found[0], found[1], found[2]
    types = [name for name in TYPE_KEYS if name in keys]
    texts = [name for name in TEXT_KEYS if name in keys and isinstance(row[keys[name]], str)]
    kind = next((name for name in types if isinstance(row[keys[name]], str) and how.may_be_label(row[keys[name]])), None)
    if kind is None:
        kind = next((name for name in types if name != "entity"), None)
    texts = [name for name in texts if name != kind]
    if not texts and not has_name:
        texts = [name for name in WEAK_TEXT_KEYS if name in keys and name != kind]
        if not texts and kind in WEAK_TEXT_KEYS and (has_label or not how.task.has_type):
            texts, kind = [kind], None
    location = next((name for name in LOCATION_KEYS if name in keys), None)
    return keys[texts[0]] if texts else None, keys[kind] if kind else None, keys[location] if location else None


def _read_place(row: Mapping[str, Any], key: str | None, how: Reading) -> tuple[ReadLocation, str]:
    """Return (location of an item, a doubt about it)."""
    if not how.task.has_location:
        return NONE_LOCATION, ""
    if how.is_strict:
        return (read_plain_json_location(row[key]) if key is not None else ReadLocation((), "none is given")), ""
    if key is None:
        corners = {name: value for raw, value in row.items() if (name := _fold(raw)) in CORNER_NAMES}
        if len(corners) >= 4:
            return read_json_location(corners), ""
        visible = _visible(row)
        if visible is False:
            return NONE_LOCATION, ""
        if visible or not how.reads_empty_boxes:
            return ReadLocation((), "none is given"), ""
        return NONE_LOCATION, f"no location is given, which was read as None: {str(row)[:80]!r}"
    found = read_json_location(row[key])
    if found.boxes and _fold(key) in Y_FIRST_KEYS and not how.axes:
        found = ReadLocation(tuple((x1, y1, x2, y2) for y1, x1, y2, x2 in found.boxes))
    doubt = f"a box beside visible: false: {str(row)[:80]!r}" if found.boxes and _visible(row) is False else ""
    return found, doubt


def _visible(row: Mapping[str, Any]) -> bool | None:
    """Return what a key for visible says, or None where there is none."""
    for raw, value in row.items():
        if _fold(raw) in VISIBLE_KEYS and (isinstance(value, bool | str)):
            return value if isinstance(value, bool) else not is_none(value)
    return None


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
