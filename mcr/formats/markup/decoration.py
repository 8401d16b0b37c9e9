"""Decoration of lines and parts: bullets, numbering, quotes, emphasis, lead-ins. It is not content and is taken off."""

import re

from mcr.formats.markup.what_is_read import (
    BARS,
    BULLET_SIGNS,
    CHECKBOX,
    EMPHASIS,
    FENCE_LANGUAGES,
    INVISIBLE,
    JOINERS,
    LEAD_INS,
    NUMBERINGS,
    QUOTE_PAIRS,
)

ASCII_BARS = str.maketrans(dict.fromkeys(BARS, "|"))
WIDE_BRACKETS = str.maketrans({"（": "(", "）": ")", "，": ",", "［": "[", "］": "]"})
_SPACED = "-*+\u2013\u2014\u00b7"  # signs that are bullets before white space alone; names begin with them, too
_TIGHT = "".join(sign for sign in BULLET_SIGNS if sign not in _SPACED)
SIGN = re.compile(
    rf"(?:>[ \t]?|#{{1,6}}[ \t]+|[{re.escape(_SPACED)}][ \t]+|[{re.escape(_TIGHT)}]\ufe0f?[ \t]*|{CHECKBOX}[ \t]*|[ \t\u3000]+)+"
)
NUMBERING = re.compile(rf"(?:{'|'.join(rule for rule, _ in NUMBERINGS)})[ \t\u3000]*")
_LEADS = "|".join(rule for rule, _ in LEAD_INS)
LEAD_IN = re.compile(
    rf"(?P<mark>[*_]{{1,3}})(?:{_LEADS})[ \t]*(?:[:：](?P=mark)|(?P=mark)[:：])[ \t]*|(?:{_LEADS})[ \t]*[:：][ \t]*",
    re.IGNORECASE,
)
PARTS = "text|entity|name|span|mention|type|entity type|category|label|box|bbox|bbox_2d|bounding box|location|region|coordinates"
KEY = re.compile(rf"[*_`]{{0,3}}(?:{PARTS})[*_`]{{0,3}}[ \t]?[:：=][*_`]{{0,3}}[ \t]*", re.IGNORECASE)
TEX = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|texttt)\{([^{}]*)\}")
TAGS = re.compile(
    r"</?(?:b|i|u|em|strong|code|mark|span|li|ul|ol|td|th|tr|table|tbody|thead|entity|item|pre|font|sub|sup)(?:\s[^<>]{0,99})?/?>",
    re.IGNORECASE,
)
BREAKS = re.compile(r"<br\s?/?>|</(?:li|tr|p|div)>|(?<=\S)```", re.IGNORECASE)
CELLS = re.compile(r"</t[dh]>(?=\s*<t[dh])", re.IGNORECASE)
FENCE = re.compile(
    rf"```[ \t]*(?:{'|'.join(FENCE_LANGUAGES)})?(?=[\s\[{{(]|\Z)|^[ \t]*(?:```|~~~)[^\n`~]*$", re.IGNORECASE | re.MULTILINE
)
FIRST_WORD = re.compile(r"[^\s|(（,:;*_\"'`]+")
INVISIBLES = str.maketrans(dict.fromkeys(INVISIBLE))
MAX_ROUNDS = 6


def without_markup(text: str) -> str:
    """Return text without fences, HTML and TeX around its parts; each fence and row of HTML ends a line."""
    if "`" in text or "~~~" in text:
        text = FENCE.sub("\n", text)
    if "<" in text:
        text = TAGS.sub("", BREAKS.sub("\n", CELLS.sub(" | ", text)))
    if "\\" in text:
        text = TEX.sub(r"\1", text)
    return text


def without_invisible(text: str, sentence: str) -> str:
    """Return text without zero-width characters and marks of direction, unless the sentence holds some."""
    if text.isascii() or any(char in sentence for char in INVISIBLE):
        return text
    return text.translate(INVISIBLES)


def strip_line(line: str, sentence: str = "") -> tuple[str, str]:
    """Return (a line without the decoration before its content, the number that was taken off).

    A number stays where the sentence says that the name begins with it.

    >>> strip_line("> - [ ] **1.** Ann | PER | None"), strip_line("1. FC Acme | ORG | None", "1. FC Acme won")[0]
    (('Ann | PER | None', '1.'), '1. FC Acme | ORG | None')
    """
    number = ""
    line = _unwrap_line(line.strip())
    for _ in range(MAX_ROUNDS):
        sign = SIGN.match(line)
        if sign and _has_content(line, sign.end()):
            line = _unwrap_line(line[sign.end() :])
        found = None if number else _numbering(line)
        if found and _has_content(found[1], 0) and not _is_content(line, found[1], sentence):
            number, line = found
            continue
        lead = LEAD_IN.match(line)
        if lead and not _is_content(line, line[lead.end() :], sentence):
            line = line[lead.end() :]
        elif not sign:
            break
    return line.strip(), number


def _has_content(line: str, place: int) -> bool:
    """Whether more than the next part of a row follows: "[x] | PER" is a name, not a box to tick."""
    return not line.startswith("|", place)


def _numbering(line: str) -> tuple[str, str] | None:
    """Return (number, the line without it); emphasis around the number alone goes with it."""
    start = len(line) - len(line.lstrip("*_"))
    found = NUMBERING.match(line, start)
    if found is None:
        return None
    mark, end = line[:start], found.end()
    rest = line[end + start :] if mark and line.startswith(mark, end) else mark + line[end:]
    return found.group().strip(), rest


def _is_content(line: str, rest: str, sentence: str) -> bool:
    """Whether the sentence holds what would be taken off a line together with the first word behind it."""
    if not sentence:
        return False
    front = line.strip("*_")[: len(line) - len(rest)].strip("*_\"'`")
    word = FIRST_WORD.match(rest.lstrip(" *_\"'`"))
    return word is not None and " ".join(f"{front} {word.group()}".split()) in sentence


def _unwrap_line(line: str) -> str:
    """Return a line without emphasis around the whole of it."""
    for mark in ("**", "__", "`", "*"):
        if len(line) > 2 * len(mark) and line.startswith(mark) and line.endswith(mark) and line.count(mark) == 2:
            line = line[len(mark) : -len(mark)].strip()
    return line


def strip_part(text: str, sentence: str = "") -> str:
    """Return a part of a row without quotes, emphasis and zero-width characters around it.

    >>> strip_part(' **"Ann Lee"** '), strip_part("_ann_", "follow _ann_ now")
    ('Ann Lee', '_ann_')
    """
    text = text.strip()
    if not text.isascii():
        text = text.strip(JOINERS).strip()
    for _ in range(MAX_ROUNDS):
        before = text
        text = _unwrap(text, sentence)
        if text == before:
            break
    return text


def _unwrap(text: str, sentence: str) -> str:
    """Return text without one pair around it, or without a mark whose other half is around more than this part."""
    if len(text) < 2:
        return text
    if not text[0].isalnum():
        if QUOTE_PAIRS.get(text[0]) == text[-1]:
            return text[1:-1].strip()
        mark = next((mark for mark in EMPHASIS if text.startswith(mark)), "")
        if mark and not (len(mark) == 1 and sentence and text in sentence):
            if text.endswith(mark) and len(text) > 2 * len(mark):
                return text[len(mark) : -len(mark)].strip()
            if len(mark) > 1 and mark not in text[len(mark) :]:
                return text[len(mark) :].strip()
    for mark in ("**", "__"):
        if text.endswith(mark) and text.count(mark) == 1 and len(text) > 2:
            return text[: -len(mark)].rstrip()
    return text
