"""Level strict of the gate: checks of names, boxes and verdicts that a good text can fail.

Checked: every entity is named; nothing that looks like a name is named that is not known; each entity is said to be shown or
not, in agreement with gold; boxes in the reasoning are gold's or known regions, and those beside one entity its own.
"""

import re
from collections.abc import Iterator, Sequence

from data_prep.schemas.facts import Facts
from data_prep.schemas.gate.held_names import ABSENT, HOLDER, clauses_of, named_in
from data_prep.schemas.gate.reasoning_boxes import BOX, boxes_in
from mcr.boxes import Box
from mcr.records import Entity

WORD = r"[A-Z][\w'&-]*"
NAME = re.compile(rf"(?<![\w@#]){WORD}(?: (?:of |the |de |& )?{WORD})*")
BEGINS = re.compile(r"(?:^|[\n.;:!?(\"-])[\s\"*]*\Z")
HEADING = re.compile(r"^[ \t]*(?:[-*\u2022]|[0-9]{1,2}[.)])?[ \t]*\**(?:[A-Za-z][\w/-]*[ ]?){1,4}\**[ \t]*:\**", re.MULTILINE)
QUOTED = re.compile(r"\"([^\"\n]*)\"")
MAX_QUOTED_CHARS = 60
LOOSE_WORDS = re.compile(
    r"\b[xy](?:[12]|min|max)?\b\s*[=:]?|\b(?:left|top|right|bottom|width|height)\b\s*[=:]?|</?\|?\w+\|?>", re.IGNORECASE
)
PLAIN_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
LOOSE_BOX = re.compile(
    rf"[(\[]?(?<![\w.]){PLAIN_NUMBER}(?:(?:[\s,;|()\[\]\u2013-]|\b(?:to|and|by)\b)+{PLAIN_NUMBER}){{3}}(?![\w])"
)
LIST_MARK = re.compile(r"^\s*[0-9]+[.)]\s", re.MULTILINE)
SHOWN = re.compile(
    r"\b(?:show[sn]?|showing|visible|visibl[ey]|seen|see|sees|appears?|present|depict\w*|image|photo|picture|pictured|ground\w*|"
    r"locat\w*|box|region|bounding|found|display\w*|correspond\w*|entail\w*|captured?|sign|trace|evidence)\b",
    re.IGNORECASE,
)
ELLIPSIS = re.compile(r"\b(?:is|are|was|were) not\W*$|\b(?:isn't|aren't|wasn't|weren't)\W*$", re.IGNORECASE)
YES_NO = re.compile(r"^\W*(?:a:|answer:)?\W*(yes|no)\b", re.IGNORECASE)
GOES_ON = re.compile(r"^\W*(?:[a-z]|It\b|He\b|She\b|They\b|This\b|That\b|A:|The (?:image|photo|picture)\b)")
IMAGE_WORDS = re.compile(r"\b(?:image|photo|picture|visible|depicted|background|foreground)\b", re.IGNORECASE)
COMMON = frozenset(
    (
        "the a an of in on at and or is are it its this that per loc org other person location organization entity entities "
        "image text span type entailment grounding step check checks first second third q question answer external visual "
        "knowledge cue analysis none no yes so since as for we i he she they there here final finally twitter tweet box boxes "
        "then next also thus therefore however although while because both only given from with among another looking names "
        "seen nothing within considering regarding additionally overall meanwhile similarly likewise by to but if when which "
        "what who where"
    ).split()
)


def why_not_strict(text: str, held: str, facts: Facts) -> str | None:
    """Return why reasoning does not pass level strict, or None.

    Args:
        text: the reasoning with plain quotes.
        held: the same with names as placeholders (`hold_names`).
        facts: of the sample.
    """
    return _wrong_names(text, held, facts) or _wrong_boxes(held, facts) or _wrong_places(held, facts)


def _wrong_names(text: str, held: str, facts: Facts) -> str | None:
    """Names that are left out, and names that neither the text nor the known regions hold."""
    named = named_in(held, facts.entities)
    unnamed = [entity.text for index, entity in enumerate(facts.entities) if index not in named]
    if unnamed:
        return f"unnamed: it does not name {', '.join(map(repr, unnamed[:3]))}."
    known = _known_words(facts)
    quoted = [part for part in QUOTED.findall(text) if len(part) <= MAX_QUOTED_CHARS]
    for name in (*quoted, *_names(HEADING.sub(" ", held))):
        if not all(word in known for word in _words(HOLDER.sub(" ", name))):
            return f"invented: it names {name!r}, which neither the text nor what is known of the image holds."
    return None


