"""Knowledge of several models: templates, votes, summaries; who fails, who does not know, what is asked once."""

import json
import re

import pytest
from odd_server import odd_server

from mcr.endpoint.client import ChatEndpoint, EndpointError, EndpointSettings, ReplyCache
from mcr.errors import ConfigError
from mcr.knowledge.appearance_templates import ATTRIBUTES, AskedEntity, ask_for_appearance, coarse_type
from mcr.knowledge.consistency import (
    Advisers,
    Tally,
    agreed_knowledge,
    chosen_answer,
    first_mentions,
    is_unknown,
    read_attributes,
)
from mcr.labels import FMNERG_FINE, TWITTER_FMNERG, TWITTER_GMNER

LOVE = AskedEntity("Kevin Love", "person", "Kevin Love is back")
RIVER = AskedEntity("Elbe", "location", "at the Elbe")
HAIR = {"gpt": "brown hair", "llama": "N/A", "gemini": "hair that is brown"}


def test_the_attributes_are_those_of_the_public_code():
    assert {
        "person": ("fine type", "man or woman", "face", "hair", "skin", "number on clothes"),
        "organization": ("fine type", "logo", "slogan"),
        "product": ("fine type", "brand", "name", "appearance", "materials"),
        "building": ("fine type", "address", "appearance", "materials"),
        "location": ("fine type", "location", "logo", "flag", "appearance", "background"),
        **dict.fromkeys(("art", "event", "other"), ("fine type", "appearance", "background")),
    } == ATTRIBUTES


@pytest.mark.parametrize("coarse", ATTRIBUTES)
def test_a_template_asks_its_attributes_and_all_fine_types_of_its_coarse_type(coarse):
    asked = ask_for_appearance(AskedEntity("X", coarse, "X again"))
    keys = next(line for line in asked.splitlines() if line.startswith("Keys: "))
    assert re.findall(r'"([a-z ]+)"', keys) == list(ATTRIBUTES[coarse])
    assert f"(one of: {', '.join(FMNERG_FINE[coarse].split())})" in keys
    assert f"Entity: X is a {coarse}" in asked
    assert asked.endswith("Sentence: X again")


def test_every_type_has_a_template():
    assert {*ATTRIBUTES} == {*FMNERG_FINE}
    assert {coarse_type(one, TWITTER_FMNERG) for one in TWITTER_FMNERG.labels} == {*ATTRIBUTES}
    assert [coarse_type(one, TWITTER_GMNER) for one in TWITTER_GMNER.labels] == ["person", "location", "organization", "other"]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ('{"hair": "brown", "skin": "N/A"}', {"hair": "brown"}),
        ('```json\n{"hair": " dark  brown ", "eyes": "blue"}\n```', {"hair": "dark brown"}),
        ('{"hair": ["brown", "long"]}', {"hair": "brown, long"}),
        ('{"Hair": "brown", "SKIN ": "fair"}', {"hair": "brown", "skin": "fair"}),
        ('Here is {the} object: {"hair": "brown"}', {"hair": "brown"}),
        ('{"hair": "N/A"}', {}),
        ('{"hair": {"color": "brown"}}', {}),
        ('{"shoes": "blue"}', None),
        ("I do not know him.", None),
        ("[1, 2]", None),
        ("", None),
    ],
)
def test_replies_are_read(reply, found):
    assert read_attributes(reply, ("hair", "skin")) == found


@pytest.mark.parametrize(
    "text",
    [
        *("N/A", "n/a.", "**N/A**", "Unknown", "none", "not applicable", "Not available.", "I cannot tell from this"),
        *("N/A (not mentioned)", "N/A - no logo", "unknown (not stated)", "Not specified", "Not mentioned in the text", ""),
        *("None known", "not visible"),
    ],
)
def test_what_says_that_nothing_is_known_is_no_answer(text):
    assert is_unknown(text)


@pytest.mark.parametrize("text", ["NA'VI", "Unknown Pleasures", "no hair", "None of its shirts are blue", "not tall"])
def test_what_only_begins_like_it_is_an_answer(text):
    assert not is_unknown(text)


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        *(("2", "brown"), ("(2)", "brown"), ("[2]", "brown"), ("Number 2", "brown"), ("The answer is 2.", "brown")),
        *(("2. brown", "brown"), ("2: because two of three say brown", "brown"), ("Answer 2 and 3 agree: brown", "brown")),
        *(("They mean dark brown.", "dark brown"), ("**DARK BROWN**", "dark brown"), ("red or brown", "red or brown")),
        *(("4", "4"), ("chestnut", "chestnut")),
    ],
)
def test_the_voters_reply_means_an_answer_that_it_was_shown(reply, chosen):
    assert chosen_answer(reply, ["red", "brown", "dark brown"]) == chosen


def asked_text(body):
    return body["messages"][-1]["content"]


class Models:
    """A fake endpoint for several models; it keeps what it was asked."""

    def __init__(self, **changed):
        self.asked, self.changed = [], changed

    def __call__(self, body):
        model, text = body["model"], asked_text(body)
        self.asked.append((model, text))
        if model in self.changed:
            return self.changed[model]
        if text.startswith("Several models"):
            return "brown hair"
        if text.startswith("What is known of"):
            return f"{text.splitlines()[0].split(', which')[0].removeprefix('What is known of ')} has brown hair"
        return json.dumps({"hair": HAIR[model], "fine type": "athlete"})


