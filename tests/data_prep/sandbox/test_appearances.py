"""What the scripted LLM says of looks: attributes, votes and summaries, wrong at stated rates."""

import json

from data_prep.sandbox.looks import ALL_NAMES
from data_prep.sandbox.scripted.replies import reply_to
from mcr.knowledge.appearance_templates import (
    ATTRIBUTES,
    FINE_TYPE,
    NOT_KNOWN,
    AskedEntity,
    ask_for_appearance,
    ask_for_summary,
    ask_for_vote,
    coarse_type,
)
from mcr.labels import TWITTER_FMNERG


def said(text):
    return [{"role": "user", "content": text}]


def entity_of(name):
    return AskedEntity(name.text, coarse_type(name.fine_type, TWITTER_FMNERG), f"{name.text} is back")


def test_attributes_hold_fine_type_and_look_or_are_not_known():
    num_looks = 0
    for name in ALL_NAMES:
        entity = entity_of(name)
        reply = reply_to(said(ask_for_appearance(entity)))
        told = json.loads(reply.text)
        assert (reply.kind, tuple(told)) == ("attributes", ATTRIBUTES[entity.type])
        assert told[FINE_TYPE] in (name.fine_type, NOT_KNOWN)
        num_looks += any(look.label in value for look in name.looks for value in told.values())
    assert num_looks > len(ALL_NAMES) / 2


def test_of_other_names_nothing_is_known():
    told = json.loads(reply_to(said(ask_for_appearance(AskedEntity("Nobody", "person", "Nobody here")))).text)
    assert set(told.values()) == {NOT_KNOWN}


def test_a_wrong_reply_is_of_another_name():
    wrong = 0
    for name in ALL_NAMES:
        told = json.loads(reply_to(said(ask_for_appearance(entity_of(name))), error_rates={"attributes": 1.0}).text)
        assert not any(look.label in value for look in name.looks for value in told.values())
        wrong += any("-" in value for value in told.values())
    assert wrong > len(ALL_NAMES) / 2


def test_the_voter_takes_what_most_say():
    entity = entity_of(ALL_NAMES[0])
    asked = ask_for_vote(entity, "face", ["a blue-ring", "red-disc or green-disc", "it is a red-disc or green-disc"])
    assert "red-disc" in reply_to(said(asked)).text
    assert reply_to(said(asked), error_rates={"vote": 1.0}).text != reply_to(said(asked)).text


def test_a_summary_has_the_fine_type_and_the_look():
    entity = entity_of(ALL_NAMES[0])
    asked = ask_for_summary(entity, {FINE_TYPE: "actor", "face": "a red-disc or green-disc"})
    assert reply_to(said(asked)).text == f"{entity.text} is a actor and looks like red-disc or green-disc."
    assert "red-disc" not in reply_to(said(asked), error_rate=1.0).text