def _names(text: str) -> Iterator[str]:
    """Yield runs of capitalised words; a single one that begins a sentence may be any word."""
    for match in NAME.finditer(text):
        if " " in match.group() or not BEGINS.search(text, 0, match.start()):
            yield match.group()


def _known_words(facts: Facts) -> set[str]:
    parts = [facts.sentence, *facts.captions, *(label for label, _ in facts.regions), *(look for look in facts.looks if look)]
    parts += [part for entity in facts.entities for part in (entity.text, entity.type)]
    return {word for part in parts for word in _words(part)} | COMMON


def _words(text: str) -> list[str]:
    return [word.lower().removesuffix("'s") for word in re.findall(r"[^\W_]+(?:'\w+)?", text.replace("\u2019", "'"))]


def _wrong_boxes(held: str, facts: Facts) -> str | None:
    regions = [box for _, box in facts.regions]
    known = [box for entity in facts.entities for box in entity.boxes or ()] + regions
    loose = _loose_box(held, known, facts)
    if loose:
        return f"box: it writes {loose[:60]!r}, expected a box as it was given, [x1, y1, x2, y2]."
    for clause in clauses_of(held):
        named = named_in(clause, facts.entities)
        for box in boxes_in(clause):
            if box not in known:
                return f"box: it writes {list(box)}, which is none of the given boxes."
            own = [one for index in named for one in facts.entities[index].boxes or ()]
            if len({facts.entities[index].text for index in named}) == 1 and own and box not in [*own, *regions]:
                return f"box: it gives {list(box)} to the wrong entity."
    return None


def _loose_box(held: str, known: Sequence[Box], facts: Facts) -> str | None:
    """Return four numbers in a row that are a given box in another form, or look like one: in brackets, as x1 = ..., in tags."""
    plain = LIST_MARK.sub(" ", BOX.sub("#", HOLDER.sub("#", held)))
    of_text = " ".join(re.findall(r"[0-9]+", facts.sentence))
    for match in LOOSE_BOX.finditer(LOOSE_WORDS.sub(" [", plain)):
        numbers = re.findall(PLAIN_NUMBER, match.group())
        is_marked = "[" in match.group() or "(" in match.group()
        if tuple(map(float, numbers)) in known or (is_marked and " ".join(numbers) not in of_text):
            return match.group().replace(" [", "").strip()
    return None


def _wrong_places(held: str, facts: Facts) -> str | None:
    """Entities of which nothing is said, or the contrary of gold."""
    if not facts.task.has_location:
        found = IMAGE_WORDS.search(held)
        return f"image: it speaks of the {found.group()!r}, which the task does not ask about." if found else None
    said: dict[int, list[bool]] = {index: [] for index in range(len(facts.entities))}
    for named, verdict in _verdicts(held, facts.entities):
        for index in named:
            said[index].append(verdict)
    for index, entity in enumerate(facts.entities):
        is_shown = entity.boxes is not None
        if not said[index]:
            return f"unsaid: it does not say of {entity.text!r} whether the image shows it."
        if said[index][-1] != is_shown:
            wanted = "is shown" if is_shown else "is not shown"
            return f"contrary: it does not end up saying that {entity.text!r} {wanted} in the image."
    return None


def _verdicts(held: str, entities: Sequence[Entity]) -> Iterator[tuple[set[int], bool]]:
    """Yield (entities, shown or not) for each clause that says so, of what it names or of what the clause before named."""
    near: set[int] = set()
    asked: set[int] = set()
    for clause in clauses_of(held):
        named = named_in(clause, entities)
        if clause.endswith("?"):
            asked = named if SHOWN.search(clause) else set()
            near = named
            continue
        answer = YES_NO.search(clause)
        if asked and answer:
            yield asked, answer.group(1).lower() == "yes"
        near, asked = named or (near if GOES_ON.search(clause) else set()), set()
        rest = HOLDER.sub(" ", clause)
        if near and BOX.search(clause):
            yield near, True
        elif near and (SHOWN.search(rest) or ELLIPSIS.search(rest) or rest.strip(" .:-|").lower() == "none"):
            yield near, not ABSENT.search(rest)
