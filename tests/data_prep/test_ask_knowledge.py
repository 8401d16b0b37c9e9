"""mcr ask-knowledge over HTTP: what is asked, what is kept, what is not asked twice."""

import json
from dataclasses import replace

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


def asked_of(server):
    """Return what was asked, by the sentence asked about."""
    texts = [json.loads(body)["messages"][0]["content"] for body in server.asked]
    return {text.rsplit("Text: ", 1)[1].split("\n")[0]: text for text in texts}


def test_a_question_reads_captions_as_the_text_of_the_image(folder, scripted, tiny_text_encoder):
    described = [replace(SAMPLES[0], captions=("two people on a stage",)), *SAMPLES[1:]]
    write_samples(folder / "test.jsonl", described)
    main(refined(folder, scripted, tiny_text_encoder))
    asked = asked_of(scripted)
    assert f"Text: {SAMPLES[0].sentence}\nImage: two people on a stage\nQuestion: " in asked[SAMPLES[0].sentence]
    assert f"Text: {SAMPLES[1].sentence}\nImage: not described\nQuestion: " in asked[SAMPLES[1].sentence]


def test_an_expansion_is_asked_for_behind_fixed_demonstrations_with_the_caption_as_background(folder, scripted):
    write_samples(folder / "test.jsonl", [replace(SAMPLES[0], captions=("two people on a stage",)), SAMPLES[1]])
    main(flags(folder, scripted, "expansions"))
    texts = [json.loads(body)["messages"][0]["content"] for body in scripted.asked]
    shown = {text.rsplit("Background: ", 1)[0] for text in texts}
    (demonstrations,) = shown
    answers = [line for line in demonstrations.split("\n") if line.startswith("Answer: ")]
    assert answers == ["Answer: a basketball player in a jersey", "Answer: a city on a river", "Answer: a band on a stage"]
    own = sorted(text.rsplit("Background: ", 1)[1].split("\nQuestion")[0] for text in texts)
    described = f"two people on a stage\nText: {SAMPLES[0].sentence}"
    assert own == sorted([described, *[f"not described\nText: {SAMPLES[1].sentence}"] * 2])


@pytest.mark.parametrize(("num", "shown"), [(5, 5), (9, 6)])
@pytest.mark.parametrize("choice", ["nearest", "fixed"])
def test_a_training_sample_gets_so_many_examples_and_is_never_its_own(folder, scripted, tiny_text_encoder, choice, num, shown):
    pool = [Sample(f"t{n}", "d", MNER, f"sentence number {n}", (), ()) for n in range(7)]
    write_samples(folder / "train.jsonl", pool)
    write_knowledge(folder / "human.jsonl", [Knowledge(one.id, f"about {one.sentence}", "human") for one in pool])
    more = ["--samples", str(folder / "train.jsonl"), "--num_examples", str(num), "--choice", choice]
    main(refined(folder, scripted, tiny_text_encoder, *more))
    asked = asked_of(scripted)
    assert asked.keys() == {one.sentence for one in pool}
    for sentence, text in asked.items():
        answers = [line for line in text.split("\n") if line.startswith("Answer: about")]
        assert len(set(answers)) == shown
        assert f"Answer: about {sentence}" not in answers


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
