"""Thresholds: the best of a grid on dev, and those that keep a rate of errors on new samples."""

import random

import pytest

from mcr.correction.hierarchy import Corrected, CorrectionOptions
from mcr.correction.thresholds import (
    GridPoint,
    best_thresholds,
    conformal_threshold,
    conformal_thresholds,
    not_evaluated,
    search_grid,
)
from mcr.errors import ConfigError, DataError
from mcr.families import frame_settings
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, ImageRef, Sample, ScoredSample
from mcr.uncertainties import PARTS, PartUncertainties

GOLD = Sample("1", "mine", "gmner", "Ann", (ImageRef("a.png", 9, 9),), (Entity("Ann", "PER"),))


def test_the_grid_changes_one_part_at_a_time_and_scores_on_dev():
    asked = []

    def run(options):
        asked.append(options.thresholds)
        is_right = options.thresholds["type"] < 0.3
        return Corrected([Prediction("1", "Ann", (Entity("Ann", "PER" if is_right else "LOC"),))], [], 1)

    points = search_grid([GOLD], run, CorrectionOptions(DEFAULT_LABELS, frame_settings("qwen3_vl")), grid=(0.0, 0.2, 0.4))
    assert len(points) == 9
    assert all(sum(value < 1 for value in thresholds.values()) <= 1 for thresholds in asked)
    assert best_thresholds(points) == {"span": 0.4, "type": 0.2, "region": 0.4}  # of equal scores the one that asks least


def test_where_no_sample_asks_for_boxes_names_and_types_decide():
    gold = Sample("1", "mine", "mner", "Ann", (), (Entity("Ann", "PER"),))

    def run(options):
        is_right = options.thresholds["type"] < 0.3
        return Corrected([Prediction("1", "Ann", (Entity("Ann", "PER" if is_right else "LOC"),))], [], 1)

    points = search_grid([gold], run, CorrectionOptions(DEFAULT_LABELS, frame_settings("qwen3_vl")), grid=(0.0, 0.2, 0.4))
    assert {(one.part, one.threshold): one.score for one in points}["type", 0.2] == 1.0
    assert best_thresholds(points)["type"] == 0.2


def test_the_best_score_wins_whatever_its_threshold():
    points = [GridPoint("span", 0.1, 9, 0.5), GridPoint("span", 0.9, 1, 0.4)]
    assert best_thresholds(points) == {"span": 0.1}


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_the_rate_is_kept_on_new_predictions(rate):
    """The mean over draws of the share that is kept and wrong is at most the rate, and not far below it."""
    rng, shares = random.Random(0), []
    for _ in range(400):
        drawn = [(rng.random(), rng.random()) for _ in range(200)]
        rows = [(u, chance < u**2) for u, chance in drawn]  # the more uncertain, the more often wrong
        known, new = rows[:100], rows[100:]
        threshold = conformal_threshold([u for u, wrong in known if not wrong], [u for u, wrong in known if wrong], rate)
        shares.append(sum(wrong and u <= threshold for u, wrong in new) / len(new))
    assert rate - 0.03 < sum(shares) / len(shares) <= rate + 0.005


def test_a_rate_that_cannot_be_kept_asks_about_everything():
    assert conformal_threshold([0.1], [0.2], 0.1) == -1
    assert conformal_threshold([0.1] * 50, [], 0.1) == 1
    with pytest.raises(ConfigError, match="rate"):
        conformal_threshold([0.1], [], 1.0)


def test_conformal_thresholds_are_of_the_parts_that_have_uncertainties():
    ann = Entity("Ann", "PER")
    rows = [ScoredSample("Ann", (ann,), (ann,), (PartUncertainties({"span": 0.2, "type": 0.1}),))] * 30
    assert conformal_thresholds(rows, 0.1) == {"span": 1.0, "type": 1.0}
    assert {*PARTS} > {*conformal_thresholds(rows, 0.1)}


def test_samples_that_are_evaluated_are_refused():
    with pytest.raises(DataError, match="1 dev samples are evaluated, 1 first"):
        not_evaluated([GOLD], [Sample("1", "mine", "gmner", "Bo", (), ())])
    with pytest.raises(DataError, match="the sentence of each dev sample is evaluated"):
        not_evaluated([GOLD], [Sample("2", "mine", "gmner", "Ann  ", (), ())])


def test_a_retweet_of_an_evaluated_tweet_is_left_out():
    other = Sample("3", "mine", "gmner", "Bo", (), ())
    assert not_evaluated([GOLD, other], [Sample("2", "mine", "gmner", " Ann", (), ())]) == [other]


def test_one_number_an_entity_counts_for_every_part():
    ann = Entity("Ann", "PER")
    assert conformal_thresholds([ScoredSample("Ann", (ann,), (ann,), (0.2,))] * 30, 0.1) == dict.fromkeys(PARTS, 1.0)
