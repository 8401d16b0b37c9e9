"""Answers written exactly as mcr.formats.answers does: a fast reader for the usual ones, and the reader of what schemas teach.

The fast reader leaves anything else to the readers of each form. It reads nothing that those would read otherwise, only several
times faster; a test compares them.
"""

import json
import re
from collections.abc import Collection
from itertools import permutations
from typing import Any

from mcr.boxes import Box, Frame, is_empty_box
from mcr.formats.entity_parts import Reading, label_of
from mcr.formats.json_answer import read_json_value
from mcr.formats.location import read_location
from mcr.formats.markup.loose_json import is_deep
from mcr.formats.rows import ReadLine, read_line
from mcr.formats.sentences import holds_sentence, read_sentence_line
from mcr.labels import LabelSet
from mcr.records import Entity

_NUMBER = r"-?[0-9]{1,7}(?:\.[0-9]{1,6})?"
_BOX = rf"\[{_NUMBER}, {_NUMBER}, {_NUMBER}, {_NUMBER}\]"
_PLACE = rf"(None|{_BOX}(?:, {_BOX})*+)"
# What begins a text here cannot begin a list item, a quotation or a bracket; nothing in it can be taken for a separator, for
# decoration or for a lead-in. \w holds circled numbers, which are list items.
_LIST_ITEM = r"[ivxIVX]{1,4}[.]|[一二三四五六七八九十]{1,3}[.]|and\s|[\u2460-\u249b\u2776-\u277f\u3251-\u325f]"
_TEXT = rf"((?!{_LIST_ITEM})[@#]?[^\W\d_][\w .,'’&!?#@$%/+-]*)"
_LABEL = r"([A-Za-z]++)"
PARTS = (_TEXT, _LABEL, _PLACE)
Shape = tuple[re.Pattern[str], tuple[int, int, int]]  # of a line, and at which place text, type and location are


def _shapes(bar: str, quote: str = "", around: tuple[str, str] = ("", "")) -> tuple[Shape, ...]:
    """Return one pattern for each order of the three parts, the usual one first."""
    shapes = []
    for order in permutations(range(3)):
        words = [quote + PARTS[part] + quote if part < 2 else PARTS[part] for part in order]
        line = re.compile(rf"^{around[0]}{bar.join(words)}{around[1]}$", re.MULTILINE)
        shapes.append((line, (order.index(0), order.index(1), order.index(2))))
    return tuple(shapes)


ROWS = _shapes(r" \| ")
JOINED = _shapes(r"\|")
TRIPLES = _shapes(", ", '"', (r"\(", r"\)"))
SENTENCES: tuple[Shape, ...] = (
    (re.compile(rf"^{_TEXT} is a\(an\) {_LABEL}, whose bounding boxes are {_PLACE}\.$", re.MULTILINE), (0, 1, 2)),
)
NUMBER = re.compile(_NUMBER)
ODD_TEXT = re.compile(r"[*_`~\\<\x00-\x1f\u200b-\u200f\u2060-\u2069\u202a-\u202e\ufeff\u00ad]")
TAGGED = re.compile(r"\s*+(?:<think>[^<]*+</think>\s*+)?<answer>([^<]*+)</answer>\s*+")
MAX_NUMBER = 1e12


def split_canonical(completion: str) -> str | None:
    """Return the answer of a completion that is reasoning in <think>, if any, and one answer in <answer>, else None."""
    found = TAGGED.fullmatch(completion)
    return None if found is None or "[e" in completion or "[E" in completion else found.group(1)


def read_canonical(body: str, labels: LabelSet, formats: Collection[str] = (), frame: Frame | None = None) -> list[Entity] | None:
    """Return the entities of an answer that is canonical throughout and of one format, one of `formats` if any, else None."""
    body = body.strip("\n")
    if body.startswith("[{"):
        return _read_json(body, labels, frame) if not formats or "json" in formats else None
    first, _, others = body.partition("\n")
    name, shapes = "rows", ROWS
    if first.endswith("."):
        name, shapes = "sentences", SENTENCES
    elif first.startswith('("'):
        name, shapes = "triples", TRIPLES
    elif not others and " | " not in body:
        name, shapes, body = "joined", JOINED, body.replace("; ", "\n")
    if (formats and name not in formats) or (name != "sentences" and "whose" in body.lower()):
        return None
    num_lines = body.count("\n") + 1
    for pattern, order in shapes:
        rows = pattern.findall(body)
        if len(rows) == num_lines:
            return _to_entities(rows, order, labels, frame, is_sentences=name == "sentences")
    return None


