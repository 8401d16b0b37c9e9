"""Telling the three parts of an entity apart: which is the text, which the type, which the location, in any order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mcr.formats.location import Location, ReadLocation, read_location, read_plain_location
from mcr.formats.markup.decoration import KEY, strip_part
from mcr.formats.markup.what_is_read import NONE_ANYWHERE, QUOTE_PAIRS
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity
from mcr.tasks import GMNER, Task

BIO = re.compile(r"[BIOESLU][-_](?=\w)")
IN_PARENTHESES = re.compile(r"(.{1,60}?)\s?[(（\[](.{1,60}?)[)）\]]\Z")
ALTERNATIVES = re.compile(r"\s?[/,:;\u2013\u2014]\s?|\s-\s")
MAX_TYPE_CHARS = 120
MAX_COLUMNS = 9
UNSURE, FINE, SURE, LABEL = 1, 2, 3, 4  # ranks of what may be a type


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer is read.

    Attributes:
        is_marked: whether tags or a marker delimit the answer. In an unmarked answer the last complete alternative counts.
        task: what was asked.
        labels: whose labels tell a type from a name.
        sentence: that was asked about, white space collapsed; "" where it is not known.
        is_strict: only what schemas write is read, and no decoration is taken off.
        reads_empty_boxes: whether [0, 0, 0, 0] and the like are read as None.
        axes: the order of a box's numbers in the frame asked for; "" where there is no frame.
    """

    is_marked: bool = True
    task: Task = GMNER
    labels: LabelSet = DEFAULT_LABELS
    sentence: str = ""
    is_strict: bool = False
    reads_empty_boxes: bool = True
    axes: str = ""

    def is_label(self, text: str) -> bool:
        """Whether a part can be nothing but a type."""
        return self.label_rank(text) >= SURE

    def may_be_label(self, text: str) -> bool:
        """Whether a part can be a type, a fine label included, which may be a name as well."""
        return self.label_rank(text) > 0

    def label_rank(self, text: str) -> int:
        """Return how sure it is that a part is a type: a label, two spellings of one, a fine label, a name with one behind it."""
        label = self.labels.named(text) if self.is_strict else label_of(text, self.labels)
        if label is not None:
            return FINE if self.labels.is_fine(label) else LABEL
        if self.is_strict or len(text) > MAX_TYPE_CHARS:
            return 0
        pieces = [label_of(piece, self.labels) for piece in pieces_of(text)]
        return SURE if pieces and None not in pieces[:2] else UNSURE if any(pieces) else 0


class Decoded(str):
    """A part that was a JSON string and is decoded: quotes in it belong to the text."""

    __slots__ = ()


def unquote(text: str) -> str:
    """Return text without one pair of quotes around it, unless it was decoded already."""
    if isinstance(text, Decoded):
        return text
    text = text.strip()
    if len(text) >= 2 and QUOTE_PAIRS.get(text[0]) == text[-1]:
        return text[1:-1]
    return text


def read_text(text: str, how: Reading) -> str:
    """Return a name without the decoration around it."""
    if how.is_strict or isinstance(text, Decoded):
        return text.strip()
    text = text.strip()
    if key := KEY.match(text):
        text = text[key.end() :]
    return strip_part(text, how.sentence).strip()


def plain_type(text: str) -> str:
    """Return a type without decoration: `**PER**`, `[PER]`, `type: PER`."""
    text = text.strip()
    if text.isalpha() or len(text) > MAX_TYPE_CHARS:
        return text
    if key := KEY.match(text):
        text = text[key.end() :]
    text = strip_part(text).strip("[](){}<>【】（）.。 \t")
    return strip_part(text)


def label_of(text: str, labels: LabelSet) -> str | None:
    """Return the label that a decorated spelling means, `B-PER` included, or None."""
    plain = plain_type(text)
    return labels.named(plain) or (labels.named(plain[2:]) if BIO.match(plain) else None)


def pieces_of(text: str) -> list[str]:
    """Return the spellings that stand beside one another: `Person (PER)`, `ORG/Company`; the one in brackets first."""
    text = strip_part(text)
    match = IN_PARENTHESES.fullmatch(text)
    if match:
        return [match.group(2), match.group(1)]
    pieces = ALTERNATIVES.split(text)
    return [pieces[0]] if len(pieces) > 1 else []


def read_type(text: str, how: Reading) -> tuple[str, str]:
    """Return (type, problem). What the label set does not know comes back as written, with a problem.

    >>> [read_type(one, Reading())[0] for one in ("[PER]", "Persons", "B-LOC", "Person (PER)", "person", "Dish")]
    ['PER', 'PER', 'LOC', 'PER', 'person', 'Dish']
    """
    if how.is_strict:
        return text.strip(), ""
    label = plain_type(text)
    if how.labels.is_known(label) or how.labels.is_fine(label):
        return label, ""
    found = label_of(label, how.labels)
    if found is None and len(text) <= MAX_TYPE_CHARS:
        found = next((name for piece in pieces_of(text) if (name := label_of(piece, how.labels))), None)
    if found is not None:
        return found, ""
    return label, f"the type {label[:60]!r} is not one of {how.labels.name}'s labels"


