"""Answers in rows: `span | type | location`, by lines or joined by ";" (E2E-GMNER), triples `(span, type, location)`, and rows of
task mner, `text | type`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mcr.formats.entity_parts import Decoded, Reading, label_of, read_parts, read_text, read_type
from mcr.formats.location import format_location, read_location, read_plain_location
from mcr.formats.markup.decoration import ASCII_BARS, WIDE_BRACKETS, strip_line
from mcr.records import Entity
from mcr.tasks import GMNER

MAX_BOXES = 64
QUOTED_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[()\[\]{},]', re.DOTALL)
OPEN, CLOSE = "([{", ")]}"
SEMICOLON, STRICT_SEMICOLON = re.compile("([;；])"), re.compile("(;)")
ARROWS = re.compile(r"\t+|\s(?:->|=>|→|⇒|--?|[\u2013\u2014])\s|→")
LABELED = re.compile(r"(.{1,200}?)\s?[(（\[]([^()（）\[\]|]{1,60})[)）\]]\s?[:：=\-\u2013\u2014]?\s?(.*)", re.DOTALL)
COLONED = re.compile(r"(.{1,200}?)\s?[:：]\s?([^,，|:：\[(]{1,60}?)(?:\s?[,，]\s?(.*))?", re.DOTALL)
MAX_OTHER_CHARS = 1000


@dataclass(slots=True)
class ReadLine:
    """What one line says.

    Attributes:
        entities: of the line.
        problems: why pieces of it could not be read.
        number: that was taken off its front, if any.
    """

    entities: list[Entity] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    number: str = ""

    def add(self, entity: Entity | None, problem: str) -> None:
        """Add what one row says."""
        if entity is not None:
            self.entities.append(entity)
        if problem:
            self.problems.append(problem)


def read_line(line: str, how: Reading) -> ReadLine:
    """Read one line of rows or triples."""
    number = ""
    if not how.is_strict:
        line, number = strip_line(line, how.sentence)
    line = line.strip()
    if not how.task.has_location:
        return replace(_read_names(line, how), number=number)
    triples = line.translate(WIDE_BRACKETS) if line.startswith("（") and not how.is_strict else line
    if triples.startswith("(") or (triples.startswith("[") and ('"' in triples or "(" in triples)):
        found = _read_triples(triples, how)
        if found.entities:
            return replace(found, number=number)
    found = _read_barred(line if how.is_strict else with_bars(line, len(how.task.asked) - 1), how)
    if not found.entities and not how.is_strict:
        found = _read_other(line, how) or found
    return replace(found, number=number)


def with_bars(line: str, num_bars: int) -> str:
    """Return a line whose other bars, or tabs, are bars where it has too few."""
    if line.count("|") >= num_bars:
        return line
    if not line.isascii():
        line = line.translate(ASCII_BARS)
    return line.replace("\t", "|") if "|" not in line and line.count("\t") >= num_bars else line


def _read_barred(line: str, how: Reading) -> ReadLine:
    """Read one line of rows joined by ";". A ";" inside a span is put back: a piece without its two bars waits for the next."""
    found = ReadLine()
    waiting: list[str] = []
    num_bars, row = 0, ""
    pieces = (STRICT_SEMICOLON if how.is_strict else SEMICOLON).split(line)
    for index in range(0, len(pieces), 2):
        piece = pieces[index]
        if waiting:
            waiting.append(pieces[index - 1])
        elif _add_box(found.entities, piece, how):
            continue
        waiting.append(piece)
        num_bars += piece.count("|")
        if num_bars < len(how.task.asked) - 1:
            continue
        row = "".join(waiting)
        row = row if how.is_strict or not index else strip_line(row, how.sentence)[0]
        found.add(*read_parts(_split_bars(row, how), "|", how))
        waiting, num_bars = [], 0
    rest = "".join(waiting).strip()
    if rest and row and not num_bars and found.entities:  # a row that ends in its text, which holds a ";"
        entity, problem = read_parts(_split_bars(row + line[line.rfind(row) + len(row) :], how), "|", how)
        if entity is not None and not problem:
            found.entities[-1], rest = entity, ""
    if rest:
        found.problems.append(f"not a row: {rest[:80]!r}")
    return found


def _split_bars(row: str, how: Reading) -> list[str]:
    r"""Return the parts of a row; a table's bars at its ends, and in tables the bars that are written \|, are none."""
    row = row.strip().strip("|")
    if how.is_strict or "\\|" not in row:
        return row.split("|")
    return [part.replace("\0", "|") for part in row.replace("\\|", "\0").split("|")]


