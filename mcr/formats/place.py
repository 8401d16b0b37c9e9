"""Answers of task vg: where one phrase is, its boxes or None, as text or JSON."""

import json
import re

from mcr.formats.json_answer import LOCATION_KEYS
from mcr.formats.location import Location, NotALocation, read_json_location, read_location

MAX_ANSWER_CHARS = 10_000
MAX_BRACKETS = 1000
NUMBER = r"[+-]?(?:[0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})"
QUADRUPLE = re.compile(rf"[\[(]\s{{0,9}}(?:{NUMBER}\s{{0,9}},\s{{0,9}}){{3}}{NUMBER}\s{{0,9}}[\])]")


def read_place(body: str) -> Location | NotALocation:
    """Return the place that an answer gives: None, boxes, () for what cannot be read as a place, or that there is none.

    >>> read_place("[1, 2, 3, 4]"), read_place('{"bbox_2d": null}'), read_place("None")
    (((1.0, 2.0, 3.0, 4.0),), None, None)
    """
    body = body.strip()[:MAX_ANSWER_CHARS]
    if "{" in body and body.count("{") + body.count("[") < MAX_BRACKETS:
        return _read_objects(body)
    whole = read_location(body.rstrip("."))
    if not isinstance(whole, NotALocation):
        boxes = QUADRUPLE.findall(body) if whole == () else []
        return read_location(boxes[0]) if len(boxes) == 1 else whole
    for line in reversed(body.splitlines()):
        place = read_location(line.rpartition(":")[2].strip().rstrip("."))
        if not isinstance(place, NotALocation):
            return place
        boxes = QUADRUPLE.findall(line)
        if len(boxes) == 1:
            return read_location(boxes[0])
    return whole


def _read_objects(body: str) -> Location | NotALocation:
    """Read one JSON object with a box, or a list of them, as Qwen's models ground."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return NotALocation()
    rows = value if isinstance(value, list) else [value]
    places = [read_json_location(row[key]) for row in rows if isinstance(row, dict) for key in LOCATION_KEYS if key in row]
    if not places or len(places) != len(rows):
        return NotALocation()
    found = [place for place in places if place is not None]
    if len(found) < len(places):
        return None if len(places) == 1 else ()
    return tuple(box for place in found for box in place)
