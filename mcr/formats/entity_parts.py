"""Telling the three parts of an entity apart: which is the text, which the type, which the location, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcr.formats.location import NotALocation, read_location
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity
from mcr.tasks import GMNER, Task

QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer is read.

    Attributes:
        is_marked: whether tags or a marker delimit the answer. Where nothing does, only its last block counts.
        task: what was asked.
        labels: whose labels tell a type from a name.
    """

    is_marked: bool = True
    task: Task = GMNER
    labels: LabelSet = DEFAULT_LABELS


class Decoded(str):
    """A part that was a JSON string and is decoded: quotes in it belong to the text."""

    __slots__ = ()


def unquote(text: str) -> str:
    """Return text without one pair of quotes around it, unless it was decoded already."""
    if isinstance(text, Decoded):
        return text
    text = text.strip()
    if len(text) >= 2 and QUOTES.get(text[0]) == text[-1]:
        return text[1:-1]
    return text


def read_parts(parts: Sequence[str], joiner: str, how: Reading) -> tuple[Entity | None, str]:
    """Return (entity, "") or (None, why not). Parts come as they were cut, with their white space.

    A task without types has a text and a location, and its entities the type "". Text may hold the separator: surplus parts are
    part of it and are put together with `joiner`. With the location last, the part before it is the type if it is a known label
    or the first part is not; otherwise the first part is.

    >>> read_parts(["a ", " b ", " PER ", " None"], "|", Reading())[0]
    Entity(text='a | b', type='PER', boxes=None)
    """
    if len(parts) < len(how.task.asked):
        return None, f"expected {', '.join(how.task.asked)}, got {str(list(parts))[:80]}"
    if not how.task.has_type:
        return _read_without_type(parts, joiner)
    is_known = how.labels.is_known
    for place in (len(parts) - 1, len(parts) - 2, 0, 1):
        location = read_location(parts[place])
        if isinstance(location, NotALocation):
            continue
        rest = [part for index, part in enumerate(parts) if index != place]
        if place == 0 or (place == 1 and len(parts) == 3):
            text_first = not is_known(rest[0]) or is_known(rest[-1])
        elif place == len(parts) - 2:
            text_first = True
        else:
            text_first = is_known(rest[-1]) or not is_known(rest[0])
        label, words = (rest[-1], rest[:-1]) if text_first else (rest[0], rest[1:])
        text = unquote(words[0] if len(words) == 1 else joiner.join(words))
        if not text.strip() or not unquote(label):
            return None, f"empty text or type in {str(list(parts))[:80]}"
        return Entity(text.strip(), unquote(label), location), ""
    return None, f"no location in {str(list(parts))[:80]}"


def _read_without_type(parts: Sequence[str], joiner: str) -> tuple[Entity | None, str]:
    for place, words in ((len(parts) - 1, parts[:-1]), (0, parts[1:])):
        location = read_location(parts[place])
        text = unquote(words[0] if len(words) == 1 else joiner.join(words)).strip()
        if not isinstance(location, NotALocation):
            return (Entity(text, "", location), "") if text else (None, f"empty text in {str(list(parts))[:80]}")
    return None, f"no location in {str(list(parts))[:80]}"