def settle(found: ReadLocation, how: Reading, place: str) -> tuple[Location, str]:
    """Return (boxes, problem) of a location; a box that some write for None is None or unreadable, by option."""
    if found.is_empty_box:
        if how.reads_empty_boxes:
            return None, f"an empty box was read as None: {place[:80]!r}"
        return (), f"an empty box is no location; write None: {place[:80]!r}"
    return found.boxes, f"no location ({found.reason}): {place[:80]!r}" if found.boxes == () else ""


def read_place_part(text: str, how: Reading) -> ReadLocation | None:
    """Return the location that a part holds, or None where it holds none."""
    if how.is_strict:
        return read_plain_location(text)
    key = KEY.match(text.strip())
    return read_location(text.strip()[key.end() :] if key else text)


def read_parts(parts: Sequence[str], joiner: str, how: Reading) -> tuple[Entity | None, str]:
    """Return (entity, problem); no entity where the parts are not one. Parts come as they were cut, with their white space.

    A task without types has a text and a location, and its entities the type "". Text may hold the separator: surplus parts are
    part of it and are put together with `joiner`. With the location last, the part before it is the type if it is a known label
    or the first part is not; otherwise the first part is. Parts behind a location that follows a known type are a remark.

    >>> read_parts(["a ", " b ", " PER ", " None"], "|", Reading())[0]
    Entity(text='a | b', type='PER', boxes=None)
    """
    if len(parts) < len(how.task.asked):
        return None, f"expected {', '.join(how.task.asked)}, got {str(list(parts))[:80]}"
    if not how.task.has_type:
        return _read_without_type(parts, joiner, how)
    parts = parts if how.is_strict else _without_remarks(parts, how)
    loose: tuple[int, ReadLocation] | None = None
    places = dict.fromkeys((len(parts) - 1, len(parts) - 2, 0, 1))
    for place in sorted(places, key=lambda place: isinstance(parts[place], Decoded)):  # what is quoted comes last
        found = read_place_part(parts[place], how)
        if found is None:
            continue
        if found.boxes is not None or how.is_strict or parts[place].strip().strip("*_`'\"").lower() in NONE_ANYWHERE:
            return _read_around(parts, place, found, joiner, how)
        if loose is None and _may_be_place(parts, place, how):
            loose = place, found
    if loose is not None:
        return _read_around(parts, *loose, joiner, how)
    return None, f"no location in {str(list(parts))[:80]}"


def _without_remarks(parts: Sequence[str], how: Reading) -> Sequence[str]:
    """Return the parts up to a location that follows a known type: what is behind it is a remark."""
    for place in range(2, min(len(parts), MAX_COLUMNS) - 1):
        remarks = parts[place + 1 :]
        if how.is_label(parts[place - 1]) and not any(map(how.is_label, remarks)) and read_place_part(parts[place], how):
            return parts[: place + 1]
    return parts


def _may_be_place(parts: Sequence[str], place: int, how: Reading) -> bool:
    """Whether what reads as None is a location: "Hidden" in front may be a name."""
    if place >= min(2, len(parts) - 1):
        return True
    return any(how.is_label(part) for index, part in enumerate(parts) if index != place and index >= len(parts) - 2)


def _read_around(parts: Sequence[str], place: int, found: ReadLocation, joiner: str, how: Reading) -> tuple[Entity | None, str]:
    """Return the entity whose location is at `place`."""
    rest = [part for index, part in enumerate(parts) if index != place]
    if not how.is_strict and len(rest) == 3 and rest[0].strip().strip("#.) ").isdecimal():
        whole = " ".join(joiner.join(rest[:-1]).split())
        rest = rest if how.sentence and whole in how.sentence else rest[1:]  # a column of numbers
    label, words = (rest[-1], rest[:-1]) if _is_text_first(rest, place, len(parts), how) else (rest[0], rest[1:])
    text = read_text(words[0] if len(words) == 1 else joiner.join(words), how)
    kind, problem = read_type(label, how)
    if not text or not kind:
        return None, f"empty text or type in {str(list(parts))[:80]}"
    boxes, fault = settle(found, how, parts[place])
    return Entity(text, kind, boxes), fault or problem


def _is_text_first(rest: Sequence[str], place: int, num_parts: int, how: Reading) -> bool:
    """Whether the text goes before the type: by how sure either is a type, then as asked."""
    if place == num_parts - 2 and place >= 2:
        return True
    return how.label_rank(rest[-1]) >= how.label_rank(rest[0])


def _read_without_type(parts: Sequence[str], joiner: str, how: Reading) -> tuple[Entity | None, str]:
    for place, words in ((len(parts) - 1, parts[:-1]), (0, parts[1:])):
        text = read_text(words[0] if len(words) == 1 else joiner.join(words), how)
        found = read_place_part(parts[place], how)
        if found is not None:
            boxes, fault = settle(found, how, parts[place])
            return (Entity(text, "", boxes), fault) if text else (None, f"empty text in {str(list(parts))[:80]}")
    return None, f"no location in {str(list(parts))[:80]}"