def _add_box(entities: list[Entity], piece: str, how: Reading) -> bool:
    """A piece that is boxes alone belongs to the row before it, up to MAX_BOXES."""
    boxes = entities[-1].boxes if entities else None
    if not boxes or len(boxes) >= MAX_BOXES or "|" in piece or ("[" not in piece and "(" not in piece):
        return False
    found = read_plain_location(piece) if how.is_strict else read_location(piece)
    if found is None or not found.boxes:
        return False
    last = entities[-1]
    entities[-1] = Entity(last.text, last.type, boxes + found.boxes)
    return True


def _read_other(line: str, how: Reading) -> ReadLine | None:
    """Read a row without bars, where a known type leaves no doubt: `Ann (PER): None`, `Ann -> PER -> None`, `Ann, PER, None`."""
    if not how.task.has_type or not 5 <= len(line) <= MAX_OTHER_CHARS or "|" in line:
        return None
    candidates = [ARROWS.split(line), _split_commas(line)]
    if labeled := LABELED.fullmatch(line):
        candidates.append([part for part in labeled.groups() if part])
    if coloned := COLONED.fullmatch(line):
        text, label, place = coloned.groups()
        candidates += [[text, label, place or ""], *([[label, text, place or ""]] if place else [])]
    for parts in candidates:
        parts = parts if how.task.has_location else [*filter(str.strip, parts), "None"]
        if len(parts) == 3 and sum(how.is_label(part) for part in parts) == 1:
            entity, problem = read_parts(parts, ", ", how)
            if entity is not None:
                return ReadLine([entity], [problem] if problem else [])
    return None


def _read_names(line: str, how: Reading) -> ReadLine:
    """Read one row of task mner. Text may hold bars: the type is the last part, or, where a place is written, what read_parts
    says; `PER: Ann | LOC: Rome` is read, too.
    """
    placed = replace(how, task=GMNER)
    line = line if how.is_strict else with_bars(line, 1)
    parts = _split_bars(line, how)
    found, _ = read_parts(parts, "|", placed)
    if found is not None:
        return ReadLine([Entity(found.text, found.type)])
    if not how.is_strict:
        pairs = [part.replace("：", ":").partition(":") for part in parts]
        if all(label_of(label, how.labels) and text.strip() for label, _, text in pairs):
            return ReadLine([Entity(read_text(text, how), label_of(label, how.labels) or "") for label, _, text in pairs])
    if len(parts) < 2:
        other = None if how.is_strict else _read_other(line, how)
        names = [Entity(one.text, one.type) for one in other.entities] if other else []
        return ReadLine(names) if names else ReadLine(problems=[f"not a row: {line[:80]!r}"])
    if not how.is_strict and len(parts) == 2 and how.is_label(parts[0]) and not how.may_be_label(parts[1]):
        parts = parts[::-1]
    text, (label, problem) = read_text("|".join(parts[:-1]), how), read_type(parts[-1], how)
    entity = Entity(text, label) if text and label else None
    return ReadLine(
        [entity] if entity else [], [problem or f"empty text or type in {line[:80]!r}"] if problem or not entity else []
    )


def _read_triples(line: str, how: Reading) -> ReadLine:
    found = ReadLine()
    for inside in _groups(line):
        found.add(*read_parts(_split_commas(inside), ",", how))
    if not found.entities and not how.is_strict and line.startswith("["):
        for inside in _groups(line.strip().strip("[]")):
            found.add(*read_parts(_split_commas(inside), ",", how))
    return found


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
