"""JSON as models write it: trailing commas, single quotes, Python's literals and tuples, comments, cut off. Nothing is evaluated.

A scan from left to right, linear in the length and of bounded depth. What strict JSON reads goes through the standard decoder.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

DECODER = json.JSONDecoder()
MAX_NESTING = 32
MAX_NUMBER_CHARS = 64
SPACE = re.compile(r"(?:\s++|//[^\n]*+|\#(?=\s)[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z))*+")
NUMBER = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?(?=[\s,;:\])}]|px|%|\Z)(px)?")
WORD = re.compile(r"[^\s,;:=\[\]{}()\"'\u201c\u201d]++(?:[ \t]++[^\s,;:=\[\]{}()\"'\u201c\u201d]++)*+")
WORDS = {
    "null": None, "none": None, "nil": None, "undefined": None, "true": True, "false": False,
}  # fmt: skip
OPENERS = {"{": "}", "[": "]", "(": ")"}
QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
STRING_CHUNK = {quote: re.compile(rf"[^\\{quote}]*+") for quote in set(QUOTES.values()) | {'"'}}
AFTER_STRING = re.compile(r"\s*+(?:[,:;\]})=]|//|\Z)|[ \t]*+\n\s*+[\"'{}]")
MAX_LOOKAHEAD = 200
QUOTED_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{(\]})]', re.DOTALL)


class TooDeepError(ValueError):
    """Brackets are nested more than MAX_NESTING deep."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A value, where it ends in the text, whether it was whole (closed) there, and whether it is strict JSON."""

    value: Any
    end: int
    is_whole: bool
    is_json: bool


def scan(text: str, start: int, *, is_strict_first: bool = True) -> Scanned:
    """Read the value that begins at `start`, an opening bracket.

    The caller has asked `is_deep` of the text before. A strict decoder that fails counts the lines in front of the fault, so
    `is_strict_first` is left out once it has failed often.

    Raises:
        TooDeepError: its brackets are nested too deeply.
    """
    if is_strict_first:
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            pass
        else:
            return Scanned(value, end, True, True)
    scanner = _Scanner(text)
    value, end = scanner.value(start, 0)
    return Scanned(value, end, scanner.is_whole, False)


def is_deep(text: str, start: int = 0) -> bool:
    """Whether brackets are nested so deeply that walking the value could exhaust the stack."""
    if text.count("[", start) + text.count("{", start) + text.count("(", start) <= MAX_NESTING:
        return False
    depth = 0
    for match in QUOTED_OR_BRACKET.finditer(text, start):
        char = match.group()
        depth += (char in "[{(") - (char in "]})")
        if depth > MAX_NESTING:
            return True
    return False


class _Scanner:
    """Reads one value. Objects become dictionaries, lists and tuples become lists, a name before a bracket is dropped."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_whole = True

    def value(self, place: int, depth: int) -> tuple[Any, int]:
        """Return (value, end); MISSING where there is none."""
        if depth > MAX_NESTING:
            raise TooDeepError("JSON nested too deeply")
        place = self.skip(place)
        char = self.text[place : place + 1]
        if char in OPENERS and char:
            return self.container(place + 1, OPENERS[char], depth)
        if char in QUOTES and char:
            return self.string(place, QUOTES[char])
        if number := NUMBER.match(self.text, place):
            digits = number.group()[: -2 if number.group(1) else None]
            return (float(digits) if len(digits) <= MAX_NUMBER_CHARS else digits), number.end()
        word = WORD.match(self.text, place)
        if word is None:
            return MISSING, place
        end = word.end()
        if self.text[end : end + 1] == "(":  # np.array([...]), Entity(text=..., ...)
            return self.container(end + 1, ")", depth)
        return WORDS.get(word.group().lower(), word.group().strip()), end

    def skip(self, place: int) -> int:
        """Return the first place that is neither white space nor comment."""
        gap = SPACE.match(self.text, place)
        return gap.end() if gap else place

    def container(self, place: int, closer: str, depth: int) -> tuple[Any, int]:
        """Read to the closing bracket, or to the end of the text: then what is complete is kept."""
        items: list[Any] = []
        pairs: dict[str, Any] = {}
        while True:
            place = self.skip(place)
            char = self.text[place : place + 1]
            if not char:
                self.is_whole = False
                items = _complete(items)
                pairs = {key: kept for key, kept in pairs.items() if _complete([kept])}
                return (pairs if closer == "}" or (pairs and not items) else items), place
            if char in ",;":
                place += 1
                continue
            if char in ")]}":  # the closing bracket, or a wrong one in its place
                return (pairs if closer == "}" or (pairs and not items) else items), place + 1
            value, end = self.value(place, depth + 1)
            if value is MISSING or end == place:
                place += 1
                continue
            place = self.skip(end)
            if self.text[place : place + 1] in (":", "=") and isinstance(value, str | int | float):
                place = self.skip(place + 1)
                if self.text[place : place + 1] == ">":
                    place = self.skip(place + 1)
                found, place = self.value(place, depth + 1)
                pairs[str(value)] = None if found is MISSING else found
            elif closer == "}" and pairs and isinstance(next(reversed(pairs.values())), list):
                pairs[next(reversed(pairs))].append(value)  # more behind a list, as in `[...] or [...]`: no list that can be read
            else:
                items.append(value)

    def string(self, place: int, quote: str) -> tuple[str, int]:
        """Read a quoted string. A quote inside that nothing but text follows belongs to it (an apostrophe, a nickname)."""
        pieces, place = [], place + 1
        chunk = STRING_CHUNK[quote]
        while True:
            match = chunk.match(self.text, place)
            end = match.end() if match else place
            pieces.append(self.text[place:end])
            mark = self.text[end : end + 1]
            if not mark:
                self.is_whole = False
                return "".join(pieces), end
            if mark == quote:
                if AFTER_STRING.match(self.text, end + 1, end + MAX_LOOKAHEAD):
                    return "".join(pieces), end + 1
                pieces.append(mark)
                place = end + 1
            else:
                piece, place = self.escape(end + 1)
                pieces.append(piece)

    def escape(self, place: int) -> tuple[str, int]:
        """Read what a backslash begins."""
        char = self.text[place : place + 1]
        if char == "u":
            digits = self.text[place + 1 : place + 5]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                return chr(int(digits, 16)), place + 5
        return ESCAPES.get(char, char), place + 1


MISSING = object()


def _complete(items: list[Any]) -> list[Any]:
    """Return the complete containers of a list that is cut off, without the empty ones."""
    return [item for item in items if isinstance(item, dict | list) and item]
