"""Text of strangers that looks like a control token: it is broken up, so that nothing on the way takes it for one.

A tweet may hold the text of an image pad or of a turn's end. Two ways lead to a model, each with a mark of its own:
`mcr.models.plain_text` removes its mark inside the tokenizer, so the model reads the text as it is; what goes to an endpoint,
whose tokenizer is out of reach, keeps an invisible character (`mcr.endpoint.messages`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

OWN_TAGS = ("<think>", "</think>", "<answer>", "</answer>")  # our instructions and completions write them as tokens
QUOTED = "quoted"  # key of a text part: the piece of it in which our own tags are a stranger's text, too


def text_part(text: str, sentence: str) -> dict[str, Any]:
    """Return the text part of a prompt around a sentence; a sentence that holds one of our own tags is noted.

    >>> text_part("Text: Ann\\nName the entities.", "Ann")
    {'type': 'text', 'text': 'Text: Ann\\nName the entities.'}
    """
    part = {"type": "text", "text": text}
    return part | {QUOTED: sentence} if any(tag in sentence for tag in OWN_TAGS) else part


@dataclass(frozen=True, slots=True)
class ControlTokens:
    """Which texts are control tokens, and the mark that breaks them up.

    Attributes:
        mark: is put behind the first character of each.
        everywhere: matches the first character of each that is no tag of ours.
        quoted: matches the first character of each.
        broken: matches the first character and the mark of each that is broken up.
    """

    mark: str
    everywhere: re.Pattern[str]
    quoted: re.Pattern[str]
    broken: re.Pattern[str]

    @classmethod
    def of(cls, tokens: Iterable[str], mark: str, shapes: Iterable[tuple[str, str]] = ()) -> "ControlTokens":
        """Return the control tokens of a tokenizer or of families.

        Args:
            tokens: their texts, of two characters or more.
            mark: is put behind the first character of each; a mark of several characters that a text holds is broken up, too.
            shapes: of more tokens: (first character, regular expression of the rest).
        """
        others = {*tokens, *([mark] if len(mark) > 1 else [])} - {*OWN_TAGS}
        everything = {*others, *OWN_TAGS}
        return cls(mark, _begins(others, shapes), _begins(everything, shapes), _begins(everything, shapes, mark))

    def break_up(self, text: str, quoted: str = "") -> str:
        """Return a text with the mark inside each control token.

        Args:
            text: of a message.
            quoted: the piece of it, at its first occurrence, in which our own tags are broken up, too.

        >>> controls = ControlTokens.of(["<|end|>"], "_")
        >>> controls.break_up("<think>: a<|end|>"), controls.break_up("a <think>, <think>", quoted="a <think>")
        ('<think>: a<_|end|>', 'a <_think>, <think>')
        """
        before, piece, behind = text.partition(quoted) if quoted else (text, "", "")
        return self._mark(self.everywhere, before) + self._mark(self.quoted, piece) + self._mark(self.everywhere, behind)

    def restore(self, text: str) -> str:
        """Return a text in which nothing is broken up.

        >>> ControlTokens.of(["<|end|>"], "_").restore("a_b <_|end|>")
        'a_b <|end|>'
        """
        return self.broken.sub(lambda match: match[0].removesuffix(self.mark), text)

    def break_up_message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return a message whose texts are broken up; the note of what is quoted is taken out."""
        content = message.get("content")
        if isinstance(content, str):
            return {**message, "content": self.break_up(content)}
        if not isinstance(content, list | tuple):
            return dict(message)
        return {**message, "content": [self._break_up_part(part) for part in content]}

    def _break_up_part(self, part: Any) -> Any:
        if isinstance(part, str):
            return self.break_up(part)
        if not isinstance(part.get("text"), str):
            return part
        kept = {key: value for key, value in part.items() if key != QUOTED}
        return kept | {"text": self.break_up(part["text"], part.get(QUOTED) or "")}

    def _mark(self, begins: re.Pattern[str], text: str) -> str:
        return begins.sub(lambda match: match[0] + self.mark, text)


def _begins(tokens: Iterable[str], shapes: Iterable[tuple[str, str]], mark: str = "") -> re.Pattern[str]:
    """Return what matches the first character of each token and the mark behind it, also where tokens overlap."""
    rests: defaultdict[str, list[str]] = defaultdict(list)
    for first, rest in [*((token[0], re.escape(token[1:])) for token in sorted(tokens)), *shapes]:
        rests[first].append(rest)
    firsts = [f"{re.escape(first)}{re.escape(mark)}(?={'|'.join(found)})" for first, found in rests.items()]
    return re.compile("|".join(firsts) or "(?!)")
