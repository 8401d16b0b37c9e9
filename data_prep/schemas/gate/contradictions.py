"""What the reasoning says against gold in words that leave no other reading: a box given to an entity, a text without entities.

"Acme is a team and can be seen at [10, 20, 300, 400]" is a claim about Acme. "The man at [10, 20, 300, 400] plays for Acme" is
none: words between name and box are not on the lists below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data_prep.schemas.facts import Facts
from data_prep.schemas.gate.held_names import ABSENT, HOLDER, clauses_of
from data_prep.schemas.gate.reasoning_boxes import NUMBER
from mcr.boxes import Box


def _any_of(words: str) -> str:
    return rf"\b(?:{'|'.join(words.split())})\b"


# "The text names no entity", of the whole text and of every entity: not "no other entity", not "no entity in the image".
NAMES_NOTHING = re.compile(
    r"\bnamed entities ?: ?none(?= *(?:[.\n]|\Z|reasoning))|\b(?:the|this) (?:sentence|text|tweet) (?:does not "
    r"(?:contain|include|mention|name|have) any|(?:contains|includes|mentions|has|names) no) named entit(?:y|ies)"
    r"(?= *(?:[.\n]|\Z))",
    re.IGNORECASE,
)
MAX_GAP_CHARS = 120
# A box as ours, [a, b, c, d], and as families write theirs: (a,b),(c,d) and [[a, b], [c, d]].
ANY_BOX = re.compile(
    rf"[\[(]+\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]?\s*,\s*[\[(]?\s*({NUMBER})\s*,\s*({NUMBER})\s*[\])]+",
)
AFTER_BOX = re.compile(r"(?<=[\])])(?:,\s+(?:and\s+)?|\s+and\s+)(?=[^\s(\[])")
ABBREVIATION = re.compile(r"\b(?:(?:[A-Z]\.)+|(?:[A-Z][a-z]{1,2}|vs|etc|e\.g|i\.e)\.)(?=\s)")  # its period ends no sentence
DOUBT = re.compile(
    _any_of(
        r"if whether unless may might could would should seem\w* perhaps maybe possibly probably likely unlikely suppos\w* "
        r"assum\w* hypothe\w* false\w* wrong\w* incorrect\w* mistak\w* confus\w* error tempting naive\w* instead rather "
        r"unlike than misread\w*"
    ),
    re.IGNORECASE,
)
PUNCTUATION = r"[\s:,|\"'*#=<>/\u2013\u2014-]"
IMAGE = r"\b(?:in|on) (?:the|this) (?:image|photo|picture)\b"
BOX_WORD = r"\b(?:the|a|its) (?:bounding )?(?:box|region|area|coordinates|position|location)\b"
BOX_OF = r"\b(?:box|place|location|position|coordinates) (?:of|for)\b"
TYPE = _any_of("per person loc location org organization other misc")
LEAD_WORDS = _any_of(
    "the an? entity name person place organization location other per loc org span type entailment grounding visual cue analysis "
    "image photo picture text check step first second third next then finally so thus therefore hence also here now answer while "
    "whereas but i we can see shows? depicts? [0-9]{1,2}"
)
LINK_WORDS = _any_of(
    "is are was were can be seen shown visible found located present depicted pictured displayed appears grounded here clearly "
    "also at in on as to within inside with box bbox box_start bbox_2d"
)
# Possessive quantifiers (*+): no text makes the search try other groupings of its words.
# What may come before a name that the clause is about.
LEAD = re.compile(rf"(?:[0-9]{{1,2}}[.)]|{BOX_OF}|{LEAD_WORDS}|{PUNCTUATION})*+[(]?", re.IGNORECASE)
# What may come between a name and its box.
LINK = re.compile(
    rf"(?:'s (?:bounding )?(?:box|location|position|coordinates)\b|\({TYPE}\)|[|:] ?{TYPE}|{IMAGE}|{BOX_WORD}"
    r"|\b(?:is|are|was|were|as) (?:the|an?) (?:[\w-]+ ){1,2}(?:in the image )?at\b"
    rf"|{LINK_WORDS}|{PUNCTUATION})*+",
    re.IGNORECASE,
)
# What it is, before where it is: "is a team and". A preposition would bring in another noun: "is the team of the man and".
PREDICATE = re.compile(
    rf"\A\W*(?:is|are|was|were) (?:an?|the) (?:(?!{_any_of('of with by for in at on from near to and who that which')})[\w-]+ )"
    r"{0,3}[\w-]+,? and "
)
INSIDE = re.compile(
    r"\b(?:(?:in|on|within|inside)\W*(?:(?:the|a) (?:bounding )?(?:box|region|area)(?: at| of)?\W*)?|with\W*)\Z", re.IGNORECASE
)
# What may come before a box that "is" an entity: "The man in the image at".
THING = re.compile(
    r"(?:the |an? |this )?(?:(?:\w+ )?(?:man|woman|person|figure|player|box|region|logo|object) )?"
    rf"(?:{IMAGE} )?(?:at |in |with )?",
    re.IGNORECASE,
)
IS = re.compile(r"\W*is (?:the )?\Z")
ENDS = re.compile(r"\W*\Z|\s*[,;:.)]")


@dataclass(frozen=True, slots=True)
class BoxClaim:
    """What a clause says of an entity.

    Attributes:
        index: of the entity.
        box: that it is given, in the frame of the facts.
        is_inside: the words say "in the box", which may be a box around something larger.
    """

    index: int
    box: Box
    is_inside: bool = False


def why_contradicted(held: str, facts: Facts) -> str | None:
    """Return what the reasoning says against gold, or None.

    Args:
        held: the reasoning with names as placeholders (`hold_names`).
        facts: of the sample.
    """
    if facts.entities and facts.task.has_text and NAMES_NOTHING.search(held):
        return f"contrary: it says that the text names no entity, the answer has {len(facts.entities)}."
    return _contradicting_box(held, facts)


def _contradicting_box(held: str, facts: Facts) -> str | None:
    """Return which box is given to an entity against gold, or None.

    A box contradicts gold where it belongs to another entity, or where gold says that the entity is not shown. Another box of a
    shown entity passes: gold may have several boxes of it, and the facts the largest alone.
    """
    if not (facts.task.has_location and facts.task.has_text):
        return None
    for claim in claims_in(held):
        name, box = facts.entities[claim.index].text, facts.write_box(claim.box)
        own = [one for entity in facts.entities if entity.text == name for one in entity.boxes or ()]
        theirs = [one for entity in facts.entities if entity.text != name for one in entity.boxes or ()]
        if not own:
            return f"box: it gives {box} to {name!r}, which the image does not show."
        if claim.box in theirs and claim.box not in own and not claim.is_inside:
            return f"box: it gives {box}, the box of another entity, to {name!r}."
    return None


def claims_in(held: str) -> Iterator[BoxClaim]:
    """Yield the boxes that a text with placeholders gives to entities.

    Passed over: questions, negations, doubts, and numbers in round brackets with no word between them and the name.
    """
    for clause in clauses_of(ABBREVIATION.sub(" ", held)):
        if clause.endswith("?") or ABSENT.search(clause) or DOUBT.search(HOLDER.sub(" ", clause)):
            continue
        for part in AFTER_BOX.split(clause):
            claim = _claim_of(part)
            if claim is not None:
                yield claim


def _claim_of(part: str) -> BoxClaim | None:
    name, box = HOLDER.search(part), ANY_BOX.search(part)
    if name is None or box is None:
        return None
    x1, y1, x2, y2 = (float(number) for number in box.groups())
    if not (x1 < x2 and y1 < y2):
        return None
    first, second = sorted((name, box), key=lambda match: match.start())
    lead, gap, rest = part[: first.start()], part[first.end() : second.start()], part[second.end() :]
    is_bare = box.group().startswith("(") and not re.search("[A-Za-z]", gap)
    if len(lead) + len(gap) > MAX_GAP_CHARS or is_bare:
        return None
    if first is box:
        is_claim = THING.fullmatch(lead) and IS.fullmatch(gap) and ENDS.match(rest)
    else:
        is_claim = LEAD.fullmatch(lead) and LINK.fullmatch(PREDICATE.sub(" ", gap))
    return BoxClaim(int(name.group(1)), (x1, y1, x2, y2), first is name and bool(INSIDE.search(gap))) if is_claim else None
