"""Predicted texts that the sentence holds only once they are written otherwise: letters, decoration, HTML, Unicode, spaces."""

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable

from mcr.io.checks.suspicion import Pairs, Suspicion, suspect
from mcr.records import Sample, collapse_space

DECORATION = "*_~`\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u300c\u300d\u300e\u300f<>[](){} "
BULLET = re.compile(r"^(?:[-+\u2022\u2013#]+|\d{1,3}[.)])\s+")


def check_texts(pairs: Pairs, *, is_case_sensitive: bool) -> list[Suspicion]:
    """Return the texts that do not occur in their sentence as they are, by the first change after which they do."""
    changes = {what: holds for what, holds in CHANGES.items() if is_case_sensitive or holds is not _in_other_letters}
    found: dict[str, list[str]] = defaultdict(list)
    for sample, prediction in pairs if changes else ():
        sentence = collapse_space(sample.sentence)
        for entity in prediction.entities if sample.task.has_text else ():
            text = collapse_space(entity.text)
            if not text or _is_found(text, sentence, is_case_sensitive):
                continue
            what = next((what for what, holds in changes.items() if holds(text, sentence, sample)), None)
            if what is not None:
                found[what].append(f"{entity.text!r} (sample {sample.id})")
    return [suspicion for what in changes for suspicion in suspect(what, found[what])]


def _is_found(text: str, sentence: str, is_case_sensitive: bool) -> bool:
    return text in sentence or (not is_case_sensitive and text.lower() in sentence.lower())


def _in_other_letters(text: str, sentence: str, sample: Sample) -> bool:
    return re.search(rf"(?<!\w){re.escape(text.lower())}(?!\w)", sentence.lower()) is not None


def _is_decorated(text: str, sentence: str, sample: Sample) -> bool:
    plain = BULLET.sub("", text.strip(DECORATION)).strip(DECORATION)
    return bool(plain) and plain != text and (plain in sentence or _in_other_letters(plain, sentence, sample))


def _is_unescaped(text: str, sentence: str, sample: Sample) -> bool:
    plain, whole = _unescaped(text), _unescaped(sentence)
    is_escaped = plain != _squeezed(text) or whole != _squeezed(sentence)
    return is_escaped and bool(plain) and plain in whole


def _unescaped(text: str) -> str:
    """Return text unescaped, without any white space: published tweets hold `&amp` and `;` as two tokens."""
    return _squeezed(html.unescape(_squeezed(text)))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _is_composed_otherwise(text: str, sentence: str, sample: Sample) -> bool:
    return unicodedata.normalize("NFC", text) in unicodedata.normalize("NFC", sentence)


def _is_spaced_otherwise(text: str, sentence: str, sample: Sample) -> bool:
    return _squeezed(text) in {_squeezed(entity.text) for entity in sample.entities}


# What to say -> whether a text (white space collapsed) is in the sentence once it is changed so.
CHANGES: dict[str, Callable[[str, str, Sample], bool]] = {
    "text that occurs in the sentence once HTML is unescaped on both: give texts as the sentence has them.": _is_unescaped,
    "text that occurs in the sentence once Unicode is composed alike (NFC): give texts as the sentence has them.": (
        _is_composed_otherwise
    ),
    "text in other letters than the sentence has: copy texts from the sentence, or compare in lower case "
    "(--is_case_sensitive false).": _in_other_letters,
    "text in bold, quotes, brackets or behind a bullet that the sentence does not have: remove the decoration.": _is_decorated,
    "text with other spaces than gold has: copy texts from the sentence, its spaces included.": _is_spaced_otherwise,
}
