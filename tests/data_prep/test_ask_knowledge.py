"""mcr ask-knowledge over HTTP: what is asked, what is kept, what is not asked twice."""

import json

import pytest
from odd_server import odd_server

from data_prep.knowledge.ask_knowledge import Question, knowledge_of, main
from data_prep.sandbox.looks import KNOWN
from data_prep.sandbox.scripted.replies import reply_to
from mcr.errors import ConfigError, DataError
from mcr.io.predictions import Prediction, write_prediction
from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import Knowledge, read_knowledge, write_knowledge
from mcr.records import Entity, Sample
from mcr.tasks import MNER

FIRST, SECOND = KNOWN[0], KNOWN[5]


def sample(sample_id, *names):
    sentence = " and ".join(name.text for name in names) or "nobody"
    return Sample(sample_id, "d", MNER, sentence, (), tuple(Entity(name.text, name.type) for name in names))


SAMPLES = [sample("1", FIRST), sample("2", FIRST, SECOND, FIRST), sample("3")]


@pytest.fixture
def folder(tmp_path):
    write_samples(tmp_path / "test.jsonl", SAMPLES)
    write_samples(tmp_path / "train.jsonl", [sample("t1", FIRST), sample("t2", SECOND), sample("t3")])
    write_knowledge(
        tmp_path / "human.jsonl", [Knowledge("t1", "a person wrote this", "human"), Knowledge("t2", "and that", "human")]
    )
    return tmp_path


@pytest.fixture
def scripted():
    with odd_server(lambda body: reply_to(body["messages"]).text, lambda body, times: "") as server:
        yield server


def flags(folder, server, kind, *more):
    named = ["--samples", folder / "test.jsonl", "--output", folder / "out.jsonl", "--source", "script"]
    return [kind, *map(str, [*named, "--base_url", server.url, "--model", "m", *more])]


def test_each_entity_is_asked_about_once(folder, scripted, capsys):
    main(flags(folder, scripted, "expansions"))
    found = read_knowledge(folder / "out.jsonl")
    assert [(one.id, one.entity, one.text) for one in found] == [
        ("1", FIRST.text, FIRST.appearance),
        ("2", FIRST.text, FIRST.appearance),
        ("2", SECOND.text, SECOND.appearance),
    ]
    assert "3 of 3 questions were answered" in capsys.readouterr().out
    num = sum(scripted.asked.values())
    main(flags(folder, scripted, "expansions"))
    assert sum(scripted.asked.values()) == num, "replies are kept"


def test_entities_of_predictions_are_asked_about_instead_of_golds(folder, scripted):
    with (folder / "predictions.jsonl").open("w") as file:
        write_prediction(file, Prediction("3", "nobody", (Entity(SECOND.text, SECOND.type),)))
    main(flags(folder, scripted, "expansions", "--predictions", folder / "predictions.jsonl"))
    assert [(one.id, one.entity) for one in read_knowledge(folder / "out.jsonl")] == [("3", SECOND.text)]


def refined(folder, server, encoder, *more):
    examples = [
        "--train_samples",
        folder / "train.jsonl",
        "--examples",
        folder / "human.jsonl",
        "--embedder_name_or_path",
        encoder,
    ]
    return flags(folder, server, "refined", *examples, *more)


def test_refined_knowledge_is_asked_for_with_the_most_similar_example_last(folder, scripted, tiny_text_encoder):
    main(refined(folder, scripted, tiny_text_encoder))
    found = {one.id: one for one in read_knowledge(folder / "out.jsonl")}
    assert found.keys() == {"1", "2", "3"}
    assert f"1. {FIRST.text} (" in found["1"].text
    assert FIRST.appearance in found["1"].text
    texts = [json.loads(body)["messages"][0]["content"] for body in scripted.asked]
    (asked,) = [text for text in texts if text.rsplit("Text: ", 1)[1].startswith(f"{SAMPLES[0].sentence}\n")]
    assert asked.index("and that") < asked.index("a person wrote this"), "the example of the same sentence comes last"


def test_a_dry_run_asks_nothing(folder, scripted, tiny_text_encoder, capsys):
    main(refined(folder, scripted, tiny_text_encoder, "--dry_run"))
    told = capsys.readouterr().out
    assert "3 requests, about" in told
    assert "Question: Comprehensively analyze the Text" in told
    assert not scripted.asked
    assert not (folder / "out.jsonl").exists()


def test_examples_of_other_samples_are_refused(folder, scripted, tiny_text_encoder):
    write_knowledge(folder / "human.jsonl", [Knowledge("1", "of a test sample", "human")])
    with pytest.raises(DataError, match="annotates no sample of"):
        main(refined(folder, scripted, tiny_text_encoder))


def test_what_examples_need_is_asked_for(folder, scripted):
    with pytest.raises(ConfigError, match="--train_samples, --examples is missing"):
        main(flags(folder, scripted, "refined"))


@pytest.mark.parametrize("reply", ["As an aid organisation it helps.", "I Can't Get No Satisfaction, a song", "I know him well"])
def test_what_only_begins_like_a_refusal_is_knowledge(reply):
    assert knowledge_of(Question("1", "?"), reply, "m").text == reply


@pytest.mark.parametrize(
    "reply",
    [
        *("", "  \n", "I'm sorry, I can't help with that.", "As an AI, I do not know.", "I do not know.", "I don\u2019t know"),
        *("I apologize, but no.", "I\u2019m unable to see it.", "I cannot determine it.", "Unknown.", "Sorry!"),
    ],
)
def test_empty_replies_and_refusals_say_nothing(reply):
    assert knowledge_of(Question("1", "?"), reply, "m") is None


def test_of_an_expansion_the_first_line_counts():
    found = knowledge_of(Question("1", "?", "Ann", "PER"), " a singer.\n\nText: more", "m")
    assert found == Knowledge("1", "a singer", "m", "Ann", "PER")
    assert knowledge_of(Question("1", "?"), "a\n b", "m").text == "a b"
