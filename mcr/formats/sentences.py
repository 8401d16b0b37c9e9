"""Answers in sentences (VKEL): `X is a(an) person and a(an) athlete, whose bounding boxes are (0.1, 0.2, 0.5, 0.9)`."""

import re
from collections.abc import Sequence

from mcr.formats.entity_parts import Reading, unquote
from mcr.formats.location import NotALocation, format_location, read_location
from mcr.formats.rows import read_rows
from mcr.records import Entity

WHOSE = re.compile(r"[,\uff0c]?[ ]?whose (?:bounding )?box(?:es)?(?: is| are|:)[ ]?", re.IGNORECASE | re.ASCII)
LEAD = re.compile(r"^(?:\s|[;,]|\.\s)*(?:(?:[-*\u2022]|[0-9]{1,4}[.)])\s+|and\s+)?")
VERB = re.compile(r" is (?:a\(an\)|an?) ", re.IGNORECASE | re.ASCII)
AND_TYPE = re.compile(r" and (?:a\(an\)|an?) ", re.IGNORECASE | re.ASCII)
BOXES = r"[\[(][^\n\[\]()]*[\])]"
LOCATION = re.compile(rf"\s*(?:\[?{BOXES}(?:(?:[^\S\n]|,|;|and\b)*{BOXES})*\]?|[^\n.;,\[(]{{1,60}}?(?=\s+and\s|[\n.;,\[(]|$))")


def read_sentences(body: str, how: Reading) -> tuple[list[Entity], list[str]]:
    """Return the entities of such sentences, one or several a line, and why some could not be read.

    The first type after "is a(an)" is the entity's type; a finer type behind "and a(an)" is not kept. Where nothing marks the
    answer only the last run of sentences without other lines in between counts, and rows behind it count in its place.
    """
    entities, problems, start = [], [], 0
    for whose in WHOSE.finditer(body):
        if whose.start() < start:
            continue
        *between, line = body[start : whose.start()].split("\n")
        if entities and not how.is_marked and any(words.strip(" .;,") for words in between):
            entities, problems = [], []
        head = LEAD.sub("", line, count=1)
        place = LOCATION.match(body, whose.end())
        start = place.end() if place else whose.end()
        entity = _read(head, place.group() if place else "")
        if entity:
            entities.append(entity)
        else:
            problems.append(f"not a sentence of the form 'X is a(an) type, whose bounding boxes are ...': {head[:80]!r}")
    if entities and body[start:].strip(" .;,\n"):
        behind, faults = read_rows(body[start:], how)
        if behind:
            return (entities + behind, problems + faults) if how.is_marked else (behind, faults)
    return entities, problems


def _read(head: str, place: str) -> Entity | None:
    verbs = list(VERB.finditer(head))
    if not verbs or not head[: verbs[-1].start()].strip():
        return None
    verb = verbs[-1]
    label = AND_TYPE.split(head[verb.end() :], maxsplit=1)[0].strip()
    location = read_location(place)
    boxes = () if isinstance(location, NotALocation) else location
    text = unquote(head[: verb.start()])
    return Entity(text.strip(), label, boxes) if label and text.strip() else None


def write_sentences(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return one sentence an entity, as VKEL writes them; the order of the parts is the sentence's own."""
    return "\n".join(
        f"{entity.text} is a(an) {entity.type}, whose bounding boxes are {format_location(entity)}." for entity in entities
    )
