"""The AUROC of uncertainty by hand, in both readings of a tie, and against its definition."""

import random

import pytest

from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import score_rows
from mcr.metrics.uncertainty import auroc
from mcr.records import Entity, ScoredSample

RIGHT, WRONG = [0.1, 0.4, 0.35], [0.8, 0.4]


def one(gold, pred, **more):
    return ScoredSample("Ann met Bob at Acme in Rome", tuple(gold), tuple(pred), **more)


def test_a_tie_counts_one_half_or_nothing():
    assert auroc(RIGHT, WRONG, "half") == 11 / 12
    assert auroc(RIGHT, WRONG, "none") == 5 / 6  # UnCo Eq. 16 as it is written


def test_ties_follow_the_conventions():
    gold = [Entity(name, "PER") for name in ("Ann", "Bob", "Acme")]
    pred = [*gold, Entity("Rome", "LOC"), Entity("met", "LOC")]
    row = one(gold, pred, uncertainties=(*RIGHT, *WRONG))
    assert score_rows([row]).uncertainty_auroc == 11 / 12
    assert score_rows([row], Conventions(auroc_ties="none")).uncertainty_auroc == 5 / 6


def test_pairs_are_taken_over_all_samples():
    gold = [Entity("Ann", "PER")]
    rows = [one(gold, gold, uncertainties=(0.3,)), one([], gold, uncertainties=(0.2,)), one([], gold, uncertainties=(0.4,))]
    assert score_rows(rows).uncertainty_auroc == 0.5


def test_auroc_of_uncertainty_by_hand():
    gold = [Entity("Ann", "PER", None), Entity("Bob", "PER", None)]
    pred = [*gold, Entity("Rome", "LOC", None), Entity("Acme", "ORG", None)]
    got = score_rows([one(gold, pred, uncertainties=(0.1, 0.6, 0.5, 0.9))])
    assert got.uncertainty_auroc == 0.75


def test_without_right_or_without_wrong_predictions_there_is_none():
    gold = [Entity("Ann", "PER", None), Entity("Bob", "PER", None)]
    assert score_rows([one(gold, gold, uncertainties=(0.1, 0.2))]).uncertainty_auroc is None
    assert score_rows([one([], gold, uncertainties=(0.1, 0.2))]).uncertainty_auroc is None
    assert "uncertainty_auroc" not in score_rows([one(gold, gold)]).to_dict()


def test_uncertainty_of_repeats_does_not_depend_on_their_order():
    gold, pred = [Entity("Ann", "PER")], [Entity("Ann", "PER")] * 2
    for values in ((0.1, 0.9), (0.9, 0.1)):
        assert score_rows([one(gold, pred, uncertainties=values)]).uncertainty_auroc == 1


@pytest.mark.parametrize("seed", range(20))
def test_auroc_is_the_mean_over_pairs(seed):
    rng = random.Random(seed)
    right, wrong = ([rng.randint(0, 5) / 5 for _ in range(rng.randint(1, 30))] for _ in range(2))
    pairs = [(r, w) for r in right for w in wrong]
    assert auroc(right, wrong, "none") == pytest.approx(sum(r < w for r, w in pairs) / len(pairs))
    assert auroc(right, wrong, "half") == pytest.approx(sum((r < w) + (r == w) / 2 for r, w in pairs) / len(pairs))


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_scipys_u_statistic(seed):
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(seed)
    wrong, right = ([rng.randint(0, 5) / 5 for _ in range(rng.randint(1, 30))] for _ in range(2))
    expected = stats.mannwhitneyu(wrong, right).statistic / len(wrong) / len(right)
    assert auroc(right, wrong, "half") == pytest.approx(expected)
