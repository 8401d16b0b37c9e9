"""VKEL's sentences with coarse and fine types: written as the paper does, and read back with all 51 types."""

import pytest

from mcr.families import frame_settings
from mcr.formats import parse_completion
from mcr.formats.sentences import read_kinds, write_fine_sentences, write_kinds
from mcr.io.predictions import Prediction
from mcr.labels import TWITTER_FMNERG, TWITTER_GMNER, load_labels
from mcr.metrics.evaluate import evaluate
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

SAMPLE = Sample("1", "twitter-fmnerg", "gmner", "Kevin Love and J. R. Smith", (ImageRef("a.png", 1000, 1000),), ())
FRAME = frame_settings("llava").frame_of(SAMPLE)
EXAMPLE = (
    "Kevin Love is a(an) person and a(an) athlete, whose bounding boxes are (0.448, 0.02, 0.913, 1.0); "
    "J. R. Smith is a(an) person and a(an) athlete, whose bounding boxes are (0.107, 0.268, 0.51, 1.0)"
)
ENTITIES = (
    Entity("Kevin Love", "athlete", ((448.0, 20.0, 913.0, 1000.0),)),
    Entity("J. R. Smith", "athlete", ((107.0, 268.0, 510.0, 1000.0),)),
)


def read(text, labels=TWITTER_FMNERG):
    parsed = parse_completion(text, GMNER, labels=labels, frame=FRAME, sentence=SAMPLE.sentence)
    return [entity.to_px() for entity in parsed.entities], parsed.problems


def test_the_papers_example_is_read():
    found, problems = read(EXAMPLE)
    assert [(one.text, one.type) for one in found] == [(one.text, one.type) for one in ENTITIES]
    assert [one.boxes[0] for one in found] == [pytest.approx(one.boxes[0]) for one in ENTITIES]
    assert not problems


def test_what_is_written_has_the_papers_form_and_is_read_back():
    text = write_fine_sentences([one.in_frame(FRAME) for one in ENTITIES], TWITTER_FMNERG)
    assert text == EXAMPLE
    found, problems = read(text)
    assert [(one.text, one.type, one.boxes[0]) for one in found] == [
        (one.text, one.type, pytest.approx(one.boxes[0])) for one in ENTITIES
    ]
    assert not problems


@pytest.mark.parametrize("fine", TWITTER_FMNERG.labels)
def test_each_of_the_51_types_comes_back(fine):
    found, problems = read(write_fine_sentences([Entity("Kevin Love", fine)], TWITTER_FMNERG))
    assert [(one.text, one.type, one.boxes) for one in found] == [("Kevin Love", fine, None)]
    assert not problems


def test_several_boxes_stand_one_after_the_other():
    entity = Entity("Kevin Love", "athlete", ((0.0, 0.0, 500.0, 500.0), (500.0, 500.0, 1000.0, 1000.0)))
    found, _ = read(write_fine_sentences([entity.in_frame(FRAME)], TWITTER_FMNERG))
    assert found[0].boxes == entity.boxes


def test_a_label_set_of_coarse_types_takes_the_coarse_one():
    found, _ = read(EXAMPLE, TWITTER_GMNER)
    assert [(one.text, TWITTER_GMNER.canonical(one.type)) for one in found] == [("Kevin Love", "PER"), ("J. R. Smith", "PER")]


def test_a_set_with_one_level_has_one_type_a_sentence():
    entities = [Entity("Ann", "PER"), Entity("Rome", "LOC")]
    text = write_fine_sentences(entities, TWITTER_GMNER)
    assert text.startswith("Ann is a(an) PER, whose bounding boxes are None; Rome is")
    found, problems = read(text, TWITTER_GMNER)
    assert [(one.text, one.type) for one in found] == [("Ann", "PER"), ("Rome", "LOC")]
    assert not problems


@pytest.mark.parametrize("labels", [TWITTER_GMNER, load_labels("DISH,Drink")])
def test_names_of_any_label_set_are_written_and_read(labels):
    entities = [Entity(name, label) for name, label in zip(("Ann", "Rome"), labels.labels, strict=False)]
    assert read_kinds(write_kinds(entities), labels, "Ann in Rome") == (entities, [])


@pytest.mark.parametrize("name", ["1. FC Acme", "2. Bundesliga"])
def test_a_name_may_begin_with_a_number(name):
    text = write_fine_sentences([Entity(name, "sports_team"), Entity("Ann", "athlete")], TWITTER_FMNERG)
    parsed = parse_completion(text, GMNER, labels=TWITTER_FMNERG, frame=FRAME, sentence=f"{name} wins with Ann")
    assert [(one.text, one.type) for one in parsed.entities] == [(name, "sports_team"), ("Ann", "athlete")]


def test_a_list_of_sentences_is_read_without_its_numbers():
    found, _ = read(
        "1. Kevin Love is a person, whose boxes are None.\n2) J. R. Smith is a person and an athlete, whose box is None"
    )
    assert [(one.text, one.type) for one in found] == [("Kevin Love", "person"), ("J. R. Smith", "athlete")]


def test_a_fine_type_may_be_written_in_words():
    found, problems = read("Kevin Love is a(an) organization and a(an) Sports Team, whose bounding boxes are None")
    assert [one.type for one in found] == ["sports_team"]
    assert not problems


def test_fine_types_of_sentences_reach_fmnergs_score():
    gold = Sample("1", "twitter-fmnerg", "gmner", SAMPLE.sentence, SAMPLE.images, ENTITIES)
    half = EXAMPLE.replace("J. R. Smith is a(an) person and a(an) athlete", "J. R. Smith is a(an) person and a(an) actor")
    found, _ = read(half)
    scores = evaluate([gold], [Prediction("1", SAMPLE.sentence, tuple(found))])
    assert (scores.gmner.f1, scores.eeg.f1) == (0.5, 1.0)
    assert (scores.fmner.fine.f1, scores.fmner.coarse.f1) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann is a person\nRome is a location", [("Ann", "person"), ("Rome", "location")]),
        ("Ann is a person;Rome is a location.", [("Ann", "person"), ("Rome", "location")]),
        ("Answer: Ann is a person; Acme is an organization", [("Ann", "person"), ("Acme", "organization")]),
        ("- **Ann** is a Person\n- A;B is a location", [("Ann", "person"), ("A;B", "location")]),
        ("None", []),
        ("none.", []),
    ],
)
def test_answers_of_the_first_stage_are_read(text, found):
    labels = load_labels("person,location,organization")
    read_back, problems = read_kinds(text, labels, "Ann of Acme saw A;B in Rome")
    assert [(one.text, one.type) for one in read_back] == found
    assert not problems


def test_an_empty_answer_of_the_first_stage_is_a_problem():
    assert read_kinds(" ", TWITTER_GMNER, "Ann") == ([], ["an empty answer"])
