"""Talk of the label: a model that solves the task has none, so its reasoning must not speak of one."""

import re

SAYS = r"(?:say|state|give|show|tell|indicate|list|ha)\w*"
GIVEN = r"(?:given|provided|reference|expected|correct)"
# Level strict. It also meets labels on bottles, annotated maps, the gold standard of a sport, and people who were told something.
LABEL_WORDS = re.compile(
    rf"\b(?:ground[- ]truth|gold (?:answer|label|standard)|annotat\w+|(?:the|{GIVEN}) (?:label|answer)s? {SAYS}|{GIVEN} "
    r"(?:answer|label)s?|as instructed|(?:was|were|been) told|given to me|according to the (?:label|answer)s?)\b",
    re.IGNORECASE,
)
ANSWER_OR_LABEL = r"(?:answer|(?:type |entity )?label|annotation)s?"
# Level answer. Each line can be read in one way only. Passed over: a label on a product, the label set of the prompt ("the
# provided labels"), the answer of a quiz ("the correct answer"), the form of the answer ("the given answer format"), and the
# answer to an earlier question of the reasoning.
LABEL_TALK = re.compile(
    "|".join(
        (
            r"\bground[- ]truths?\b",
            r"\b(?:the|your|this) (?:given|provided|reference|supplied) answers?\b(?! (?:format|form|options?|choices?)\b)",
            r"\b(?:the|a|this) (?:given|provided|supplied) (?:(?:type|entity) )?label\b(?! (?:set|list|space|options?)\b)",
            r"\b(?:gold(?:en)?|reference)[- ](?:standard )?(?:answer|annotation)s?\b",
            r"\bgold(?:en)?[- ](?:standard )?labels? (?:says?|is|are|states?|gives?|marks?|lists?|confirms?)\b(?! *[\"'])",
            r"\bthe annotations? (?:says?|states?|confirms?|marks?|gives?|lists?)\b(?! *[\"'])",
            r"\b(?:rules?|guidelines?|annotations?|labels?) (?:marked by|of|in|from) (?:this|the) data ?set\b",
            r"\bthe answer (?:says|states|tells|indicates)\b",
            r"\baccording to the (?:(?:given|provided|gold|reference|correct|final) )?(?:answers?|annotations?)\b"
            r"(?! (?:above|to|on|in|from|of)\b)",
            rf"\b(?:I|we) (?:was|were|am|are|have been) (?:told|given|provided with|shown) (?:that )?(?:the|this|an?) (?:\w+ )?"
            rf"{ANSWER_OR_LABEL}\b",
            rf"\b{ANSWER_OR_LABEL} (?:that )?(?:(?:I|we) (?:was|were|am|are) given|(?:was |were )?(?:given|provided|"
            r"supplied) (?:to me|by you|in the (?:prompt|request|instructions?))|you (?:gave|provided))\b",
        )
    ),
    re.IGNORECASE,
)
