"""Tables that are read by their header: number, name, type, box in one cell or four, visible, reason, in any order."""

import re
from dataclasses import dataclass

from mcr.formats.entity_parts import Reading, read_place_part, read_text, read_type, settle
from mcr.formats.location import NONE_LOCATION, ReadLocation, is_none, read_json_location
from mcr.formats.markup.decoration import strip_part
from mcr.formats.markup.what_is_read import (
    CORNER_KEYS,
    LOCATION_KEYS,
    NUMBER_KEYS,
    REMARK_KEYS,
    SIZE_KEYS,
    TEXT_KEYS,
    TYPE_KEYS,
    VISIBLE_KEYS,
    Y_FIRST_KEYS,
)
from mcr.formats.rows import with_bars
from mcr.records import Entity

RULE = re.compile(
    r"[\s|:+=\u2500\u2501\u2550\u253c-]*[-=\u2500\u2501\u2550]{2,}[\s|:+=\u2500\u2501\u2550\u253c-]*|\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*"
)
BRACKETED = re.compile(r"[\(（\[][^()（）\[\]]*[\)）\]]")
BOX_TEMPLATE = re.compile(
    r"\[?\s*(?:x_?(?:min|1)|left)\s*,\s*y_?(?:min|1).*|\[?\s*y_?(?:min|1)\s*,\s*x_?(?:min|1).*", re.IGNORECASE
)
YES = frozenset("yes y true 1 visible shown present ✓ ✔ ✅ 是 可见".split())
SINGLE = {
    "number": frozenset(NUMBER_KEYS),
    "type": frozenset((*TYPE_KEYS, "entity_types", "types", "ner_label")) - {"entity"},
    "text": frozenset((*TEXT_KEYS, "entities", "entity_/_span", "named_entities", "names", "text_span", "label_text")),
    "location": frozenset((*LOCATION_KEYS, "bounding_box_/_none", "grounding_box")),
    "visible": frozenset(VISIBLE_KEYS),
    "remark": frozenset(REMARK_KEYS),
}
MAX_HEADER_CHARS = 400


@dataclass(frozen=True, slots=True)
class Header:
    """Which column holds what.

    Attributes:
        roles: one of number, text, type, location, visible, remark, corner0 to corner3, size2, size3 for each column.
        is_y_first: the box's column has Gemini's name.
    """

    roles: tuple[str, ...]
    is_y_first: bool = False


def is_rule(line: str) -> bool:
    """Whether a line is the rule below a header, or between sections."""
    return len(line) <= MAX_HEADER_CHARS and RULE.fullmatch(line) is not None


def cells_of(line: str) -> list[str]:
    r"""Return the cells of a line of a table; `\|` is content."""
    line = line.strip().replace("\\|", "\0")
    line = line.removeprefix("|").removesuffix("|")
    return [cell.replace("\0", "|") for cell in line.split("|")]


def read_header(line: str, how: Reading) -> Header | None:
    """Return what the columns hold where a line is a table's header: every cell is a word of the table of what is read."""
    line = with_bars(line, 1)
    if len(line) > MAX_HEADER_CHARS or "|" not in line:
        return None
    names = [_fold(cell) for cell in cells_of(line)]
    roles = [ROLES[name] for name in names if name in ROLES]
    if len(roles) < len(names) or "text" not in roles or (len(names) < 2):
        return None
    if how.labels.named(names[roles.index("text")]) is not None and "type" in roles:
        return None
    return Header(tuple(roles), any(name in Y_FIRST_KEYS for name in names))


def _fold(cell: str) -> str:
    cell = strip_part(cell).lower()
    if BOX_TEMPLATE.fullmatch(cell):
        return "box_2d" if cell.lstrip("[ ").startswith("y") else "bbox"
    folded = BRACKETED.sub("", cell).strip() or cell.strip("()[]（）")
    return "_".join(folded.replace("-", "_").replace("_", " ").split())


ROLES = {name: role for role, names in reversed(SINGLE.items()) for name in names}
ROLES |= {name: f"size{place}" if place > 1 else f"corner{place}" for place, names in enumerate(SIZE_KEYS) for name in names}
ROLES |= {name: f"corner{place}" for place, names in enumerate(CORNER_KEYS) for name in names}


def read_table_row(line: str, header: Header, how: Reading) -> tuple[Entity | None, str] | None:
    """Return (entity, problem) of one row of a table; None where the line is no row of it."""
    cells = cells_of(with_bars(line, len(header.roles) - 1))
    surplus = len(cells) - len(header.roles)
    text_at = header.roles.index("text")
    if surplus > 0:  # bars inside the name
        cells = [*cells[:text_at], "|".join(cells[text_at : text_at + surplus + 1]), *cells[text_at + surplus + 1 :]]
    if surplus < 0:
        return None
    row: dict[str, str] = {}
    for role, cell in zip(header.roles, cells, strict=True):
        row.setdefault(role, cell)
    text = read_text(row["text"], how)
    label, problem = read_type(row.get("type", ""), how) if how.task.has_type else ("", "")
    if not text or (how.task.has_type and not label):
        return None, f"empty text or type in {line.strip()[:80]!r}"
    if not how.task.has_location:
        return Entity(text, label), problem
    boxes, fault = settle(_read_place(row, header, how), how, line.strip())
    return Entity(text, label, boxes), fault or problem


def _read_place(row: dict[str, str], header: Header, how: Reading) -> ReadLocation:
    """Return the location of a row: of its box, of its four numbers, or of its word for visible."""
    corners = [row.get(f"corner{place}", row.get(f"size{place}", "")).strip() for place in range(4)]
    if "location" in row:
        found = NONE_LOCATION if not row["location"].strip() else read_place_part(row["location"], how)
        if found is not None and found.boxes and header.is_y_first and not how.axes:
            return ReadLocation(tuple((x1, y1, x2, y2) for y1, x1, y2, x2 in found.boxes))
        return found or ReadLocation((), "not a location")
    if any(corners):
        if all(not corner or is_none(corner) for corner in corners):
            return NONE_LOCATION
        names = ("x", "y", "width", "height") if "size2" in row else ("x1", "y1", "x2", "y2")
        return read_json_location(dict(zip(names, map(strip_part, corners), strict=True)))
    if "visible" in row and row["visible"].strip() and strip_part(row["visible"]).lower() not in YES:
        return NONE_LOCATION if is_none(row["visible"]) else ReadLocation((), "no box")
    return ReadLocation((), "no box")
