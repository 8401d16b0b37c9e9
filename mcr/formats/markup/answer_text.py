"""Finding the answer in a completion: what is outside the reasoning, and of that the last complete answer.

Reasoning is never an answer, whatever its tags, also where it is not closed or where the prompt opened it.
"""

import re
from dataclasses import dataclass

from mcr.formats.markup.what_is_read import (
    ANSWER_NAMES,
    ANSWER_TOKENS,
    BOX_TOKENS,
    BOXED,
    END_TOKENS,
    HARMONY_BARE_FINAL,
    HARMONY_BARE_START,
    HARMONY_HEADER,
    MARKERS,
    REASONING_FAMILIES,
    REFERENCE_TOKENS,
    START_TOKENS,
)

FAMILY_NAMES = [name for name, _, _ in REASONING_FAMILIES]
REASONING_TAG = re.compile(
    "|".join(f"(?P<open_{name}>{opener})|(?P<close_{name}>{closer})" for name, opener, closer in REASONING_FAMILIES),
    re.IGNORECASE | re.ASCII,
)
HARMONY = re.compile(HARMONY_HEADER)
HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>")
BARE_START = re.compile(HARMONY_BARE_START)
END = re.compile("|".join(map(re.escape, END_TOKENS)))
ENDS_FIRST = re.compile(rf"(?:\s|{END.pattern})*+")
_CLOSERS = "|".join(re.escape(closer) for _, closer in ANSWER_TOKENS)
ODD_END = re.compile(rf"(?!{_CLOSERS})<[|\uff5c][^<>|\uff5c\s]{{1,40}}[|\uff5c]>\Z")
MAX_TOKEN_CHARS = 50
MAX_ODD_TOKENS = 20
MAX_OPENED_CHARS = 200
START = re.compile(START_TOKENS)
BOXES = re.compile("|".join(map(re.escape, BOX_TOKENS)))
REFERENCES = re.compile("|".join(map(re.escape, REFERENCE_TOKENS)))
_NAMES = "|".join(map(re.escape, ANSWER_NAMES))
ANSWER_TAG = re.compile(
    rf"<(/?)\s{{0,9}}(?:{_NAMES})(?:\s[^<>\n]{{0,99}})?>|"
    + "|".join(f"{re.escape(a)}|({re.escape(b)})" for a, b in ANSWER_TOKENS),
    re.IGNORECASE,
)
TAUGHT_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
MARKER = re.compile(
    rf"^[ \t>*#_]*(?:{'|'.join(rule for rule, _ in MARKERS)})[ \t*_]*(?:[:\uff1a](?:[*_]{{1,3}}(?=\s|\Z))?[ \t]*|\n(?=\S))",
    re.IGNORECASE | re.MULTILINE,
)
TAUGHT_MARKER = re.compile(r"^[ \t>*#]*(?:final[ \t]+)?answer[ \t*]*[:\uff1a][ \t*]*", re.IGNORECASE | re.MULTILINE)
UNCLOSED = "the reasoning is not closed, so nothing after it is an answer"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a completion.

    Attributes:
        text: of the answer.
        is_marked: whether tags, a marker or a box delimit it. In an unmarked answer the last complete alternative counts.
        problem: why there is none; then the text is empty.
        left_out: what was written behind the end of the turn, if anything.
    """

    text: str = ""
    is_marked: bool = False
    problem: str = ""
    left_out: str = ""


def find_answer(completion: str, *, opened: str = "", is_strict: bool = False) -> Found:
    """Return the last complete answer outside the reasoning.

    Args:
        completion: what the model wrote.
        opened: what the prompt's last turn opened, e.g. "<think>"; the completion continues it.
        is_strict: an answer is in <answer> or behind "Answer:", as schemas write it, and nowhere else.
    """
    opened = opened.strip()
    if opened and not completion.lstrip().startswith(opened):
        completion = opened + completion
    completion, left_out = cut_at_end(completion)
    outside, problem = outside_reasoning(completion)
    if "<|channel|>" in completion:  # whose own tokens end each channel
        outside, left_out = cut_at_end(outside)
    if problem:
        return Found(problem=problem, left_out=left_out)
    tag, marker = (TAUGHT_TAG, TAUGHT_MARKER) if is_strict else (ANSWER_TAG, MARKER)
    text, is_marked, problem = _last_answer(outside, tag, marker)
    if is_strict and not (is_marked or problem):
        return Found(problem="no answer in <answer> or behind 'Answer:', which the schemas teach", left_out=left_out)
    if not problem and not is_strict and BOXED in text:
        inside, problem = _inside_box(text)
        text, is_marked = (text, is_marked) if inside is None else (inside, True)
    return Found("" if problem else text, is_marked, problem, left_out)


def opened_by(prompt: str) -> str:
    """Return the tag of reasoning or answer that a prompt ends in, as some chat templates do, or nothing.

    >>> opened_by("<|im_start|>assistant\\n<think>\\n"), opened_by("<think>\\n\\n</think>\\n\\n")
    ('<think>', '')
    """
    tail = prompt.rstrip()[-MAX_OPENED_CHARS:]
    for tag in (*REASONING_TAG.finditer(tail), *ANSWER_TAG.finditer(tail)):
        is_opener = (tag.lastgroup or "open").startswith("open") and not (tag.re is ANSWER_TAG and any(tag.groups()))
        if is_opener and tag.end() == len(tail):
            return tag.group()
    return ""


def cut_at_end(text: str) -> tuple[str, str]:
    """Return the text up to the token that ends the turn, and what is behind it."""
    if "<" not in text and "[e" not in text and "[E" not in text:
        return text, ""
    if start := START.match(text):
        text = text[start.end() :]
    if "<|channel|>" in text:
        return text, ""
    before = ENDS_FIRST.match(text)
    end = END.search(text, before.end() if before else 0)
    if end is None:
        return _without_odd_end(text), ""
    return text[: end.start()], END.sub("", text[end.end() :]).strip()


def _without_odd_end(text: str) -> str:
    """Return text without tokens of the form <|...|> at its end, whatever their names."""
    text = text.rstrip()
    for _ in range(MAX_ODD_TOKENS):
        if not text.endswith(("|>", "\uff5c>")):
            break
        odd = ODD_END.search(text, max(0, len(text) - MAX_TOKEN_CHARS))
        if odd is None:
            break
        text = text[: odd.start()].rstrip()
    return text


def outside_reasoning(text: str) -> tuple[str, str]:
    """Return the text without its reasoning, or a problem: reasoning that never ends leaves no answer."""
    if "<|channel|>" in text:
        return _harmony_final(text)
    if bare := BARE_START.match(text):
        final = text.rfind(HARMONY_BARE_FINAL)
        return (text[final + len(HARMONY_BARE_FINAL) :], "") if final > bare.end() - 1 else ("", UNCLOSED)
    pieces: list[str] = []
    depth, start, family = 0, 0, ""
    for tag in REASONING_TAG.finditer(text):
        action, _, name = (tag.lastgroup or "").partition("_")
        if depth and name != family:
            continue
        if action == "open":
            if depth == 0:
                pieces.append(text[start : tag.start()])
            depth, family = depth + 1, name
            continue
        if depth == 0:
            pieces.clear()
        depth = max(0, depth - 1)
        start = tag.end()
    if depth:
        return "", UNCLOSED
    if not pieces:
        return text[start:], ""
    pieces.append(text[start:])
    return "\n".join(pieces), ""


def _harmony_final(text: str) -> tuple[str, str]:
    """Return what harmony's last channel "final" holds; every other channel is reasoning."""
    headers = list(HARMONY.finditer(text))
    finals = [header for header in headers if header.group(1).lower() == "final"]
    if not finals:
        return "", UNCLOSED
    end = HARMONY_END.search(text, finals[-1].end())
    return text[finals[-1].end() : end.start() if end else len(text)], ""