NOBODY = "http://127.0.0.1:9/v1"  # the discard port


def run(models, entities, tmp_path, unreachable=()):
    with odd_server(models, lambda body, times: "") as server:
        urls = {name: NOBODY if name in unreachable else server.url for name in (*HAIR, "voter", "summarizer")}
        settings = {name: EndpointSettings(name, url, max_retries=0) for name, url in urls.items()}
        made = {name: ChatEndpoint(one, ReplyCache(tmp_path / f"{name}.sqlite")) for name, one in settings.items()}
        advisers = Advisers(tuple(made[name] for name in HAIR), made["voter"], made["summarizer"])
        tally = Tally()
        return agreed_knowledge(entities, advisers, tally), tally


def test_models_are_asked_the_voter_votes_an_attribute_and_the_summary_has_what_was_voted(tmp_path):
    models = Models()
    found, tally = run(models, [LOVE], tmp_path)
    assert found == {LOVE: "Kevin Love has brown hair"}
    votes = [text for model, text in models.asked if model == "voter"]
    assert len(votes) == 1  # the fine type is the same in all replies
    assert "1. brown hair\n2. hair that is brown" in votes[0]  # the one that does not know has no vote
    (summary,) = [text for model, text in models.asked if model == "summarizer"]
    assert "- fine type: athlete\n- hair: brown hair" in summary
    assert tally.num_asked == {"attributes": 3, "vote": 1, "summary": 1}
    assert tally.num_agreed == 1


def test_a_model_that_fails_leaves_the_others(tmp_path):
    models = Models(gpt="no idea")
    found, tally = run(models, [LOVE], tmp_path)
    assert found == {LOVE: "Kevin Love has brown hair"}
    assert tally.num_failed == {"gpt": 1}
    assert not [text for model, text in models.asked if model == "voter"]  # one answer is left, so it stands


def test_a_model_that_cannot_be_reached_is_left_out_and_named(tmp_path):
    found, tally = run(Models(), [LOVE, RIVER], tmp_path, unreachable=("gpt",))
    assert found[LOVE] == "Kevin Love has brown hair"
    assert [*tally.left_out] == ["gpt"]
    assert NOBODY in tally.left_out["gpt"]


@pytest.mark.parametrize("unreachable", [tuple(HAIR), ("voter",), ("summarizer",)])
def test_without_any_model_the_voter_or_the_summarizer_there_is_no_knowledge(unreachable, tmp_path):
    with pytest.raises(EndpointError, match="127"):
        run(Models(), [LOVE], tmp_path, unreachable)


def test_what_nobody_knows_is_left_out(tmp_path):
    nothing = dict.fromkeys(HAIR, '{"hair": "N/A"}')
    found, _ = run(Models(**nothing), [LOVE], tmp_path)
    assert found == {}


def test_a_voter_that_does_not_know_leaves_the_first_answer(tmp_path):
    models = Models(voter="N/A")
    run(models, [LOVE], tmp_path)
    (summary,) = [text for model, text in models.asked if model == "summarizer"]
    assert "- hair: brown hair" in summary


@pytest.mark.parametrize("reply", ["2", "2.", "2. hair that is brown", "**Hair that is brown**"])
def test_a_vote_may_be_a_number_of_the_list(tmp_path, reply):
    models = Models(voter=reply)
    run(models, [LOVE], tmp_path)
    (summary,) = [text for model, text in models.asked if model == "summarizer"]
    assert "- hair: hair that is brown" in summary


def test_a_summary_that_says_nothing_is_known_is_no_knowledge(tmp_path):
    assert run(Models(summarizer="N/A"), [LOVE], tmp_path)[0] == {}


def test_numbers_are_answers():
    reply = '{"number on clothes": 42, "hair": true, "skin": null}'
    assert read_attributes(reply, ("number on clothes", "hair", "skin")) == {"number on clothes": "42"}


def test_two_models_of_one_name_are_refused():
    one, other = (ChatEndpoint(EndpointSettings("llama", f"http://localhost:{port}/v1")) for port in (1, 2))
    with pytest.raises(ConfigError, match="llama is named 2 times"):
        Advisers((one, other), one, one)


def test_a_repeated_entity_is_asked_once_and_nothing_twice(tmp_path):
    models = Models()
    run(models, [LOVE, LOVE, RIVER], tmp_path)
    num = len(models.asked)
    assert sum(model == "gpt" for model, _ in models.asked) == 2
    run(models, [LOVE, RIVER], tmp_path)
    assert len(models.asked) == num


def test_an_entity_is_the_same_by_text_and_type():
    named = [("Elbe", "location", "one"), ("Elbe ", "location", "two"), ("Elbe", "other", "three")]
    assert [(one.text, one.type, one.sentence) for one in first_mentions(named)] == [
        ("Elbe", "location", "one"),
        ("Elbe", "other", "three"),
    ]


def test_no_model_at_all_is_refused(tmp_path):
    endpoint = ChatEndpoint(EndpointSettings("a", "http://localhost:1/v1"))
    with pytest.raises(ConfigError, match="no language model"):
        Advisers((), endpoint, endpoint)
