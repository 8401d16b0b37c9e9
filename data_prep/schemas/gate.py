"""The gate that reasoning written by models has to pass. It looks at what can be verified and lets the rest go.

Checked: the answer earns full reward; every entity is named; nothing that looks like a name is named that is not there; each
entity is said to be shown or not, in agreement with gold; boxes in the reasoning are gold's or known regions; no talk of labels.
"""

import re
from collections.abc import Sequence

from data_prep.schemas.facts import Facts
from mcr.parsing.location import NUMBER
from mcr.records import Entity, collapse_space
from rewards import score_completion

SAYS = r"(?:say|state|give|show|tell|indicate)\w*"
GIVEN = r"(?:given|provided|reference|expected)"
GIVEAWAY = re.compile(
    rf"\b(?:ground[- ]truth|gold (?:answer|label|standard)|annotat\w+|(?:the|{GIVEN}) (?:label|answer)s? {SAYS}|{GIVEN} "
    r"(?:answer|label)s?|as instructed|according to the (?:label|answer)s?)\b",
    re.IGNORECASE,
)
NAME = re.compile(r"(?<![\w@#])[A-Z][\w'\u2019&-]*(?: (?:of |the |de |& )?[A-Z][\w'\u2019&-]*)+")
BEGINS = re.compile(r"(?:^|[\n.;:!?])[\s\"\u201c]*\Z")
QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d\n]{2,60})[\"\u201d]")
BOX = re.compile(r"\[\s*[-+0-9.]+\s*(?:,\s*[-+0-9.]+\s*){3}\]")
CLAUSE = re.compile(r"(?<=[.;!?\n])\s+|\n+|\s+(?=(?:but|while|whereas|although|however)\b)|,\s+(?=(?:but|while|whereas|and)\b)")
ABSENT = re.compile(
    r"\b(?:not|no|none|never|nothing|neither|nor|without|isn't|aren't|doesn't|don't|cannot|can't|absent|missing|lacks?|null)\b",
    re.IGNORECASE,
)
SHOWN = re.compile(
    r"\b(?:show[sn]?|showing|visible|visibl[ey]|seen|see|sees|appears?|present|depict\w*|image|photo|picture|picture[ds]|ground\w*|"
    r"locat\w*|box|region|bounding|found|display\w*|correspond\w*|entail\w*)\b",
    re.IGNORECASE,
)
GOES_ON = re.compile(r"\s*(?:it|he|she|they|this|that|a:|the (?:image|photo|picture))\b", re.IGNORECASE)
COMMON = (
    "the a an of in on at and or is are it its this that per loc org other person location organization entity entities image "
    "text span type entailment grounding step check checks first second third q question answer external visual knowledge cue "
    "analysis none so since as for we i he she they there here final twitter tweet box boxes"
).split()


def why_rejected(completion: str, facts: Facts) -> str | None:
    """Return why a completion cannot be a schema, or None. The first word is the kind that rejects are counted under.

    Args:
        completion: as the model wrote it, answer included.
        facts: of the sample, boxes in the frame of the completion.
    """
    score = score_completion(completion, facts.entities, task=facts.task)
    if score.total != 1.0:
        told = f" ({'; '.join(score.problems[:2])})" if score.problems else ""
        return f"answer: it does not end in the answer as it was given{told}."
    reasoning = reasoning_of(completion)
    if len(reasoning.split()) < 5:
        return "reasoning: there is next to none."
    given_away = GIVEAWAY.search(reasoning)
    if given_away:
        return f"giveaway: it speaks of {given_away.group()!r}, which a model that solves the task does not have."
    return _wrong_names(reasoning, facts) or _wrong_boxes(reasoning, facts) or _wrong_places(reasoning, facts)


