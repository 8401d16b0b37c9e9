import random

import pytest

from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import score_rows
from mcr.metrics.scores import Grounding
from mcr.records import Entity, ScoredSample

BOX, NEAR, FAR = ((0, 0, 10, 10),), ((0, 0, 10, 6),), ((50, 50, 60, 60),)


def row(gold, pred, sentence="Ann met Bob at Acme in Rome"):
    return ScoredSample(sentence, tuple(gold), tuple(pred))


def test_every_measure_by_hand():
    gold = [Entity("Ann", "PER", BOX), Entity("Bob", "PER", None), Entity("Acme", "ORG", BOX)]
    pred = [Entity("Ann", "PER", NEAR), Entity("Bob", "PER", FAR), Entity("Acme", "LOC", BOX), Entity("Zed", "PER", None)]
    got = score_rows([row(gold, pred)])
    assert got.gmner.num_correct == 1
    assert got.mner.num_correct == 2
    assert got.eeg.num_correct == 2
    assert got.gmner.precision == 1 / 4
    assert got.gmner.recall == 1 / 3
    assert got.gmner.f1 == pytest.approx(2 / 7)
    assert (got.n_count, got.n_rate) == (1, 0.25)
    assert got.no_target.f1 == 0
    assert got.no_target.num_predicted == got.no_target.num_gold == 1
    assert got.grounding == Grounding(acc_50=0.5, acc_75=0.0, mean_iou=pytest.approx(0.3))
    assert got.per_type["PER"].num_correct == 1


def test_iou_of_exactly_one_half_counts():
    assert score_rows([row([Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", ((0, 0, 10, 5),))])]).gmner.f1 == 1


def test_any_gold_box_counts_and_the_first_predicted_one():
    gold = [Entity("Ann", "PER", FAR + BOX)]
    assert score_rows([row(gold, [Entity("Ann", "PER", BOX + FAR)])]).gmner.f1 == 1
    assert score_rows([row([Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", FAR + BOX)])]).gmner.f1 == 0


def test_duplicates_cost_precision():
    got = score_rows([row([Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", BOX)] * 2)]).gmner
    assert (got.precision, got.recall) == (0.5, 1.0)


def test_an_unreadable_location_is_neither_none_nor_a_hit():
    for boxes in (None, BOX):
        got = score_rows([row([Entity("Ann", "PER", boxes)], [Entity("Ann", "PER", ())])])
        assert got.gmner.num_correct == 0
        assert got.mner.num_correct == 1
        assert got.no_target.num_predicted == 0


def test_the_better_of_two_duplicates_counts_for_grounding_in_any_order():
    pred = [Entity("Ann", "PER", None), Entity("Ann", "PER", NEAR), Entity("Ann", "PER", BOX)]
    for order in (pred, pred[::-1]):
        assert score_rows([row([Entity("Ann", "PER", BOX)], order)]).grounding.mean_iou == 1


def test_grounding_pairs_equal_text_and_type_or_equal_text_alone():
    gold = [Entity("Ann", "PER", BOX), Entity("Acme", "ORG", BOX), Entity("Bob", "PER", FAR), Entity("Rome", "LOC", None)]
    pred = [Entity("Ann", "PER", NEAR), Entity("Acme", "LOC", BOX), Entity("Rome", "ORG", BOX)]  # IoU 0.6, 1 and, for Bob, 0
    typed, untyped = (score_rows([row(gold, pred)], Conventions(grounding_by_type=flag)).grounding for flag in (True, False))
    assert typed == Grounding(acc_50=1 / 3, acc_75=0, mean_iou=pytest.approx(0.6 / 3))
    assert untyped == Grounding(acc_50=2 / 3, acc_75=1 / 3, mean_iou=pytest.approx(1.6 / 3))
    assert score_rows([row(gold, pred)]).grounding == typed


def test_a_prediction_is_paired_with_one_gold_entity_of_its_text_whatever_the_types():
    gold = [Entity("Ann", "PER", BOX), Entity("Ann", "ORG", NEAR)]
    pred = [Entity("Ann", "ORG", BOX)]
    assert score_rows([row(gold, pred)]).grounding.mean_iou == pytest.approx(0.6 / 2)
    assert score_rows([row(gold, pred)], Conventions(grounding_by_type=False)).grounding.mean_iou == 1 / 2


def test_empty_input_gives_zero():
    for rows in ([], [row([], [])]):
        got = score_rows(rows)
        assert got.gmner.f1 == got.n_rate == got.grounding.mean_iou == 0


def random_rows(seed):
    rng = random.Random(seed)

    def make():
        size = rng.randint(0, 4)
        return [
            Entity(rng.choice("Ann Bob Acme Zed".split()), rng.choice(["PER", "LOC"]), rng.choice([None, BOX, NEAR, FAR]))
            for _ in range(size)
        ]

    return [row([e for e in make() if e.text != "Zed"], make()) for _ in range(30)]


@pytest.mark.parametrize("seed", range(5))
def test_order_does_not_matter_and_twice_the_data_scores_the_same(seed):
    rows = random_rows(seed)
    turned = [row(r.gold[::-1], r.predicted[::-1]) for r in rows[::-1]]
    once, twice = score_rows(rows), score_rows(rows + rows)
    for task in ("gmner", "mner", "eeg", "no_target"):
        assert getattr(score_rows(turned), task) == getattr(once, task)
        assert getattr(twice, task).f1 == pytest.approx(getattr(once, task).f1)
    assert twice.n_rate == pytest.approx(once.n_rate)


def test_gold_against_itself_is_perfect():
    rows = [row(r.gold, r.gold) for r in random_rows(1)]
    got = score_rows(rows)
    assert got.gmner.f1 == got.mner.f1 == got.eeg.f1 == got.no_target.f1 == 1
    assert got.n_count == 0
