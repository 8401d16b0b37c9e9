"""A location as text: boxes, None in its usual spellings, or something that is neither; reading and writing."""

import math
import re
import unicodedata
from typing import Any

from mcr.boxes import Box
from mcr.records import Entity

NONE_WORDS = frozenset(
    "none|null|nil|n/a|na|nan|no|not|absent|-|--|[]|()|{}|[none]|(none)|[null]|none.|false|\u65e0|no box|no region|not shown|"
    "not present|not visible|not in the image|not in image|not grounded|not found|no bounding box|cannot be grounded|"
    "not in picture|not in the picture".split("|")
)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
FILLER = re.compile(r"(?:[\s\[\](){},;]|\band\b|<\|?/?box(?:_start|_end)?\|?>|bbox_2d|bbox)*", re.IGNORECASE)
MAX_NUMBER_CHARS = 64
MAX_FOLDED_CHARS = 2000


class NotALocation:
    """The part of an answer is not a location at all."""


NOT_A_LOCATION = NotALocation()
Location = tuple[Box, ...] | None
UNREADABLE: tuple[Box, ...] = ()


def fold_width(text: str) -> str:
    """Return text with full-width punctuation and digits as their ASCII forms; untouched where plain ASCII or very long.

    Normalising is quadratic on runs of combining marks, hence the bound; no location is that long.
    """
    return text if text.isascii() or len(text) > MAX_FOLDED_CHARS else unicodedata.normalize("NFKC", text)


def read_location(text: str) -> Location | NotALocation:
    """Read a location written as text.

    Returns:
        None for a None word; boxes for one or more quadruples of numbers; UNREADABLE for what is meant as a location but has
        the wrong count of numbers or a number that is not finite; NOT_A_LOCATION for anything else.

    >>> read_location("[1, 2, 3, 4]; [5, 6, 7, 8]"), read_location("None"), read_location("[1, 2]")
    (((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)), None, ())
    """
    text = fold_width(text).strip().strip("\"'`").strip()
    if text.lower() in NONE_WORDS:
        return None
    numbers = [match.group() for match in NUMBER.finditer(text)]
    if len(numbers) >= 2 and _only_numbers(text):
        return _to_boxes(numbers)
    return UNREADABLE if _meant_as_location(text) else NOT_A_LOCATION


def _only_numbers(text: str) -> bool:
    return all(FILLER.fullmatch(gap) for gap in NUMBER.split(text))


def _meant_as_location(text: str) -> bool:
    """Bracketed text with a digit, or a NaN or infinity, in the place of a location."""
    if text[:1] not in "[(" or text[-1:] not in "])" or not text:
        return False
    return any(char.isdigit() for char in text) or "nan" in text.lower() or "inf" in text.lower()


def _to_boxes(numbers: list[str]) -> tuple[Box, ...]:
    if len(numbers) % 4 or max(map(len, numbers)) > MAX_NUMBER_CHARS:
        return UNREADABLE
    values = [float(number) for number in numbers]
    if not all(map(math.isfinite, values)):
        return UNREADABLE
    return tuple((values[i], values[i + 1], values[i + 2], values[i + 3]) for i in range(0, len(values), 4))


def read_json_location(value: Any) -> Location:
    """Read a location out of a JSON value: null, a box, a list of boxes, corners by name, or a location as text."""
    if value is None or value is False or value == [] or value == {}:
        return None
    if isinstance(value, str):
        location = read_location(value)
        return UNREADABLE if isinstance(location, NotALocation) else location
    if isinstance(value, dict):
        value = [value.get(key) for key in ("x1", "y1", "x2", "y2")]
    if not isinstance(value, list):
        return UNREADABLE
    if len(value) == 1 and (value[0] is None or isinstance(value[0], str | list)):
        return read_json_location(value[0])
    rows = value if all(isinstance(row, list) for row in value) else [value]
    boxes = [box for row in rows if (box := _json_box(row)) is not None]
    return tuple(boxes) if len(boxes) == len(rows) else UNREADABLE


def _json_box(row: list[Any]) -> Box | None:
    if len(row) != 4:
        return None
    try:
        values = [float(value) for value in row if not isinstance(value, bool) and _may_be_number(value)]
    except (TypeError, ValueError, OverflowError):
        return None
    if len(values) != 4 or not all(map(math.isfinite, values)):
        return None
    return values[0], values[1], values[2], values[3]


def _may_be_number(value: Any) -> bool:
    """Text counts as a number only as rows would read it: ASCII digits, no underscores."""
    return not isinstance(value, str) or NUMBER.fullmatch(value.strip()) is not None


def format_box(box: Box, decimals: int = 0) -> str:
    """Return "[x1, y1, x2, y2]" with a fixed number of decimals.

    >>> format_box((0, 20, 400.0, 640))
    '[0, 20, 400, 640]'
    """
    return "[" + ", ".join(f"{value:.{decimals}f}" for value in box) + "]"


def decimals_of(entity: Entity) -> int:
    """Return how many decimals an entity's coordinates are written with; none for boxes in pixels."""
    return entity.frame.decimals if entity.frame else 0


def format_location(entity: Entity) -> str:
    """Return the entity's boxes one after the other, or None."""
    if not entity.boxes:
        return "None"
    return ", ".join(format_box(box, decimals_of(entity)) for box in entity.boxes)
