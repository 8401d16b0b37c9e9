"""From a completion to its entities: find the answer that counts, then read it in whichever form it is written.

The last complete answer outside the reasoning counts: what is in <answer> or the like, or follows "Answer:", whichever comes
last, else the last complete alternative in the text. mcr/formats/markup/what_is_read.py is the table of all that is read.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from mcr.boxes import Frame
from mcr.formats.canonical import read_canonical, read_taught, split_canonical
from mcr.formats.entity_parts import Reading
from mcr.formats.json_answer import holds_something
from mcr.formats.location import bare
from mcr.formats.markup.answer_text import find_answer, without_tokens
from mcr.formats.markup.blocks import read_body
from mcr.formats.markup.decoration import strip_line, without_invisible, without_markup
from mcr.formats.markup.loose_json import is_deep
from mcr.formats.markup.what_is_read import EMPTY_ANSWERS, EMPTY_SENTENCE
from mcr.formats.place import read_place, read_verdict
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity, collapse_space
from mcr.tasks import GMNER, Task, task_named

MAX_PROBLEMS = 50
MAX_EMPTY_CHARS = 1000
MAX_SENTENCE_CHARS = 200
NO_ENTITY = "no entity could be read in the answer"
CUT = "the completion was cut off before an answer was complete"
NO_ENTITIES = re.compile(EMPTY_SENTENCE[0], re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """What a completion says.

    Attributes:
        entities: in the order written, duplicates kept, each with the frame of its boxes. An entity whose location could not
            be read has boxes ().
        is_readable: an answer was found and read, be it the empty one. False earns 0 for everything.
        problems: why parts, or the whole, could not be read, each with the piece of text; for reports.
        answer: the text that was read as the answer.
    """

    entities: tuple[Entity, ...]
    is_readable: bool
    problems: tuple[str, ...] = ()
    answer: str = ""


def parse_completion(
    completion: str,
    task: Task | str = GMNER,
    *,
    labels: LabelSet = DEFAULT_LABELS,
    frame: Frame | None = None,
    sentence: str = "",
    opened: str = "",
    is_complete: bool = True,
    formats: Collection[str] = (),
    reads_empty_boxes: bool = True,
) -> ParsedCompletion:
    """Read a completion. Whatever cannot be read is reported in `problems`; no completion raises.

    A task without locations (mner) reads names and types and no place. A task without texts (vg) reads a place and no name: its
    one entity has the empty text, which whoever asked fills in with the phrase. Of a task that asks for a verdict (ve), yes is a
    place without a box, boxes ().

    Args:
        completion: what the model wrote, reasoning included.
        task: what was asked, or its name.
        labels: the label set, whose labels tell a type from a name.
        frame: that the completion's boxes are written in; None: pixels of the original image. Entities carry it.
        sentence: that was asked about, where it is known: it decides whether "1." belongs to the name "1. FC Acme".
        opened: what the prompt opened for the model, such as "<think>": the completion continues it.
        is_complete: whether the model ended its turn before the limit on tokens.
        formats: of ANSWER_FORMATS, those that count, written as schemas write them and nothing else; empty: every form of
            mcr/formats/markup/what_is_read.py.
        reads_empty_boxes: read [0, 0, 0, 0], [-1, -1, -1, -1], [[]] and nulls as None, and report it; else they are no location.

    Raises:
        ConfigError: there is no task of that name.

    >>> parse_completion("<think>[1, 2, 3, 4]</think><answer>\\nAnn | PER | None\\n</answer>").entities
    (Entity(text='Ann', type='PER', boxes=None),)
    """
    task = task_named(task)
    if not opened and task.has_text and task.has_type and task.has_location:
        answer = split_canonical(completion)
        entities = None if answer is None else read_canonical(answer, labels, formats, frame)
        if entities is not None:
            return ParsedCompletion(tuple(entities), True, (), answer or "")
    how = Reading(
        task=task,
        labels=labels,
        sentence=collapse_space(sentence),
        is_strict=bool(formats),
        reads_empty_boxes=reads_empty_boxes and not formats,
        axes=frame.axes if frame else "",
    )
    parsed = _parse(completion, how, opened, is_complete, formats)
    if frame is None:
        return parsed
    return replace(parsed, entities=tuple(replace(entity, frame=frame) for entity in parsed.entities))


def _parse(completion: str, how: Reading, opened: str, is_complete: bool, formats: Collection[str]) -> ParsedCompletion:
    found = find_answer(completion, opened=opened, is_strict=how.is_strict)
    behind = [f"text behind the end of the turn was left out: {found.left_out[:80]!r}"] if found.left_out else []
    if found.problem:
        return ParsedCompletion((), False, (found.problem, *behind))
    how = replace(how, is_marked=found.is_marked)
    if how.is_strict and how.task.has_text:
        entities, problems, is_empty = read_taught(found.text, how, formats)
        return _parsed(entities, problems + behind, is_empty, found.text)
    body = found.text
    if not how.is_strict:
        body = without_markup(without_invisible(without_tokens(body), how.sentence))
    if not how.task.has_text:
        return _parse_place(body, how, behind, found.text)
    if _is_empty(body, found.is_marked):
        return ParsedCompletion((), True, tuple(behind), found.text)
    read = read_body(body, how)
    if not is_complete and not found.is_marked and read.goes_on:
        return ParsedCompletion((), False, (CUT, *behind), found.text)
    return _parsed(read.entities, read.problems + behind, False, found.text)


def _parsed(entities: list[Entity], problems: list[str], is_empty: bool, answer: str) -> ParsedCompletion:
    if not entities and not is_empty:
        problems = [NO_ENTITY, *problems]
    return ParsedCompletion(tuple(entities), bool(entities) or is_empty, tuple(problems[:MAX_PROBLEMS]), answer)


def _parse_place(body: str, how: Reading, behind: list[str], answer: str) -> ParsedCompletion:
    place = read_verdict(body, how) if how.task.is_verdict else read_place(body, how)
    if place is None:
        return ParsedCompletion((), False, (f"no place could be read in the answer: {body.strip()[:80]!r}", *behind), answer)
    boxes, problems = place
    return ParsedCompletion((Entity("", "", boxes),), True, (*problems, *behind), answer)


def _is_empty(body: str, is_marked: bool) -> bool:
    """Whether an answer says that there is no entity."""
    body = body.strip()
    if len(body) > MAX_EMPTY_CHARS:
        return False
    if body[:1] in "[{" and body and not is_deep(body):
        try:
            return not holds_something(json.loads(body))
        except (ValueError, RecursionError):
            return False
    words = bare(strip_line(body)[0]) if body else ""
    folded = words.rstrip(".!。").lower()
    if folded in EMPTY_ANSWERS and (is_marked or bool(words)):
        return True
    return len(words) <= MAX_SENTENCE_CHARS and NO_ENTITIES.fullmatch(words) is not None
