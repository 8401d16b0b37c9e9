"""Answers on one phrase: where it is, its boxes or None, as text or JSON; or whether the image shows it at all, yes or no."""

import re
from collections.abc import Mapping
from typing import Any

from mcr.boxes import Box
from mcr.formats.entity_parts import Reading, settle
from mcr.formats.location import Location, ReadLocation, is_none, read_json_location, read_location, read_plain_location
from mcr.formats.markup.blocks import JSON_START, REVISION_LEAD, announces_revision
from mcr.formats.markup.decoration import strip_line
from mcr.formats.markup.loose_json import is_deep, scan
from mcr.formats.markup.what_is_read import LOCATION_KEYS, Y_FIRST_KEYS

MAX_ANSWER_CHARS = 10_000
_NUMBER = r"[+-]?(?:[0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})"
_PAIR = rf"\(\s{{0,9}}{_NUMBER}\s{{0,9}},\s{{0,9}}{_NUMBER}\s{{0,9}}\)"
QUADRUPLE = re.compile(rf"[\[(]\s{{0,9}}(?:{_NUMBER}\s{{0,9}},\s{{0,9}}){{3}}{_NUMBER}\s{{0,9}}[\])]|{_PAIR}[\s,]{{0,9}}{_PAIR}")
MAX_LABEL_CHARS = 80
VERDICT = re.compile(r"(yes|no)\b", re.IGNORECASE)
Place = tuple[Location, list[str]]
VERDICTS: Mapping[str, Place] = {"yes": ((), []), "no": (None, [])}


def read_place(body: str, how: Reading) -> Place | None:
    """Return (None, boxes, or () for what cannot be read as a place, problems), or None where there is no place.

    >>> [read_place(one, Reading()) for one in ("[1, 2, 3, 4]", '{"bbox_2d": null}', "None", "somewhere")]
    [(((1.0, 2.0, 3.0, 4.0),), []), (None, []), (None, []), None]
    """
    body = body.strip()[:MAX_ANSWER_CHARS]
    if how.is_strict:
        return _settled(read_plain_location(body), body, how)
    if is_deep(body):
        return None
    if "{" in body and (start := JSON_START.search(body)):
        return _read_objects(body, start.start(), how)
    lines = _read_lines(body, how) if "\n" in body else None
    if lines is not None:
        return lines
    whole = read_location(strip_line(body)[0].rstrip("."))
    if whole is not None:
        found = QUADRUPLE.findall(body) if whole.boxes == () and not whole.is_empty_box else []
        return _settled(read_location(found[0]) if len(found) == 1 else whole, body, how)
    return _read_lines(body, how)


def read_verdict(body: str, how: Reading) -> Place | None:
    """Return ((), []) for yes, (None, []) for no, or None where there is no verdict. A yes claims a place and gives no box.

    >>> [read_verdict(one, Reading()) for one in ("yes", "No, it does not.", "Not visible in the image.", "perhaps")]
    [((), []), (None, []), (None, []), None]
    """
    said = body.strip()
    if how.is_strict:
        return VERDICTS.get(said)
    said = strip_line(said[:MAX_ANSWER_CHARS])[0]
    word = VERDICT.match(said)
    if word:
        return VERDICTS[word.group(1).lower()]
    return VERDICTS["no"] if is_none(said) else None


def _settled(found: ReadLocation | None, text: str, how: Reading) -> Place | None:
    if found is None:
        return None
    boxes, problem = settle(found, how, text)
    return boxes, [problem] if problem else []


def _read_lines(body: str, how: Reading) -> Place | None:
    """Read one box a line, with a label or a bullet; a box in a sentence stands alone. The last alternative counts."""
    places: list[ReadLocation] = []
    problems: list[str] = []
    is_list = True
    for line in body.splitlines():
        text = strip_line(line)[0]
        if REVISION_LEAD.match(line.strip()) or announces_revision(line):
            is_list = False
        place, is_item = _place_of(text)
        if place is None:
            continue
        if places and not (is_list and is_item):
            problems.append(f"an earlier place was left out: {str(places[0].boxes)[:80]}")
            places = []
        places.append(place)
        is_list = is_item
    return _joined(places, body, how, problems)


def _place_of(text: str) -> tuple[ReadLocation | None, bool]:
    """Return (location of a line, whether the line is nothing else but a label)."""
    label, colon, rest = text.rpartition(":")
    place = read_location((rest if colon else text).strip().rstrip("."))
    if place is not None:
        return place, len(label) <= MAX_LABEL_CHARS
    found = QUADRUPLE.findall(text)
    return (read_location(found[0]), False) if len(found) == 1 else (None, False)


def _joined(places: list[ReadLocation], body: str, how: Reading, problems: list[str]) -> Place | None:
    """Return the boxes of several places together; boxes and None together are no place."""
    if not places:
        return None
    if len(places) == 1:
        settled, problem = settle(places[0], how, body)
        return settled, [*problems, problem] if problem else problems
    boxes: list[Box] = [box for place in places for box in place.boxes or ()]
    if all(place.boxes for place in places):
        return tuple(boxes), problems
    return (), [*problems, f"boxes and None in one answer: {body[:80]!r}"]


def _read_objects(body: str, start: int, how: Reading) -> Place | None:
    """Read JSON objects with a box, as Qwen's models ground, with words around them, or a list of boxes."""
    places: list[ReadLocation] = []
    place: int | None = start
    while place is not None:
        scanned = scan(body, place)
        places += _places_in(scanned.value, how)
        following = JSON_START.search(body, max(scanned.end, place + 1))
        place = following.start() if following else None
    if places:
        return _joined(places, body, how, [])
    return None if not is_none(body[:start]) else (None, [])


def _places_in(value: Any, how: Reading, depth: int = 0) -> list[ReadLocation]:
    """Return the locations of the objects in a value."""
    if isinstance(value, list) and depth < 8:
        return [place for item in value for place in _places_in(item, how, depth + 1)]
    if not isinstance(value, dict):
        return []
    for key, inside in value.items():
        folded = str(key).strip().lower().replace("-", "_").replace(" ", "_")
        if folded in LOCATION_KEYS:
            found = read_json_location(inside)
            if found.boxes and folded in Y_FIRST_KEYS and not how.axes:
                return [ReadLocation(tuple((x1, y1, x2, y2) for y1, x1, y2, x2 in found.boxes))]
            return [found]
    corners = read_json_location(value)
    if corners.boxes:
        return [corners]
    return [place for inside in value.values() for place in _places_in(inside, how, depth + 1)]
