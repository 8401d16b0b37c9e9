"""What the scripted LLM says of looks, attribute by attribute, and how it votes and sums up (VKEL III-D 2)."""

import json
import re
from collections.abc import Sequence
from random import Random

from data_prep.sandbox.looks import ALL_NAMES, Name
from data_prep.sandbox.minor_names import name_called
from mcr.knowledge.appearance_templates import FINE_TYPE, NOT_KNOWN, SUMMARY, TASK, VOTE

ENTITY = re.compile(r"^Entity: (.+) is a [a-z]+$", re.MULTILINE)
KEY = re.compile(r'"([a-z ]+)"')
NUMBERED = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
KNOWN = re.compile(r"^- ([a-z ]+): (.+)$", re.MULTILINE)
SUMMED_UP = re.compile(r"^What is known of (.+), which is a [a-z]+:$", re.MULTILINE)
TASK_MARK, VOTE_MARK, SUMMARY_MARK = TASK[:40], VOTE[:22], SUMMARY[:17]
UNKNOWN_SHARE = 0.25  # of attributes that it does not know, though it knows the name
LOOKS = ("appearance", "logo", "face", "name")  # the attribute that holds the look, the first that a template has


def tell_attributes(text: str, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a request for attributes: the fine type and the look, in words that differ from request to request.

    A wrong reply tells another name's. Of a name that is not of this world nothing is known.
    """
    asked = ENTITY.findall(text)
    if not text.startswith(TASK_MARK) or not asked:
        return None
    keys = KEY.findall(text.split("\nKeys: ")[1].split("\n")[0])
    named = name_called(asked[-1])
    if named is None:
        return json.dumps(dict.fromkeys(keys, NOT_KNOWN))
    told = rng.choice([one for one in ALL_NAMES if one != named]) if is_wrong else named
    look_key = next((key for key in LOOKS if key in keys), keys[-1])
    said = {FINE_TYPE: told.fine_type, look_key: _looks_like(told, rng)}
    return json.dumps({key: _or_unknown(said.get(key, NOT_KNOWN), rng) for key in keys})


def _looks_like(name: Name, rng: Random) -> str:
    return rng.choice(("a {0}", "{0}", "it is a {0}")).format(name.appearance)


def _or_unknown(value: str, rng: Random) -> str:
    return NOT_KNOWN if rng.random() < UNKNOWN_SHARE else value


def vote(text: str, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a vote: the answer whose words most others share. A wrong reply is another one."""
    answers = NUMBERED.findall(text)
    if not text.startswith(VOTE_MARK) or not answers:
        return None
    shared = [sum(bool(_words(one) & _words(other)) for other in answers) for one in answers]
    best = answers[shared.index(max(shared))]
    return rng.choice([one for one in answers if one != best] or [best]) if is_wrong else best


def _words(text: str) -> set[str]:
    """Return the words that tell answers apart."""
    return set(re.findall(r"[a-z_]+-[a-z]+|[a-z_]{5,}", text.lower()))


def sum_up(texts: Sequence[str], is_wrong: bool) -> str | None:
    """Reply to a request for a summary: the fine type and the look. A wrong reply leaves the look out."""
    named, known = SUMMED_UP.findall(texts[-1]), dict(KNOWN.findall(texts[-1]))
    if not texts[-1].startswith(SUMMARY_MARK) or not named:
        return None
    looks = [found for value in known.values() for found in re.findall(r"[a-z]+-[a-z]+", value)]
    kind = f"{named[-1]} is a {known.get(FINE_TYPE, 'name')}"
    return f"{kind}." if is_wrong or not looks else f"{kind} and looks like {' or '.join(dict.fromkeys(looks))}."
