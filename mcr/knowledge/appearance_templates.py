"""Prompts that ask language models what an entity looks like, by coarse type (VKEL III-D 1, Fig. 6).

The paper shows the template of persons and names a few attributes of buildings and products. The other attributes are those of
its public code. The wording is ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcr.labels import FMNERG_FINE, LabelSet
from mcr.records import collapse_space

FINE_TYPE = "fine type"
NOT_KNOWN = "N/A"
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "person": (FINE_TYPE, "man or woman", "face", "hair", "skin", "number on clothes"),
    "organization": (FINE_TYPE, "logo", "slogan"),
    "product": (FINE_TYPE, "brand", "name", "appearance", "materials"),
    "building": (FINE_TYPE, "address", "appearance", "materials"),
    "location": (FINE_TYPE, "location", "logo", "flag", "appearance", "background"),
    "art": (FINE_TYPE, "appearance", "background"),
    "event": (FINE_TYPE, "appearance", "background"),
    "other": (FINE_TYPE, "appearance", "background"),
}
COARSE_OF_LABEL: Mapping[str, str] = {"per": "person", "loc": "location", "org": "organization", "misc": "other"}
TASK = (
    "You know what well-known entities look like. Say of the entity what helps to find it in a picture. Reply with one JSON "
    f'object that has exactly these keys, each with a short text; write "{NOT_KNOWN}" where you do not know.'
)
VOTE = (
    "Several models were asked for the {attribute} of {entity}, which is a {type}. Their answers:\n{answers}\nReply with the one "
    "answer that most of them agree on in meaning, and nothing else."
)
SUMMARY = (
    "What is known of {entity}, which is a {type}:\n{known}\nSay in one sentence which fine type {entity} has and what it "
    "looks like, from this alone. Leave out what cannot be seen."
)


@dataclass(frozen=True, slots=True)
class AskedEntity:
    """An entity that is asked about.

    Attributes:
        text: of the entity.
        type: its coarse type, a key of ATTRIBUTES or a label of another set.
        sentence: that names it.
    """

    text: str
    type: str
    sentence: str


def asked_type(label: str, labels: LabelSet) -> str:
    """Return the type under which an entity is asked about: a template's name, or a coarse label without a template as it is.

    >>> from mcr.labels import TWITTER_FMNERG
    >>> [asked_type(one, TWITTER_FMNERG) for one in ("athlete", "PER", "organization", "DISH")]
    ['person', 'person', 'organization', 'DISH']
    """
    coarse = labels.coarse.get(labels.canonical(label), label)
    named = COARSE_OF_LABEL.get(coarse.lower(), coarse.lower())
    return named if named in ATTRIBUTES else coarse


def coarse_type(label: str, labels: LabelSet) -> str:
    """Return the template's name for a label, fine or coarse; "other" for labels without a template.

    >>> from mcr.labels import TWITTER_FMNERG
    >>> [coarse_type(one, TWITTER_FMNERG) for one in ("athlete", "PER", "organization", "dish")]
    ['person', 'person', 'organization', 'other']
    """
    named = asked_type(label, labels)
    return named if named in ATTRIBUTES else "other"


def attributes_of(type_: str) -> tuple[str, ...]:
    """Return the attributes that are asked for; a type without a template gets those of "other"."""
    return ATTRIBUTES.get(type_, ATTRIBUTES["other"])


def ask_for_appearance(entity: AskedEntity) -> str:
    """Return the request for the attributes of one entity (VKEL III-D 2: task, entity with its type, template, sentence)."""
    fine = FMNERG_FINE.get(entity.type, "").split()
    listed = {FINE_TYPE: f" (one of: {', '.join(fine)})"} if fine else {}
    keys = [f'"{one}"{listed.get(one, "")}' for one in attributes_of(entity.type)]
    lines = (TASK, f"Entity: {entity.text} is a {entity.type}", f"Keys: {', '.join(keys)}", f"Sentence: {entity.sentence}")
    return "\n".join(lines)


def ask_for_vote(entity: AskedEntity, attribute: str, answers: Sequence[str]) -> str:
    """Return the request to a semantic voter (VKEL Eq. 6); the answers are numbered in the order of the models."""
    listed = "\n".join(f"{number}. {collapse_space(one)}" for number, one in enumerate(answers, 1))
    return VOTE.format(attribute=attribute, entity=entity.text, type=entity.type, answers=listed)


def ask_for_summary(entity: AskedEntity, known: Mapping[str, str]) -> str:
    """Return the request for one sentence on an entity's looks (VKEL Eq. 7)."""
    listed = "\n".join(f"- {attribute}: {collapse_space(value)}" for attribute, value in known.items())
    return SUMMARY.format(entity=entity.text, type=entity.type, known=listed)
