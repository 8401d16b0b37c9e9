"""Answers of task vg: where one phrase is, its boxes or None, as text or JSON."""

import json

from mcr.parsing.json_answer import LOCATION_KEYS
from mcr.parsing.location import Location, NotALocation, read_json_location, read_location

MAX_ANSWER_CHARS = 10_000
MAX_BRACKETS = 1000


def read_place(body: str) -> Location | NotALocation:
    """Return the place that an answer gives: None, boxes, () for what cannot be read as a place, or that there is none.

    >>> read_place("[1, 2, 3, 4]"), read_place('{"bbox_2d": null}'), read_place("None")
    (((1.0, 2.0, 3.0, 4.0),), None, None)
    """
    body = body.strip()[:MAX_ANSWER_CHARS]
    if body.startswith("{") and body.count("{") + body.count("[") < MAX_BRACKETS:
        value = _json_object(body)
        key = next((key for key in LOCATION_KEYS if key in value), None)
        return NotALocation() if key is None else read_json_location(value[key])
    whole = read_location(body.rstrip("."))
    if not isinstance(whole, NotALocation):
        return whole
    for line in reversed(body.splitlines()):
        place = read_location(line.rpartition(":")[2].strip().rstrip("."))
        if not isinstance(place, NotALocation):
            return place
    return whole


def _json_object(body: str) -> dict:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
