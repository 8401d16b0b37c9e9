"""VKEL's sentences with coarse and fine types: written as the paper does, and read back with all 51 types."""

import pytest

from mcr.families import frame_settings
from mcr.formats import parse_completion
from mcr.formats.sentences import write_fine_sentences
from mcr.labels import TWITTER_FMNERG, TWITTER_GMNER
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
    assert {one.type for one in found} <= {"PER", "person"}
