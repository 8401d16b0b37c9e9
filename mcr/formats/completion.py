"""From a completion to its entities: find the answer that counts, then read it in whichever format it is written.

The last complete answer outside the reasoning counts. Reasoning is what stands in <think>; an answer is what stands in
<answer> or follows a line that begins with "Answer:", whichever comes last, else the last block of rows in the text.
"""

import re
from dataclasses import dataclass, replace

from mcr.boxes import Frame
from mcr.formats.canonical import read_canonical
from mcr.formats.entity_parts import Reading
from mcr.formats.json_answer import is_empty_json, read_json_answer
from mcr.formats.location import NotALocation
from mcr.formats.names import read_names
from mcr.formats.place import read_place
from mcr.formats.rows import read_rows
from mcr.formats.sentences import read_sentences
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity
from mcr.tasks import GMNER, Task, task_named

THINK_TAG = re.compile(r"<(/?)\s{0,9}(?:think|thinking|thought|reasoning)\b[^<>\n]{0,99}>", re.IGNORECASE | re.ASCII)
ANSWER_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
MARKER = re.compile(r"^[ \t>*#]*(?:final[ \t]+)?answer[ \t*]*[:\uff1a][ \t*]*", re.IGNORECASE | re.MULTILINE)
FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)
EMPTY_ANSWERS = frozenset(
    ["", "none", "null", "[]", "{}", "()", "no entities", "no entity", "no named entities", "no named entity", "empty"]
)
BOX_TOKENS = re.compile(r"<\|box_(?:start|end)\|>")
END_TOKENS = re.compile(r"<\|(?:im_end|endoftext|eot_id)\|>")
MAX_PROBLEMS = 50
NO_ENTITY = "no entity could be read in the answer"


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """What a completion says.

    Attributes:
        entities: in the order written, duplicates kept, each with the frame of its boxes. An entity whose location could not
            be read has boxes ().
        is_readable: an answer was found and read, be it the empty one. False earns 0 for everything.
        problems: why parts, or the whole, could not be read; for reports.
        answer: the text that was read as the answer.
    """

    entities: tuple[Entity, ...]
    is_readable: bool
    problems: tuple[str, ...] = ()
    answer: str = ""


def parse_completion(
    completion: str, task: Task | str = GMNER, *, labels: LabelSet = DEFAULT_LABELS, frame: Frame | None = None
) -> ParsedCompletion:
    """Read a completion. Whatever cannot be read is reported in `problems`; no completion raises.

    A task without locations (mner) reads names and types and no place. A task without texts (vg) reads a place and no name: its
    one entity has the empty text, which whoever asked fills in with the phrase.

    Args:
        completion: what the model wrote, reasoning included.
        task: what was asked, or its name.
        labels: the label set, whose labels tell a type from a name.
        frame: that the completion's boxes are written in; None: pixels of the original image. Entities carry it.

    Raises:
        ConfigError: there is no task of that name.

    >>> parse_completion("<think>[1, 2, 3, 4]</think><answer>\\nAnn | PER | None\\n</answer>").entities
    (Entity(text='Ann', type='PER', boxes=None),)
    """
    task = task_named(task)
    parsed = _parse(completion, Reading(task=task, labels=labels))
    if frame is None:
        return parsed
    return replace(parsed, entities=tuple(replace(entity, frame=frame) for entity in parsed.entities))


def _parse(completion: str, how: Reading) -> ParsedCompletion:
    if "<|" in completion:
        completion = BOX_TOKENS.sub(" ", END_TOKENS.sub("", completion))
    outside, problem = _outside_reasoning(completion)
    if problem:
        return ParsedCompletion((), False, (problem,))
    answer, is_marked, problem = _find_answer(outside)
    if problem:
        return ParsedCompletion((), False, (problem,))
    if not how.task.has_text:
        return _read_place(answer)
    is_whole = how.task.has_type and how.task.has_location
    canonical = read_canonical(answer, how.labels) if is_whole else None
    if canonical is not None:
        return ParsedCompletion(tuple(canonical), True, (), answer)
    body = _unfence(answer)
    if body.strip().rstrip(".").lower() in EMPTY_ANSWERS and (is_marked or body.strip()):
        return ParsedCompletion((), True, (), answer)
    how = replace(how, is_marked=is_marked)
    if not how.task.has_location:
        entities, problems = read_names(body, how)
        readable = bool(entities) or is_empty_json(body)
        return ParsedCompletion(tuple(entities), readable, tuple(problems[:MAX_PROBLEMS]) if entities else (NO_ENTITY,), answer)
    entities, problems = read_json_answer(body, how)
    if not entities and is_empty_json(body):
        return ParsedCompletion((), True, (), answer)
    for read in (read_sentences, read_rows) if how.task.has_type else (read_rows,):
        if not entities:
            entities, problems = read(body, how)
    if not entities:
        problems = [NO_ENTITY, *problems]
    return ParsedCompletion(tuple(entities), bool(entities), tuple(problems[:MAX_PROBLEMS]), answer)


def _read_place(answer: str) -> ParsedCompletion:
    place = read_place(_unfence(answer))
    if isinstance(place, NotALocation):
        return ParsedCompletion((), False, ("no place could be read in the answer",), answer)
    problems = ("the place could not be read",) if place == () else ()
    return ParsedCompletion((Entity("", "", place),), True, problems, answer)


def _outside_reasoning(text: str) -> tuple[str, str]:
    """Return the text without its reasoning, or a problem: reasoning that never ends leaves no answer."""
    pieces, depth, start = [], 0, 0
    for tag in THINK_TAG.finditer(text):
        if not tag.group(1):
            if depth == 0:
                pieces.append(text[start : tag.start()])
            depth += 1
            continue
        if depth == 0:
            pieces.clear()
        depth = max(0, depth - 1)
        start = tag.end()
    if depth:
        return "", "the reasoning is not closed, so nothing after it is an answer"
    pieces.append(text[start:])
    return "\n".join(pieces), ""


def _find_answer(text: str) -> tuple[str, bool, str]:
    """Return (answer, whether tags or a marker delimit it, problem)."""
    opened, answer, end = None, None, 0
    for tag in ANSWER_TAG.finditer(text):
        if not tag.group(1):
            opened = tag.end()
        elif opened is not None:
            answer, opened, end = text[opened : tag.start()], None, tag.end()
    if answer is None and opened is not None:
        return "", False, "the answer is not closed"
    if answer is not None:
        last = len(text.rstrip())
        later = [marker.end() for marker in MARKER.finditer(text, end) if marker.end() < last]
        return (text[later[-1] :] if later else answer), True, ""
    if not text.strip():
        return "", False, "the completion is empty"
    markers = list(MARKER.finditer(text))
    if markers and not text[markers[-1].end() :].strip():
        return "", False, "the answer is not there"
    if markers:
        return text[markers[-1].end() :], True, ""
    return text, False, ""


def _unfence(text: str) -> str:
    """Return what stands in the last complete code fence, or the text itself."""
    if "```" not in text:
        return text
    fences = list(FENCE.finditer(text))
    if len(fences) >= 2:
        last = len(fences) // 2 * 2
        return text[fences[last - 2].end() : fences[last - 1].start()]
    return FENCE.sub("", text)
