"""Phrases of entities: their texts, ids and gold, and how their places come back to the entities."""

import pytest

from mcr.errors import ConfigError
from mcr.grounding.entity_phrases import expansions_of, has_usable_image, phrase_of, phrases_of, with_boxes, with_region_doubts
from mcr.io.predictions import Prediction
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER, VE
from mcr.uncertainties import PartUncertainties

SMALL, LARGE = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 60.0, 60.0)
SAMPLE = Sample(
    "7",
    "x",
    GMNER,
    "CP3 meets  CP3 in Rome",
    (ImageRef("a.png", 100, 100), ImageRef("b.png", 100, 100)),
    (Entity("CP3", "PER", (SMALL, LARGE)), Entity("Rome", "LOC"), Entity("CP3", "PER", (SMALL,))),
    captions=("two men",),
)
KNOWN = {("7", "CP3", "PER"): "a basketball player"}


def test_the_three_forms_of_table_x():
    entity = Entity("CP3", "PER")
    assert phrase_of(entity, "a basketball player", "name") == "CP3 (PER)"
    assert phrase_of(entity, "a basketball player", "expansion") == "a basketball player"
    assert phrase_of(entity, "a basketball player", "expression") == "CP3 (PER) - a basketball player"
    assert phrase_of(entity, "", "expansion") == phrase_of(entity, "", "expression") == "CP3 (PER)"
    with pytest.raises(ConfigError, match=r"did you mean expansion\?"):
        phrase_of(entity, "", "expansions")


def test_each_entity_becomes_a_phrase_with_its_largest_box_and_the_first_image():
    phrases = phrases_of(SAMPLE, SAMPLE.entities, KNOWN, "expression", VE)
    assert [phrase.id for phrase in phrases] == ["7#0", "7#1", "7#2"]
    assert [phrase.sentence for phrase in phrases] == ["CP3 (PER) - a basketball player", "Rome (LOC)", "CP3 (PER) - a basketball player"]  # fmt: skip
    assert [phrase.entities[0].boxes for phrase in phrases] == [(SMALL, LARGE), None, (SMALL,)]
    trained = phrases_of(SAMPLE, SAMPLE.entities, KNOWN, "expression", VE, is_largest=True)
    assert [phrase.entities[0].boxes for phrase in trained] == [(LARGE,), None, (SMALL,)]
    assert all(phrase.images == SAMPLE.images[:1] and not phrase.captions for phrase in phrases)


def test_white_space_in_an_expansion_is_no_fault():
    known = {("7", "CP3", "PER"): " a\n tall  man "}
    assert phrases_of(SAMPLE, SAMPLE.entities[:1], known, "expression", VE)[0].sentence == "CP3 (PER) - a tall man"


def test_the_first_source_counts_and_knowledge_of_samples_is_no_expansion():
    records = [
        Knowledge("7", "all of it", "a"),
        Knowledge("7", "one", "a", "CP3", "PER"),
        Knowledge("7", "two", "b", "CP3", "PER"),
    ]
    assert expansions_of(records) == {("7", "CP3", "PER"): "one"}


def test_boxes_go_back_to_the_entities_of_their_phrases():
    prediction = Prediction("7", SAMPLE.sentence, (Entity("CP3", "PER"), Entity("Rome", "LOC"), Entity("CP3", "ORG")))
    places = {"7#0": Prediction("7#0", "", (Entity("", "", (LARGE,)),)), "7#2": Prediction("7#2", "", (Entity("", "", None),))}
    assert [entity.boxes for entity in with_boxes(prediction, places).entities] == [(LARGE,), None, None]


def test_a_place_that_cannot_be_read_is_not_none():
    prediction = Prediction("7", SAMPLE.sentence, SAMPLE.entities[:1])
    found = with_boxes(prediction, {"7#0": Prediction("7#0", "x", (), problems=("no location",))})
    assert found.entities[0].boxes == ()


def test_a_missing_image_shows_nothing():
    assert has_usable_image(SAMPLE)
    assert not has_usable_image(Sample("8", "x", GMNER, "CP3", (ImageRef("a.png", None, None, is_missing=True),), ()))
    assert not has_usable_image(Sample("8", "x", GMNER, "CP3", (), ()))


def verdict(phrase_id, chance):
    return Prediction(phrase_id, "x", (Entity("x", "PER", ()),), uncertainties=(chance,))


def test_a_region_is_as_uncertain_as_the_verdict_on_its_phrase():
    named = PartUncertainties({"span": 0.2, "type": 0.4}, {"span": 3, "type": 4})
    prediction = Prediction("7", SAMPLE.sentence, SAMPLE.entities, uncertainties=(named, 0.3, named))
    verdicts = {"7#0": verdict("7#0", 0.1), "7#1": verdict("7#1", 0.5)}
    first, second, third = with_region_doubts(prediction, verdicts).uncertainties
    assert first.values["region"] == pytest.approx(0.325083)  # -0.1 ln 0.1 - 0.9 ln 0.9
    assert first.normalized("region") == pytest.approx(0.468996)
    assert (first.values["span"], first.values["type"]) == (0.2, 0.4)
    assert first.num_choices == {"span": 3, "type": 4, "region": 2}
    assert second == 0.3, "one number for the whole entity stays as it is"
    assert third == named, "no verdict, no uncertainty"
    assert with_region_doubts(prediction, {"7#0": verdict("7#0", 0.0)}).uncertainties[0].values["region"] == 0
    assert with_region_doubts(prediction, {}) == prediction
