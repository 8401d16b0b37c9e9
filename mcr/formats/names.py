"""Answers of task mner: names and types without places, `text | type` by lines, or JSON objects."""

import re
from dataclasses import replace

from mcr.formats.entity_parts import Reading, read_parts, unquote
from mcr.formats.json_answer import read_json_answer
from mcr.formats.rows import BARS, BULLET
from mcr.records import Entity
from mcr.tasks import GMNER

TABLE_FRAME = re.compile(
    r"\s*\|?\s*(?::?-+:?\s*\|\s*)+:?-*:?\s*|\s*\|?\s*(?:text|entity|name|span)\s*\|\s*type\s*(?:\|.*)?", re.IGNORECASE
)


def read_names(body: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Return the entities and why lines could not be read. A place that is written all the same is left unread.

    Where nothing marks the answer, only the last block of readable lines counts.
    """
    placed = replace(how, task=GMNER)
    found, _ = read_json_answer(body, placed)
    if found:
        return [Entity(entity.text, entity.type) for entity in found], []
    entities: list[Entity] = []
    problems: list[str] = []
    is_broken = False
    for line in body.splitlines():
        if not line.strip() or TABLE_FRAME.fullmatch(line):
            continue
        entity = _read_line(BULLET.sub("", line, count=1).strip().translate(BARS), placed)
        if entity is not None and is_broken and not how.is_marked:
            entities, problems = [], []
        is_broken = entity is None
        if entity is None:
            problems.append(f"not a row of text and type: {line.strip()[:80]!r}")
        else:
            entities.append(entity)
    return entities, problems


def _read_line(line: str, how: Reading) -> Entity | None:
    """Read one row. Text may hold bars: the type is the last part, or, where a place is written, what read_parts says."""
    parts = line.strip("|").split("|")
    placed, _ = read_parts(parts, "|", how)
    if placed is not None:
        return Entity(placed.text, placed.type)
    if len(parts) < 2:
        return None
    text, label = unquote("|".join(parts[:-1])).strip(), unquote(parts[-1]).strip()
    return Entity(text, label) if text and label else None
