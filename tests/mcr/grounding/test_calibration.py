"""Platt scaling against the likelihood's own gradient and a grid, thresholds by hand, and verdicts that keep their probability."""

import math
import random

import pytest

from mcr.errors import ConfigError, DataError
from mcr.grounding.calibration import (
    Calibration,
    best_threshold,
    calibration_error,
    fit_calibration,
    log_odds_of,
    probability_of,
)
from mcr.grounding.phrase_predictors import EntailmentPredictor
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import VE


def phrase(number):
    text = f"phrase {number}"
    return Sample(str(number), "x", VE, text, (ImageRef("a.png", 10, 10),), (Entity(text, "PER"),))


class FixedEntailer:
    def __init__(self, values):
        self.values, self.asked = list(values), []

    def log_odds(self, samples):
        self.asked.append([sample.id for sample in samples])
        return [self.values[int(sample.id)] for sample in samples]


def test_scaling_finds_the_world_that_made_the_verdicts():
    rng = random.Random(0)
    log_odds = [rng.gauss(0, 3) for _ in range(20_000)]
    shown = [rng.random() < 1 / (1 + math.exp(-(0.5 * one - 1))) for one in log_odds]
    fitted = fit_calibration(log_odds, shown)
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(-1, abs=0.06)
    chances = [fitted.probability(one) for one in log_odds]
    assert (
        calibration_error(chances, shown) < 0.02 < calibration_error([Calibration().probability(one) for one in log_odds], shown)
    )


def test_scaling_is_the_best_on_a_grid_of_platts_likelihood():
    log_odds, shown = [-2.0, -1.0, 0.5, 3.0, 0.0], [False, True, False, True, True]
    targets = [4 / 5 if one else 1 / 4 for one in shown]

    def loss(slope, intercept):
        logits = [slope * one + intercept for one in log_odds]
        return sum(math.log1p(math.exp(logit)) - target * logit for logit, target in zip(logits, targets, strict=True))

    fitted = fit_calibration(log_odds, shown)
    grid = min(loss(slope / 100, intercept / 100) for slope in range(-100, 200) for intercept in range(-100, 200))
    assert loss(fitted.slope, fitted.intercept) <= grid + 1e-9


def test_separable_verdicts_have_a_finite_slope():
    fitted = fit_calibration([-1.0, -2.0, 1.0, 2.0], [False, False, True, True])
    assert 0 < fitted.slope < 10


def test_phrases_of_one_kind_cannot_be_calibrated_on():
    with pytest.raises(DataError, match="expected both"):
        fit_calibration([1.0, 2.0], [True, True])


def test_the_threshold_is_the_one_with_most_right_verdicts_nearest_to_a_half():
    assert best_threshold([0.1, 0.2, 0.3, 0.9], [False, False, True, True]) == pytest.approx(0.25)
    assert best_threshold([0.1, 0.9], [False, True]) == 0.5
    assert best_threshold([0.1, 0.2], [False, False]) == 0.5
    assert best_threshold([0.4, 0.3], [True, True]) == 0.0


@pytest.mark.parametrize("value", [-800.0, -40.0, -1.5, 0.0, 1.5, 40.0, 600.0])
def test_a_verdict_on_disk_keeps_its_log_odds(value):
    (prediction,) = EntailmentPredictor(FixedEntailer([value])).predict([phrase(0)])
    assert prediction.entities[0].is_grounded == (value >= 0)
    assert log_odds_of(prediction) == pytest.approx(max(value, -690.776), rel=1e-6, abs=1e-9)
    assert probability_of(prediction) == pytest.approx(Calibration().probability(value))


def test_verdicts_that_a_threshold_turned_are_no_ground_for_a_calibration():
    (prediction,) = EntailmentPredictor(FixedEntailer([1.0]), Calibration(threshold=0.9)).predict([phrase(0)])
    with pytest.raises(DataError, match="without --riveg_calibration"):
        log_odds_of(prediction)


def test_calibration_and_threshold_decide_and_batches_are_kept_small():
    entailer = FixedEntailer([-1.0, 0.0, 1.0, 2.0, 3.0])
    predictor = EntailmentPredictor(entailer, Calibration(1.0, -1.0, 0.6), batch_size=2)
    found = list(predictor.predict([phrase(number) for number in range(5)]))
    assert [one.entities[0].boxes for one in found] == [None, None, None, (), ()]
    assert [round(probability_of(one), 4) for one in found] == [0.1192, 0.2689, 0.5, 0.7311, 0.8808]
    assert entailer.asked == [["0", "1"], ["2", "3"], ["4"]]


def test_a_calibration_is_read_back_and_a_broken_one_refused(tmp_path):
    path = tmp_path / "calibration.json"
    Calibration(0.5, -1.0, 0.4).save(path)
    assert Calibration.load(path) == Calibration(0.5, -1.0, 0.4)
    for text in ("[]", "{", "{}", '{"slope": "x"}', '{"slop": 1}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match="cannot be read"):
            Calibration.load(path)
    path.write_text('{"slope": 1, "intercept": 0, "threshold": 2}')
    with pytest.raises(ConfigError, match="threshold from 0 to 1"):
        Calibration.load(path)