def _to_entities(
    rows: list[tuple[str, str, str]], order: tuple[int, int, int], labels: LabelSet, frame: Frame | None, *, is_sentences: bool
) -> list[Entity] | None:
    """Return the entities of lines whose parts are told apart; None where the readers of each form might tell otherwise."""
    text_at, label_at, place_at = order
    spellings = labels.spellings
    entities = []
    for parts in rows:
        text, label, place = parts[text_at], parts[label_at], parts[place_at]
        if label.lower() not in spellings or (is_sentences and _is_ambiguous(text)):
            return None
        if label_at < text_at and label_of(text, labels) is not None:
            return None
        if place_at < 2 and read_location(text) is not None:
            return None
        boxes = None if place == "None" else _boxes(place)
        if boxes and boxes[0][0] == boxes[0][1] and is_empty_box(boxes):
            return None
        entities.append(Entity(text.strip(), label, boxes, None, frame))
    return entities


def _boxes(place: str) -> tuple[Box, ...]:
    if place.count("[") == 1:
        x1, y1, x2, y2 = place[1:-1].split(", ")
        return ((float(x1), float(y1), float(x2), float(y2)),)
    values = [float(number) for number in NUMBER.findall(place)]
    return tuple([(values[i], values[i + 1], values[i + 2], values[i + 3]) for i in range(0, len(values), 4)])


def _is_ambiguous(text: str) -> bool:
    folded = text.lower()
    return " is" in folded or "whose" in folded


def _read_json(body: str, labels: LabelSet, frame: Frame | None) -> list[Entity] | None:
    """Read a list of objects with our keys in their order, whose values have the forms that schemas write."""
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        return None
    entities = []
    for row in rows:
        if type(row) is not dict or len(row) != 3:
            return None
        try:
            text, label, place = row["text"], row["type"], row["bbox_2d"]
        except KeyError:
            return None
        if type(text) is not str or type(label) is not str or label.lower() not in labels.spellings or ODD_TEXT.search(text):
            return None
        text = text.strip()
        boxes = () if place is not None else None
        if place is not None and not (boxes := _json_boxes(place)):
            return None
        if not text:
            return None
        entities.append(Entity(text, label, boxes, None, frame))
    return entities


def _json_boxes(place: Any) -> tuple[Box, ...] | None:
    """Return the boxes of one quadruple of numbers or of a list of them, else None."""
    if type(place) is not list or not place:
        return None
    rows = place if type(place[0]) is list else (place,)
    for row in rows:
        if type(row) is not list or len(row) != 4 or not all(type(value) in (int, float) for value in row):
            return None
        if not all(-MAX_NUMBER < value < MAX_NUMBER for value in row):
            return None
    boxes = tuple((float(row[0]), float(row[1]), float(row[2]), float(row[3])) for row in rows)
    return None if is_empty_box(boxes) else boxes


def read_taught(text: str, how: Reading, formats: Collection[str]) -> tuple[list[Entity], list[str], bool]:
    """Read an answer as schemas write it, in one of the formats named; return (entities, problems, whether it is the empty one).

    Nothing is taken off a name or a type, so that decoration costs what it costs in the score.
    """
    body = text.strip()
    if body in ("None", "[]"):
        return [], [], True
    name = format_of(body, how)
    if name not in formats:
        return [], [f"an answer in {name} does not count here; {', '.join(formats)} do: {body[:80]!r}"], False
    if name == "json":
        return _read_taught_json(body, how)
    found = ReadLine()
    for line in body.split("\n"):
        own = ReadLine()
        if name == "sentences":
            own, rest = read_sentence_line(line, how)
            own.problems += [f"not a sentence: {rest[:80]!r}"] if rest else []
        elif line.strip():
            own = read_line(line, how)
        found.entities += own.entities
        found.problems += own.problems
    return found.entities, found.problems, False


def format_of(body: str, how: Reading) -> str:
    """Return which of ANSWER_FORMATS an answer has, by how it begins."""
    if body.startswith(("[{", "{")):
        return "json"
    if body.startswith('("'):
        return "triples"
    first = body.split("\n", 1)[0]
    if holds_sentence(first):
        return "sentences"
    num_bars = len(how.task.asked) - 1
    return "joined" if first.count("|") >= num_bars and (";" in first or " | " not in first) and "\n" not in body else "rows"


def _read_taught_json(body: str, how: Reading) -> tuple[list[Entity], list[str], bool]:
    if is_deep(body):
        return [], ["JSON nested too deeply"], False
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return [], [f"not JSON: {body[:80]!r}"], False
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return [], [f"not a list of objects: {body[:80]!r}"], False
    found = read_json_value(value, how)
    return found.entities, found.problems, False
