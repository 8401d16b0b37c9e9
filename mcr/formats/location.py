"""A location as text or as a JSON value: boxes, None in its usual spellings, or neither; reading and writing."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcr.boxes import Box, is_empty_box
from mcr.formats.markup.loose_json import scan
from mcr.formats.markup.what_is_read import (
    CORNER_KEYS,
    EMPHASIS,
    LOCATION_KEYS,
    NONE_PHRASE_ZH,
    NONE_PHRASES,
    NONE_WORDS,
    QUOTE_PAIRS,
    SIZE_KEYS,
)
from mcr.records import Entity

Location = tuple[Box, ...] | None
UNREADABLE: tuple[Box, ...] = ()
# Possessive: a long run of digits is one number, and no part of it is tried again as a number of its own.
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
NUMBER = re.compile(_NUMBER)
MARK = re.compile(rf"(?P<open>[\[(<{{])|(?P<close>[\])>}}])|(?P<number>{_NUMBER}(?:px)?)")
FILLER = re.compile(r"(?:[\s,;&]|\band\b|\bto\b|[-\u2013](?=[\s(\[]))*", re.IGNORECASE)
LEAD = re.compile(
    r"(?:\s|[:=~\u2248*_]|\b(?:approximately|approx|about|around|roughly|near|at|bounding box(?:es)?|bbox(?:_2d)?|box(?:es)?|"
    r"regions?|locations?|coordinates|position|visible|yes|in the image|is|are)\b\.?|约|大约|位于|边界框|位置|坐标)*+",
    re.IGNORECASE,
)
NAMED = re.compile(rf"\b([a-z]{{1,6}}(?:_?[a-z]{{2,6}}|_?[0-3])?)[\"']?\s?[=:]\s?({_NUMBER})(?:px)?(?![\w.%])", re.IGNORECASE)
CORNERS = re.compile(
    r"\b(?:top|upper|bottom|lower)[ -_]?(?:left|right)(?: corner)?\b\s?(?:is|at|[:=])?|\bcorners?\b", re.IGNORECASE
)
QUADRUPLE = re.compile(rf"(?<![0-9.]){_NUMBER}(?:\s{{0,9}}[,;]\s{{0,9}}{_NUMBER}){{3}}")
PLAIN = re.compile(rf"\s*(?:\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}}\s*\]\s*,?\s*)+")
TOKENS = re.compile(r"<\s?/?(?:loc_?\d+|\d{1,4}|patch_index_\d+)\s?>", re.IGNORECASE)
AROUND = " \t\r\n\u3000" + "".join({*EMPHASIS, *QUOTE_PAIRS, *QUOTE_PAIRS.values()})
NONE_PHRASE = re.compile("|".join(f"(?:{rule})" for rule, _ in (*NONE_PHRASES, NONE_PHRASE_ZH)))
NONE_REMARK = re.compile(
    r"(?:none|null|n/a|无|no box|not visible|not shown|not in the image)\s?[-(\[,;:.\u2013\u2014（，：](.*)", re.DOTALL
)
EMPTY_WORDS = frozenset(["null", "none", "-", "n/a", "na", "\u2014", ""])
CORNER_NAMES = frozenset(name for names in CORNER_KEYS for name in names)
MAX_NUMBER_CHARS = 64
MAX_FOLDED_CHARS = 2000
MAX_PHRASE_CHARS = 120


@dataclass(frozen=True, slots=True)
class ReadLocation:
    """What a location says.

    Attributes:
        boxes: None, boxes, or () for what is meant as a location but cannot be read.
        reason: why it cannot be read.
        is_empty_box: a box that some writers put for None, such as [0, 0, 0, 0]; its boxes are ().
    """

    boxes: Location
    reason: str = ""
    is_empty_box: bool = False


NONE_LOCATION = ReadLocation(None)
EMPTY_BOX = ReadLocation((), "an empty box", is_empty_box=True)


def fold_width(text: str) -> str:
    """Return text with full-width punctuation and digits as their ASCII forms; untouched where plain ASCII or very long.

    Normalising is quadratic on runs of combining marks, hence the bound; no location is that long.
    """
    return text if text.isascii() or len(text) > MAX_FOLDED_CHARS else unicodedata.normalize("NFKC", text)


def bare(text: str) -> str:
    """Return text without white space, quotes and emphasis around it."""
    return text.strip(AROUND)


def is_none(text: str) -> bool:
    """Whether text says that there is no location, in English or Chinese, with or without a remark.

    >>> is_none("Not visible in the image."), is_none("None (not shown)"), is_none("不在图像中"), is_none("somewhere")
    (True, True, True, False)
    """
    if len(text) > MAX_FOLDED_CHARS:
        return False
    folded = " ".join(bare(text).lower().replace("\u2019", "'").split())
    plain = bare(folded.rstrip(".!。,;"))
    if folded in NONE_WORDS or plain in NONE_WORDS:
        return True
    unwrapped = plain.strip("()[]<>")
    if len(plain) <= MAX_PHRASE_CHARS and (unwrapped in NONE_WORDS or NONE_PHRASE.fullmatch(unwrapped)):
        return bool(unwrapped)
    remark = NONE_REMARK.match(folded)
    return remark is not None and not NUMBER.search(remark.group(1))


def read_plain_location(text: str) -> ReadLocation | None:
    """Read a location exactly as schemas write it: "None", or boxes in square brackets one after the other."""
    text = text.strip()
    if text == "None":
        return NONE_LOCATION
    if PLAIN.fullmatch(text):
        return _to_boxes([[number.group() for number in NUMBER.finditer(text)]], 4)
    if text[:1] == "[" and text[-1:] == "]" and any(char.isdigit() for char in text):
        return ReadLocation(UNREADABLE, "not four numbers in brackets")
    return None


def read_location(text: str) -> ReadLocation | None:
    """Read a location written as text; None where the text is not meant as one.

    >>> read_location("[1, 2, 3, 4]; [5, 6, 7, 8]").boxes, read_location("None").boxes, read_location("[1, 2]").boxes
    (((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)), None, ())
    """
    text = bare(fold_width(text))
    if is_none(text):
        return NONE_LOCATION
    if text.startswith(("[", "(", "{")) and not set(re.split(r"[\s,;\[\](){}]+", text.lower())) - EMPTY_WORDS:
        return EMPTY_BOX
    if TOKENS.search(text):
        return ReadLocation(UNREADABLE, "location tokens, whose frame is not known")
    if "=" in text or ":" in text:
        named = _read_named(text)
        if named is not None:
            return named
    lead = LEAD.match(text)
    boxes = _read_groups(text[lead.end() :] if lead else text)
    if boxes is not None:
        return boxes
    return ReadLocation(UNREADABLE, "not four numbers") if _meant_as_location(text) else None


def _read_named(text: str) -> ReadLocation | None:
    """Read corners by name, `x1=30, y1=40, x2=210, y2=400`, or the text of an object."""
    if text[:1] == "{" and len(text) <= MAX_FOLDED_CHARS and text.count("{") + text.count("[") < 16:
        return read_json_location(scan(text, 0).value)
    pairs = {name.lower(): number for name, number in NAMED.findall(text[:MAX_FOLDED_CHARS])}
    return _by_name(pairs) if len(pairs) == 4 else None


def _read_groups(text: str) -> ReadLocation | None:
    """Read the numbers inside each innermost bracket pair as a box or half of one; without brackets four numbers are a box."""
    groups: list[list[str]] = [[]]
    depth, place, is_bracketed = 0, 0, False
    closed = (0, 1)  # where the last whole bracket ends, and how many groups there are then
    text = CORNERS.sub(" ", text) if "left" in text or "corner" in text else text
    for mark in MARK.finditer(text):
        if not FILLER.fullmatch(text, place, mark.start()):
            break
        if mark.group("open"):
            depth, is_bracketed = depth + 1, True
            groups.append([])
        elif mark.group("close"):
            depth -= 1
            if depth < 0:
                break
            groups.append([])
            closed = (mark.end(), len(groups)) if depth == 0 else closed
        else:
            groups[-1].append(mark.group("number").removesuffix("px"))
        place = mark.end()
    if depth > 0 and closed[0]:  # a remark in brackets
        place, depth, groups = closed[0], 0, groups[: closed[1]]
    tail = text[place:].strip()
    groups = [group for group in groups if group]
    if not groups or depth or (tail and (not is_bracketed or (tail[:1].isalnum() and text[place : place + 1] == tail[:1]))):
        return None
    if tail and QUADRUPLE.search(tail):
        return ReadLocation(UNREADABLE, "a second location in other words")
    sizes = {len(group) for group in groups}
    if (not is_bracketed and sizes != {4}) or (tail and len(groups[0]) == 1):
        return None
    return _to_boxes(groups, sizes.pop() if len(sizes) == 1 else 0)


def _meant_as_location(text: str) -> bool:
    """Bracketed text with a digit, or a NaN or infinity, in the place of a location."""
    if text[:1] not in "[(<" or text[-1:] not in "])>" or not text:
        return False
    return any(char.isdigit() for char in text) or "nan" in text.lower() or "inf" in text.lower()


def _to_boxes(groups: Sequence[Sequence[str]], size: int) -> ReadLocation:
    """Return boxes of groups of four numbers, or of two, which are the corners of one box."""
    numbers = [number for group in groups for number in group]
    if size not in (2, 4) or len(numbers) % 4:
        if size and size % 4 == 0:
            return ReadLocation(UNREADABLE, f"{size} numbers in one box")
        return ReadLocation(UNREADABLE, f"{len(numbers)} numbers, not four a box")
    if max(map(len, numbers)) > MAX_NUMBER_CHARS:
        return ReadLocation(UNREADABLE, "a number that is too long")
    return _check([float(number) for number in numbers])


def _check(values: Sequence[float]) -> ReadLocation:
    if not all(map(math.isfinite, values)):
        return ReadLocation(UNREADABLE, "a number that is not finite")
    boxes = tuple((values[i], values[i + 1], values[i + 2], values[i + 3]) for i in range(0, len(values), 4))
    return EMPTY_BOX if is_empty_box(boxes) else ReadLocation(boxes)


def _by_name(pairs: Mapping[str, Any]) -> ReadLocation | None:
    """Return the box of named corners, or of a corner with width and height; None where the names are others."""
    for keys in (CORNER_KEYS, SIZE_KEYS):
        found = [next((pairs[key] for key in names if key in pairs), None) for names in keys]
        if (
            keys is CORNER_KEYS
            and all(value is None for value in found)
            and any(name in pairs for names in keys for name in names)
        ):
            return EMPTY_BOX
        values = [_to_number(value) for value in found]
        if None not in values:
            x1, y1, x2, y2 = (value for value in values if value is not None)
            return _check([x1, y1, x2, y2] if keys is CORNER_KEYS else [x1, y1, x1 + x2, y1 + y2])
    return None


def read_json_location(value: Any) -> ReadLocation:
    """Read a location out of a JSON value: null, a box, a list of boxes, corners by name, or a location as text."""
    if value is None or value is False or value == [] or value == {} or value == "":
        return NONE_LOCATION
    if isinstance(value, str):
        return read_location(value) or ReadLocation(UNREADABLE, "not a location")
    if isinstance(value, dict):
        return _read_object(value)
    if not isinstance(value, list):
        return ReadLocation(UNREADABLE, "not a location")
    if all(item is None or item == [] for item in value):
        return EMPTY_BOX
    if len(value) == 1 and isinstance(value[0], str | list):
        return read_json_location(value[0])
    if all(isinstance(item, dict) or (isinstance(item, str) and not NUMBER.fullmatch(item.strip())) for item in value):
        return _join([read_json_location(item) for item in value])
    if len(value) == 2 and all(isinstance(item, list) and len(item) == 2 for item in value):
        value = [number for corner in value for number in corner]
    rows = value if all(isinstance(row, list) for row in value) else [value]
    if any(len(row) != 4 for row in rows):
        return ReadLocation(UNREADABLE, f"{len(rows[0])} numbers in one box" if len(rows) == 1 else "not four numbers a box")
    numbers = [_to_number(number) for row in rows for number in row]
    if None in numbers:
        return ReadLocation(UNREADABLE, "not four numbers")
    return _check([number for number in numbers if number is not None])


def read_plain_json_location(value: Any) -> ReadLocation:
    """Read a location exactly as schemas write it in JSON: null, one box, or a list of boxes."""
    if value is None or (isinstance(value, list) and value and not any(isinstance(item, str | dict) for item in value)):
        return read_json_location(value)
    return ReadLocation(UNREADABLE, "not a box as schemas write it")


def _join(places: Sequence[ReadLocation]) -> ReadLocation:
    """Return the boxes of several locations together."""
    broken = next((place for place in places if not place.boxes), None)
    if broken is not None:
        return broken if len(places) == 1 else ReadLocation(UNREADABLE, broken.reason or "boxes and None in one list")
    return ReadLocation(tuple(box for place in places for box in place.boxes or ()))


def _read_object(row: Mapping[str, Any]) -> ReadLocation:
    keys = {str(key).strip().lower().replace("-", "_").replace(" ", "_"): value for key, value in row.items()}
    named = _by_name(keys)
    if named is not None:
        return named
    corners = [keys.get(key) for key in ("top_left", "bottom_right")]
    if all(isinstance(corner, list) for corner in corners):
        return read_json_location(corners)
    inside = [value for key, value in keys.items() if key in LOCATION_KEYS]
    return read_json_location(inside[0]) if len(inside) == 1 else ReadLocation(UNREADABLE, "an object without four corners")


def _to_number(value: Any) -> float | None:
    """Return a finite or infinite number; text counts as one only as rows would read it: ASCII digits, no underscores."""
    if isinstance(value, bool) or value is None or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > MAX_NUMBER_CHARS or not NUMBER.fullmatch(value.strip())):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def format_box(box: Box, decimals: int = 0) -> str:
    """Return "[x1, y1, x2, y2]" with a fixed number of decimals.

    >>> format_box((0, 20, 400.0, 640))
    '[0, 20, 400, 640]'
    """
    return "[" + ", ".join(f"{value:.{decimals}f}" for value in box) + "]"


def decimals_of(entity: Entity) -> int:
    """Return how many decimals an entity's coordinates are written with; none for boxes in pixels."""
    return entity.frame.decimals if entity.frame else 0


def format_verdict(entity: Entity) -> str:
    """Return whether the entity is in the image, as the answer of a task that asks for no box."""
    return "no" if entity.boxes is None else "yes"


def format_location(entity: Entity) -> str:
    """Return the entity's boxes one after the other, or None."""
    if not entity.boxes:
        return "None"
    return ", ".join(format_box(box, decimals_of(entity)) for box in entity.boxes)