def _last_answer(text: str, tags: re.Pattern[str], markers: re.Pattern[str]) -> tuple[str, bool, str]:
    """Return (answer, whether tags or a marker delimit it, problem)."""
    opened, answer, end = None, None, 0
    for tag in tags.finditer(text):
        if not any(tag.groups()):
            opened = tag.end()
        elif opened is not None:
            answer, opened, end = text[opened : tag.start()], None, tag.end()
    if answer is None and opened is not None:
        return "", False, "the answer is not closed"
    if answer is not None:
        last = len(text.rstrip())
        later = [marker.end() for marker in markers.finditer(text, end) if marker.end() < last]
        return (text[later[-1] :] if later else answer), True, ""
    if not text.strip():
        return "", False, "the completion is empty"
    found = list(markers.finditer(text))
    if found and not text[found[-1].end() :].strip():
        return "", False, "the answer is not there"
    if found:
        return text[found[-1].end() :], True, ""
    return text, False, ""


def _inside_box(text: str) -> tuple[str | None, str]:
    r"""Return what the last \boxed{...} holds, or None where there is no box, and a problem where it is not closed."""
    start = text.rfind(BOXED + "{")
    if start < 0:
        return None, ""
    depth, begin = 0, start + len(BOXED) + 1
    for mark in re.finditer(r"[{}]", text[begin:]):
        depth += 1 if mark.group() == "{" else -1
        if depth < 0:
            return text[begin : begin + mark.start()], ""
    return None, "the answer is not closed"


def without_tokens(text: str) -> str:
    """Return text without the tokens that families put around boxes and names."""
    if "<" not in text:
        return text
    return REFERENCES.sub("", BOXES.sub(" ", text))
