"""The gate that reasoning written by models has to pass. It looks at what can be verified by rule and lets the rest go.

Checked: the reply ends in one answer, which is gold exactly; every entity is named; nothing that looks like a name is named that
is not there; each entity is said to be shown or not, in agreement with gold; boxes in the reasoning are gold's or known
regions, and those beside one entity its own; no talk of labels. English alone.
"""

import re
from collections.abc import Iterator, Sequence

from data_prep.schemas.facts import Facts
from mcr.boxes import Box
from mcr.formats import parse_completion
from mcr.records import Entity, collapse_space
from mcr.tasks import Task

ANSWER = re.compile(r"<answer>(.*?)</answer>\s*\Z", re.IGNORECASE | re.DOTALL)
MARKED = re.compile(r"^[ \t]*(?:final )?answer:[ \t]*$", re.IGNORECASE | re.MULTILINE)
SAYS = r"(?:say|state|give|show|tell|indicate|list|ha)\w*"
GIVEN = r"(?:given|provided|reference|expected|correct)"
GIVEAWAY = re.compile(
    rf"\b(?:ground[- ]truth|gold (?:answer|label|standard)|annotat\w+|(?:the|{GIVEN}) (?:label|answer)s? {SAYS}|{GIVEN} "
    r"(?:answer|label)s?|as instructed|(?:was|were|been) told|given to me|according to the (?:label|answer)s?)\b",
    re.IGNORECASE,
)
WORD = r"[A-Z][\w'&-]*"
NAME = re.compile(rf"(?<![\w@#]){WORD}(?: (?:of |the |de |& )?{WORD})*")
BEGINS = re.compile(r"(?:^|[\n.;:!?(\"-])[\s\"*]*\Z")
HEADING = re.compile(r"^[ \t]*(?:[-*\u2022]|[0-9]{1,2}[.)])?[ \t]*\**(?:[A-Za-z][\w/-]*[ ]?){1,4}\**[ \t]*:\**", re.MULTILINE)
QUOTED = re.compile(r"\"([^\"\n]*)\"")
MAX_QUOTED_CHARS = 60
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
BOX = re.compile(rf"[\[(]\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]")
LOOSE_WORDS = re.compile(
    r"\b[xy](?:[12]|min|max)?\b\s*[=:]?|\b(?:left|top|right|bottom|width|height)\b\s*[=:]?|</?\|?\w+\|?>", re.IGNORECASE
)
PLAIN_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
LOOSE_BOX = re.compile(
    rf"[(\[]?(?<![\w.]){PLAIN_NUMBER}(?:(?:[\s,;|()\[\]\u2013-]|\b(?:to|and|by)\b)+{PLAIN_NUMBER}){{3}}(?![\w])"
)
LIST_MARK = re.compile(r"^\s*[0-9]+[.)]\s", re.MULTILINE)
CLAUSE = re.compile(r"(?<=[.;!?])\s+|\n+|\s+(?=(?:but|while|whereas|although|however)\b)|,\s+(?=(?:but|while|whereas|and)\b)")
HOLDER = re.compile(r"\u27e6([0-9]+)\u27e7")
ABSENT = re.compile(
    r"\b(?:not|no|none|never|nothing|neither|nor|without|cannot|absent|missing|lacks?|null|\w+n't)\b", re.IGNORECASE
)
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


def why_rejected(completion: str, facts: Facts) -> str | None:
    """Return why a completion cannot be a schema, or None. The first word is the kind that rejects are counted under.

    Args:
        completion: as the model wrote it, answer included.
        facts: of the sample, boxes in the frame of the completion.
    """
    reasoning = reasoning_of(completion)
    if reasoning is None:
        return "answer: the reply does not end in one answer between <answer> and </answer>."
    if not _is_golds(completion, facts):
        return "answer: it is not the answer as it was given."
    if len(reasoning.split()) < 5:
        return "reasoning: there is next to none."
    given_away = GIVEAWAY.search(reasoning)
    if given_away:
        return f"giveaway: it speaks of {given_away.group()!r}, which a model that solves the task does not have."
    text = reasoning.replace("\u2019", "'").replace("\u2018", "'").replace("\u201c", '"').replace("\u201d", '"')
    held = hold_names(text, facts.entities)
    return _wrong_names(text, held, facts) or _wrong_boxes(held, facts) or _wrong_places(held, facts)


