"""Sequences: written and read back, within the grammar; entities as runs of words."""

import random

import pytest

from mcr.errors import DataError
from mcr.pointer.entropies import EntitySteps
from mcr.pointer.sequences import END, ENTITY, REGION, START, Grammar, place_entities, types_of
from mcr.records import Entity, ImageRef, Sample

GRAMMAR = Grammar(("LOC", "PER"))


def sample(sentence, *entities):
    return Sample("1", "mine", "gmner", sentence, (ImageRef("a.png", 100, 100),), entities)


def test_a_sequence_by_hand():
    """ "Ann Lee in Rome": words 6 to 9, LOC 4, PER 5."""
    written = GRAMMAR.write([(0, 2, "PER"), (3, 4, "LOC")])
    assert written == [START, ENTITY, 6, 7, REGION, 5, ENTITY, 9, REGION, 4, END]
    assert GRAMMAR.read(written) == [
        (0, 2, "PER", EntitySteps((1, 2), 4)),
        (3, 4, "LOC", EntitySteps((6,), 8)),
    ]


def test_step_i_writes_what_comes_after_token_i():
    written = GRAMMAR.write([(0, 2, "PER")])
    ((_, _, _, steps),) = GRAMMAR.read(written)
    assert [written[step + 1] for step in steps.words] == [6, 7]
    assert written[steps.type] == REGION
    assert written[steps.type + 1] == 5


@pytest.mark.parametrize("cut", range(1, 6))
def test_an_entity_that_is_not_finished_is_left_out(cut):
    assert GRAMMAR.read(GRAMMAR.write([(0, 2, "PER")])[:cut]) == []


@pytest.mark.parametrize("seed", range(30))
def test_any_walk_in_the_grammar_ends_and_names_words_that_do_not_overlap(seed):
    rng, num_words = random.Random(seed), random.Random(seed).randint(1, 7)
    written = [START]
    while written[-1] != END:
        written.append(rng.choice(GRAMMAR.follow(written, num_words)))
    places = [place for start, end, _, _ in GRAMMAR.read(written) for place in range(start, end)]
    assert places == sorted(set(places))
    assert all(0 <= place < num_words for place in places)
    assert GRAMMAR.write([(start, end, label) for start, end, label, _ in GRAMMAR.read(written)]) == written


def test_gold_is_within_the_grammar():
    written = GRAMMAR.write([(0, 2, "PER"), (2, 3, "LOC")])
    assert all(after in GRAMMAR.follow(written[: at + 1], 3) for at, after in enumerate(written[1:]))


def test_entities_are_placed_in_the_order_of_the_sentence_with_their_boxes():
    rome, ann = Entity("Rome", "LOC"), Entity("Ann Lee", "PER", ((0, 0, 9, 9),))
    placed = place_entities(sample("Ann Lee  in Rome !", rome, ann))
    assert placed.words == ("Ann", "Lee", "in", "Rome", "!")
    assert [(one.start, one.end, one.entity) for one in placed.placed] == [(0, 2, ann), (3, 4, rome)]
    assert types_of([placed]) == ("LOC", "PER")


def test_two_mentions_of_one_text_keep_their_own_boxes():
    first, second = Entity("Ann", "PER", ((0, 0, 9, 9),)), Entity("Ann", "PER")
    placed = place_entities(sample("Ann and Ann", first, second))
    assert [one.entity for one in placed.placed] == [first, second]


def test_an_entity_inside_a_word_has_no_place():
    placed = place_entities(sample("#Romeo", Entity("Rome", "LOC")))
    assert (placed.placed, placed.unplaced) == ((), ("Rome",))
    with pytest.raises(DataError, match="no training sample names an entity"):
        types_of([placed])
