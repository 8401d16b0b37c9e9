"""Answers in rows: `span | type | location`, by lines or joined by ";" (E2E-GMNER), and triples `(span, type, location)`."""

import json
import re
from collections.abc import Iterator, Sequence

from mcr.formats.entity_parts import Decoded, Reading, read_parts
from mcr.formats.location import UNREADABLE, NotALocation, format_location, read_location
from mcr.records import Entity

BULLET = re.compile(r"^\s*(?:[-*\u2022]\s+|\(?[0-9]{1,4}[.)]\s+)")
BARS = str.maketrans({"\uff5c": "|", "\uff1b": ";"})
WIDE_BRACKETS = str.maketrans({"\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff3b": "[", "\uff3d": "]"})
MAX_BOXES = 64
QUOTED_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[()\[\]{},]', re.DOTALL)
OPEN, CLOSE = "([{", ")]}"


def read_rows(body: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Return the entities of rows or triples, and why lines could not be read.

    Where nothing marks the answer, only the last block of readable lines counts, and prose is no problem.
    """
    entities: list[Entity] = []
    problems: list[str] = []
    is_broken = False
    for line in body.splitlines():
        if not line.strip():
            continue
        found, faults = _read_line(line, how)
        if found and is_broken and not how.is_marked:
            entities, problems = [], []
        is_broken = not found
        entities += found
        problems += faults
    return entities, problems


def _read_line(line: str, how: Reading) -> tuple[list[Entity], list[str]]:
    stripped = BULLET.sub("", line, count=1).strip()
    triples = stripped.translate(WIDE_BRACKETS) if stripped.startswith("\uff08") else stripped
    if triples.startswith("(") or (triples.startswith("[") and '"' in triples):
        entities, problems = _read_triples(triples, how)
        if entities:
            return entities, problems
    return _read_barred(stripped.translate(BARS) if "\uff5c" in stripped else stripped, how)


def _read_barred(line: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Read one line of rows joined by ";". A ";" inside a span is put back: a piece without its two bars waits for the next."""
    entities: list[Entity] = []
    problems: list[str] = []
    waiting: list[str] = []
    num_bars = 0
    for piece in line.split(";"):
        if not waiting and _add_box(entities, piece):
            continue
        waiting.append(piece)
        num_bars += piece.count("|")
        if num_bars < len(how.task.asked) - 1:
            continue
        entity, problem = read_parts(";".join(waiting).strip().strip("|").split("|"), "|", how)
        waiting, num_bars = [], 0
        if entity:
            entities.append(entity)
        else:
            problems.append(problem)
    if any(piece.strip() for piece in waiting):
        problems.append(f"not a row: {';'.join(waiting).strip()[:80]!r}")
    return entities, problems


def _add_box(entities: list[Entity], piece: str) -> bool:
    """A piece that is boxes alone belongs to the row before it, up to MAX_BOXES."""
    boxes = entities[-1].boxes if entities else None
    if not boxes or len(boxes) >= MAX_BOXES:
        return False
    location = read_location(piece)
    if isinstance(location, NotALocation) or location is None or location == UNREADABLE:
        return False
    last = entities[-1]
    entities[-1] = Entity(last.text, last.type, boxes + location)
    return True


def _read_triples(line: str, how: Reading) -> tuple[list[Entity], list[str]]:
    entities, problems = [], []
    for inside in _groups(line):
        entity, problem = read_parts(_split_commas(inside), ",", how)
        if entity:
            entities.append(entity)
        else:
            problems.append(problem)
    return entities, problems


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (index, character) of each bracket and comma outside quotes."""
    for match in QUOTED_OR_MARK.finditer(text):
        if match.group()[0] != '"':
            yield match.start(), match.group()


def _groups(line: str) -> list[str]:
    """Return what stands inside each outermost bracket pair."""
    groups, depth, start = [], 0, 0
    for index, char in _marks(line):
        if char in OPEN:
            start = index + 1 if depth == 0 else start
            depth += 1
        elif char in CLOSE and depth:
            depth -= 1
            if depth == 0:
                groups.append(line[start:index])
    return groups


def _split_commas(inside: str) -> list[str]:
    """Split at commas outside brackets; neighbouring boxes are put together again; JSON strings are decoded."""
    parts, depth, start = [], 0, 0
    for index, char in _marks(inside):
        if char == "," and depth == 0:
            parts.append(inside[start:index])
            start = index + 1
        depth += (char in OPEN) - (char in CLOSE)
    parts.append(inside[start:])
    return [_decode_string(part) for part in _join_boxes(parts)]


def _join_boxes(parts: list[str]) -> list[str]:
    groups: list[list[str]] = []
    for part in parts:
        is_box = part.strip().startswith("[") and part.strip().endswith("]")
        if groups and is_box and groups[-1][-1].strip().startswith("["):
            groups[-1].append(part)
        else:
            groups.append([part])
    return [",".join(group) for group in groups]


def _decode_string(part: str) -> str:
    if not part.lstrip().startswith('"'):
        return part
    try:
        value = json.loads(part)
    except (ValueError, RecursionError):
        return part
    return Decoded(value) if isinstance(value, str) else part


def write_rows(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return one row an entity, its parts separated by " | "."""
    return "\n".join(_row(entity, parts, " | ") for entity in entities)


def write_joined(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return the rows on one line, parts joined by "|" and rows by "; " (E2E-GMNER)."""
    return "; ".join(_row(entity, parts, "|") for entity in entities)


def write_triples(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return one tuple in parentheses an entity; text and type are JSON strings, so that any span survives."""
    rows = []
    for entity in entities:
        values = {name: json.dumps(getattr(entity, name), ensure_ascii=False) for name in ("text", "type")}
        values["location"] = format_location(entity)
        rows.append("(" + ", ".join(values[name] for name in parts) + ")")
    return "\n".join(rows)


def _row(entity: Entity, parts: Sequence[str], bar: str) -> str:
    values = {"text": entity.text, "type": entity.type, "location": format_location(entity)}
    return bar.join(values[name] for name in parts)
