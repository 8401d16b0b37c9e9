"""The levels of the gate: what a reply must hold before it becomes a schema.

MCR's Appendix B asks that the model considers the relevant modalities and that its results agree with the labels. It states no
check; both levels are our choice.
"""

from typing import Literal, get_args

from data_prep.schemas.facts import Facts
from data_prep.schemas.gate.contradictions import why_contradicted
from data_prep.schemas.gate.final_answer import is_gold, split_reply
from data_prep.schemas.gate.giveaways import LABEL_TALK, LABEL_WORDS
from data_prep.schemas.gate.held_names import hold_names
from data_prep.schemas.gate.strict import why_not_strict

GateLevel = Literal["answer", "strict"]
GATE_LEVELS: tuple[GateLevel, ...] = get_args(GateLevel)
MIN_WORDS = 5
PLAIN_QUOTES = str.maketrans("\u2019\u2018\u201c\u201d", "''\"\"")


def why_rejected(completion: str, facts: Facts, level: GateLevel = "answer") -> str | None:
    """Return why a completion cannot be a schema, or None. The first word is the kind that rejects are counted under.

    Both levels reject a reply that does not end in one answer that is gold exactly (`answer`), and one with fewer than five words
    of reasoning (`reasoning`).

    Level "answer" adds what cannot be misjudged: talk of the label or the data set (`giveaway`), a box that the reasoning gives
    to an entity against gold (`box`), and the sentence that the text names no entity where gold has some (`contrary`). Background
    knowledge, names that only the image shows, boxes of other visible objects and any other wording pass.

    Level "strict" has, in their place, checks that can misjudge a good text: any word of labels (`giveaway`), entities left out
    (`unnamed`), names that occur neither in the text nor in the known regions (`invented`), boxes other than the given ones or in
    another form (`box`), verdicts that are missing (`unsaid`) or against gold (`contrary`), and words for the image where the
    task has none (`image`).

    Args:
        completion: as the model wrote it, answer included.
        facts: of the sample, boxes in the frame of the completion.
        level: "answer" or "strict".
    """
    parts = split_reply(completion)
    if parts is None:
        return "answer: the reply does not end in one answer between <answer> and </answer>."
    if not is_gold(completion, facts):
        return "answer: it is not the answer as it was given."
    reasoning, _ = parts
    if len(reasoning.split()) < MIN_WORDS:
        return "reasoning: there is next to none."
    text = reasoning.translate(PLAIN_QUOTES)
    for given_away in (LABEL_WORDS if level == "strict" else LABEL_TALK).finditer(text):
        if level == "strict" or given_away.group().lower() not in facts.sentence.lower():
            return f"giveaway: it speaks of {given_away.group()!r}, which a model that solves the task does not have."
    held = hold_names(text, facts.entities)
    return why_not_strict(text, held, facts) if level == "strict" else why_contradicted(held, facts)