def reasoning_of(completion: str) -> str | None:
    """Return what stands before the one answer that ends a completion, without tags; None where there is no such answer."""
    if "<answer>" in completion.lower():
        found = ANSWER.search(completion)
        if found is None or len(re.findall(r"</?answer>", completion, re.IGNORECASE)) != 2:
            return None
        before = completion[: found.start()]
    else:
        markers = list(MARKED.finditer(completion))
        if len(markers) != 1:
            return None
        before = completion[: markers[0].start()]
    return re.sub(r"</?think>", "\n", before, flags=re.IGNORECASE).strip()


def _is_golds(completion: str, facts: Facts) -> bool:
    """Whether the answer says what gold says: texts, types in their spelling, all boxes, in any order."""
    parsed = parse_completion(completion, facts.task, frame=facts.frame)
    if not parsed.is_readable or parsed.problems:
        return False
    if not facts.task.has_text:
        return [entity.boxes for entity in parsed.entities] == [entity.boxes for entity in facts.entities]
    wanted, said = (
        sorted(str([getattr(entity, part) for part in parts_of(facts.task)]) for entity in entities)
        for entities in (facts.entities, parsed.entities)
    )
    return wanted == said


def parts_of(task: Task) -> list[str]:
    """Return the fields of an entity that an answer of a task holds."""
    return ["boxes" if part == "location" else part for part in task.asked]


def hold_names(text: str, entities: Sequence[Entity]) -> str:
    """Return text with each entity's name as a placeholder, longest names first, whole words alone.

    Short names are told by their case: "US" is not "us".
    """
    order = sorted(range(len(entities)), key=lambda index: -len(entities[index].text))
    held = collapse_lines(text)
    for index in order:
        name = r"\s+".join(map(re.escape, entities[index].text.replace("\u2019", "'").split()))
        flags = re.IGNORECASE if len(entities[index].text) > 3 else 0
        held = re.sub(rf"(?<!\w){name}(?!\w)", f"\u27e6{index}\u27e7", held, flags=flags)
    return held


def collapse_lines(text: str) -> str:
    """Return text with white space collapsed inside each line."""
    return "\n".join(collapse_space(line) for line in text.split("\n"))


def _holders(text: str, entities: Sequence[Entity]) -> set[int]:
    """Return the entities that a text names; those of one text are named together."""
    texts = {entities[int(match)].text for match in HOLDER.findall(text)}
    return {index for index, entity in enumerate(entities) if entity.text in texts}


def _wrong_names(text: str, held: str, facts: Facts) -> str | None:
    """Names that are left out, and names that stand nowhere."""
    named = _holders(held, facts.entities)
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
    parts = [facts.sentence, *(label for label, _ in facts.regions), *(look for look in facts.looks if look)]
    parts += [part for entity in facts.entities for part in (entity.text, entity.type)]
    return {word for part in parts for word in _words(part)} | COMMON


def _words(text: str) -> list[str]:
    return [word.lower().removesuffix("'s") for word in re.findall(r"[^\W_]+(?:'\w+)?", text.replace("\u2019", "'"))]


def _boxes_in(text: str) -> list[Box]:
    return [box_of(match) for match in BOX.finditer(text)]


def box_of(match: re.Match[str]) -> Box:
    """Return the box of a match with four groups of digits."""
    x1, y1, x2, y2 = (float(number) for number in match.groups())
    return x1, y1, x2, y2


def _wrong_boxes(held: str, facts: Facts) -> str | None:
    regions = [box for _, box in facts.regions]
    known = [box for entity in facts.entities for box in entity.boxes or ()] + regions
    loose = _loose_box(held, known, facts)
    if loose:
        return f"box: it writes {loose[:60]!r}, expected a box as it was given, [x1, y1, x2, y2]."
    for clause in CLAUSE.split(held):
        named = _holders(clause or "", facts.entities)
        for box in _boxes_in(clause or ""):
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
    for clause in filter(None, map(str.strip, filter(None, CLAUSE.split(held)))):
        named = _holders(clause, entities)
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