def reasoning_of(completion: str) -> str:
    """Return what stands before the answer, without tags."""
    before = re.split(r"<answer>|^\s*(?:final )?answer\s*:", completion, maxsplit=1, flags=re.IGNORECASE | re.MULTILINE)[0]
    return re.sub(r"</?think>", "\n", before, flags=re.IGNORECASE).strip()


def _wrong_names(reasoning: str, facts: Facts) -> str | None:
    """Names that are left out, and names that stand nowhere."""
    text = collapse_space(reasoning)
    unnamed = [entity.text for entity in facts.entities if collapse_space(entity.text).lower() not in text.lower()]
    if unnamed:
        return f"unnamed: it does not name {', '.join(map(repr, unnamed[:3]))}."
    known = _known_words(facts)
    found = [*QUOTED.findall(reasoning), *_names(reasoning)]
    strange = [name for name in found if not all(word in known for word in _words(name))]
    return f"invented: it names {strange[0]!r}, which neither the text nor what is known of the image holds." if strange else None


def _names(reasoning: str) -> list[str]:
    """Return runs of capitalised words; a word that begins a sentence may be any word and is left out."""
    found = []
    for match in NAME.finditer(reasoning):
        name = match.group()
        if BEGINS.search(reasoning, 0, match.start()):
            name = name.partition(" ")[2]
        if " " in name:
            found.append(name)
    return found


def _known_words(facts: Facts) -> set[str]:
    parts = [facts.sentence, *(label for label, _ in facts.regions), *(look for look in facts.looks if look)]
    parts += [part for entity in facts.entities for part in (entity.text, entity.type)]
    words = {word for part in parts for word in _words(part)}
    return words | set(COMMON)


def _words(text: str) -> list[str]:
    return [word.lower().removesuffix("'s").removesuffix("\u2019s") for word in re.findall(r"[^\W_]+(?:['\u2019]\w+)?", text)]


def _wrong_boxes(reasoning: str, facts: Facts) -> str | None:
    known = [box for entity in facts.entities for box in entity.boxes or ()] + [box for _, box in facts.regions]
    for match in BOX.finditer(reasoning):
        values = tuple(float(number) for number in NUMBER.findall(match.group()))
        if values not in known:
            return f"box: it writes {match.group()}, which is none of the given boxes."
    return None


def _wrong_places(reasoning: str, facts: Facts) -> str | None:
    """Entities of which nothing is said, or the contrary of gold."""
    if facts.task == "mner":
        return None
    clauses = [clause for clause in CLAUSE.split(reasoning) if clause and clause.strip()]
    for entity in facts.entities:
        others = [collapse_space(one.text).lower() for one in facts.entities if one.text != entity.text]
        said = _verdicts(clauses, entity, others)
        if not said:
            return f"unsaid: it does not say of {entity.text!r} whether the image shows it."
        if (entity.boxes is not None) not in said:
            wanted = "is shown" if entity.boxes is not None else "is not shown"
            return f"contrary: it does not say that {entity.text!r} {wanted} in the image."
        if said[-1] != (entity.boxes is not None):
            return f"contrary: in the end it says the contrary of what holds for {entity.text!r}."
    return None


def _verdicts(clauses: Sequence[str], entity: Entity, others: Sequence[str]) -> list[bool]:
    """Return what each clause that names the entity, or goes on from one that does, says: shown or not."""
    verdicts, is_near = [], False
    name = collapse_space(entity.text).lower()
    for clause in clauses:
        text = collapse_space(clause).lower()
        goes_on = is_near and (clause.lstrip()[:1].islower() or GOES_ON.match(clause)) and not any(one in text for one in others)
        is_near = name in text or goes_on
        if not is_near:
            continue
        rest = text.replace(name, " ")
        if BOX.search(clause):
            verdicts.append(True)
        elif ABSENT.search(rest) and SHOWN.search(rest):
            verdicts.append(False)
        elif SHOWN.search(rest) or rest.strip(" .:-|") == "none":
            verdicts.append(not ABSENT.search(rest))
    return verdicts
