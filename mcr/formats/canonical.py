"""A fast reader for answers written exactly as mcr.formats.answers does; it leaves anything else to the reader of each format.

It reads nothing that those readers would read otherwise (a test compares the two); it only reads it several times faster.
"""

import re

from mcr.boxes import Box
from mcr.labels import LabelSet
from mcr.records import Entity

_NUMBER = r"-?[0-9]{1,7}(?:\.[0-9]{1,6})?"
_BOX = rf"\[{_NUMBER}, {_NUMBER}, {_NUMBER}, {_NUMBER}\]"
_PLACE = rf"(None|{_BOX}(?:, {_BOX})*+)"
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# What begins a text here cannot begin a list item, a quotation or a bracket; nothing in it can be taken for a separator.
_TEXT = rf"((?!and\s)[@#]?[^\W\d_][^|;\uff5c\[\]{{}}\"\\{_CONTROL}]*?)"
ROW = re.compile(rf"{_TEXT} \| ([A-Za-z]++) \| {_PLACE}")
TRIPLE = re.compile(rf'\("{_TEXT}", "([A-Za-z]++)", {_PLACE}\)')
SENTENCE = re.compile(rf"{_TEXT} is a\(an\) ([A-Za-z]++), whose bounding boxes are {_PLACE}\.")
NUMBER = re.compile(_NUMBER)


def read_canonical(body: str, labels: LabelSet) -> list[Entity] | None:
    """Return the entities of an answer whose every line is canonical and of one format, else None."""
    lines = body.strip("\n").split("\n")
    is_sentences = lines[0].endswith(".")
    pattern = SENTENCE if is_sentences else TRIPLE if lines[0].startswith('("') else ROW
    if not is_sentences and "whose" in body.lower():
        return None
    entities = []
    for line in lines:
        match = pattern.fullmatch(line)
        if match is None:
            return None
        text, label, place = match.groups()
        if is_sentences and _is_ambiguous(text):
            return None
        if labels.is_known(text) and not labels.is_known(label):
            return None
        entities.append(Entity(text.strip(), label, None if place == "None" else _boxes(place)))
    return entities


def _is_ambiguous(text: str) -> bool:
    folded = text.lower()
    return " is" in folded or "whose" in folded


def _boxes(place: str) -> tuple[Box, ...]:
    values = [float(number) for number in NUMBER.findall(place)]
    return tuple((values[i], values[i + 1], values[i + 2], values[i + 3]) for i in range(0, len(values), 4))
