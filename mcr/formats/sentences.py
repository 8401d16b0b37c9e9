"""Answers in sentences (VKEL): `X is a(an) person and a(an) athlete, whose bounding boxes are (0.1, 0.2, 0.5, 0.9)`."""

import re
from collections.abc import Sequence

from mcr.formats.entity_parts import Reading, read_place_part, read_text, read_type, settle, unquote
from mcr.formats.location import ReadLocation, format_location
from mcr.formats.markup.decoration import strip_line
from mcr.formats.rows import ReadLine
from mcr.labels import LabelSet
from mcr.records import Entity

WHOSE = re.compile(r"[,，]?[ ]?whose (?:bounding )?box(?:es)?(?: is| are|:)[ ]?", re.IGNORECASE | re.ASCII)
LEAD = re.compile(r"^(?:\s|[;,]|\.\s)*(?:and\s+)?")
STRICT_LEAD = re.compile(r"^(?:\s|\.\s)*(?:and\s+)?")
CLAUSE_END = re.compile(r"[;\n]")
IS_A = re.compile(r" is an? ", re.IGNORECASE | re.ASCII)
ANSWER = re.compile(r"^(?:final )?answers?:\s*", re.IGNORECASE)
LAST_ZEROS = re.compile(r"(?<=\.[0-9])0+(?![0-9])|(?<=\.[0-9]{2})0+(?![0-9])")
VERB = re.compile(r" is (?:a\(an\)|an?) ", re.IGNORECASE | re.ASCII)
AND_TYPE = re.compile(r" and (?:a\(an\)|an?) ", re.IGNORECASE | re.ASCII)
BOXES = r"[\[(][^\n\[\]()]*[\])]"
LOCATION = re.compile(rf"\s*(?:\[?{BOXES}(?:(?:[^\S\n]|,|;|and\b)*{BOXES})*\]?|[^\n.;,\[(]{{1,60}}?(?=\s+and\s|[\n.;,\[(]|$))")


def holds_sentence(line: str) -> bool:
    """Whether a line holds a sentence of this form."""
    return ("whose" in line or "whose" in line.lower()) and WHOSE.search(line) is not None


def read_sentence_line(line: str, how: Reading) -> tuple[ReadLine, str]:
    """Return what the sentences of a line say, and what is behind the last of them.

    Behind "and a(an)" stands a finer type. It is the entity's type if it is one of the label set's own labels, as in FMNERG;
    else the first one is.
    """
    found, start = ReadLine(), 0
    for whose in WHOSE.finditer(line):
        if whose.start() < start:
            continue
        head = (STRICT_LEAD if how.is_strict else LEAD).sub("", line[start : whose.start()], count=1)
        place = LOCATION.match(line, whose.end())
        start = place.end() if place else whose.end()
        entity, problem = _read(head, place.group() if place else "", how)
        found.add(entity, problem)
    return found, line[start:].strip(" .;,\n")


def _read(head: str, place: str, how: Reading) -> tuple[Entity | None, str]:
    verbs = list(VERB.finditer(head))
    if not verbs or not head[: verbs[-1].start()].strip():
        return None, f"not a sentence of the form 'X is a(an) type, whose bounding boxes are ...': {head[:80]!r}"
    verb = verbs[-1]
    label, problem = read_type(_asked_type(head[verb.end() :], how), how)
    found = read_place_part(place, how) or ReadLocation((), "not a location")
    boxes, fault = settle(found, how, place.strip())
    text = head[: verb.start()].strip()
    text = text if how.is_strict else read_text(unquote(strip_line(text, how.sentence)[0]), how)
    if not label or not text:
        return None, f"empty text or type in {head[:80]!r}"
    return Entity(text, label, boxes), fault or problem


def _asked_type(types: str, how: Reading) -> str:
    """Return that of a coarse and a fine type which the label set has as a label."""
    coarse, *finer = (one.strip() for one in AND_TYPE.split(types, maxsplit=1))
    known = (how.labels.canonical(one) for one in finer)
    return next((one for one in known if one in how.labels.labels), coarse)


def write_fine_sentences(entities: Sequence[Entity], labels: LabelSet) -> str:
    """Return the answer that VKEL's second stage learns: coarse and fine type, boxes in round brackets, joined by semicolons.

    An entity of a label set with one level has its one type.

    Args:
        entities: with fine types, each in the frame that it carries.
        labels: that knows the coarse type of each.

    >>> from mcr.labels import TWITTER_FMNERG
    >>> write_fine_sentences([Entity("Kevin Love", "athlete")], TWITTER_FMNERG)
    'Kevin Love is a(an) person and a(an) athlete, whose bounding boxes are None'
    """
    return "; ".join(
        f"{one.text} is a(an) {types_of(one.type, labels)}, whose bounding boxes are {round_boxes(format_location(one))}"
        for one in entities
    )


def types_of(fine: str, labels: LabelSet) -> str:
    """Return a type as the second stage's sentence has it: after its coarse type, if the label set has two levels.

    >>> from mcr.labels import TWITTER_FMNERG, TWITTER_GMNER
    >>> types_of("athlete", TWITTER_FMNERG), types_of("PER", TWITTER_GMNER)
    ('person and a(an) athlete', 'PER')
    """
    return f"{labels.coarse[fine]} and a(an) {fine}" if fine in labels.coarse else fine


def write_kinds(entities: Sequence[Entity]) -> str:
    """Return the answer that VKEL's first stage learns (III-C 1): "Kevin Love is a person; Rome is a location", or None.

    >>> write_kinds([Entity("Kevin Love", "person"), Entity("Rome", "location")]), write_kinds([])
    ('Kevin Love is a person; Rome is a location', 'None')
    """
    return "; ".join(f"{one.text} is a {one.type}" for one in entities) or "None"


def read_kinds(text: str, labels: LabelSet, sentence: str) -> tuple[list[Entity], list[str]]:
    """Return the entities of an answer of VKEL's first stage, and why parts of it could not be read.

    A clause ends at the first semicolon or line break behind which it has a name and a type. A name with a semicolon in it is
    one of the sentence.

    Args:
        text: of the answer.
        labels: the types that an entity can have.
        sentence: that was asked about.

    >>> from mcr.labels import TWITTER_GMNER
    >>> read_kinds("Ann is a person; Rome is a planet", TWITTER_GMNER, "Ann in Rome")
    ([Entity(text='Ann', type='PER', boxes=None)], ["not a name with a known type: 'Rome is a planet'"])
    """
    rest = ANSWER.sub("", text.strip()).rstrip(".")
    if rest.casefold() == "none":
        return [], []
    found: list[Entity] = []
    problems: list[str] = [] if rest else ["an empty answer"]
    while rest:
        ends = [*(match.start() for match in CLAUSE_END.finditer(rest)), len(rest)]
        entity, end = next(((one, at) for at in ends if (one := _kind(rest[:at], labels, sentence))), (None, ends[0]))
        if entity is None:
            problems.append(f"not a name with a known type: {rest[:end].strip()[:80]!r}")
        else:
            found.append(entity)
        rest = rest[end:].lstrip("; \n")
    return found, problems


def _kind(clause: str, labels: LabelSet, sentence: str) -> Entity | None:
    """Return what one clause says; None where it has no known type."""
    verbs = list(IS_A.finditer(clause))
    if not verbs:
        return None
    name, label = clause[: verbs[-1].start()].strip(), labels.canonical(clause[verbs[-1].end() :].strip(" ."))
    if name not in sentence:
        name = unquote(strip_line(name, sentence)[0])
    is_named = bool(name) and (not CLAUSE_END.search(name) or name in sentence)
    return Entity(name, label) if is_named and label in labels.labels else None


def round_boxes(written: str) -> str:
    """Return boxes as the paper writes them, in round brackets and without zeros at the end of a number.

    >>> round_boxes("[0.448, 0.020, 0.913, 1.000]")
    '(0.448, 0.02, 0.913, 1.0)'
    """
    return round_brackets(LAST_ZEROS.sub("", written))


def round_brackets(written: str) -> str:
    """Return boxes with round brackets in place of square ones.

    >>> round_brackets("[0, 20, 400, 640]")
    '(0, 20, 400, 640)'
    """
    return written.replace("[", "(").replace("]", ")")


def write_sentences(entities: Sequence[Entity], parts: Sequence[str]) -> str:
    """Return one sentence an entity, as VKEL writes them; the order of the parts is the sentence's own."""
    return "\n".join(
        f"{entity.text} is a(an) {entity.type}, whose bounding boxes are {format_location(entity)}." for entity in entities
    )
