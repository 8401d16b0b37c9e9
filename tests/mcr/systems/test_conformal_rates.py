"""bench/conformal_rates.py: what is kept and wrong is counted on test, with thresholds of dev."""

import pytest
from bench_path import load_bench

from mcr.records import Entity, ScoredSample
from mcr.uncertainties import PARTS, PartUncertainties

BENCH = load_bench("conformal_rates")


def row(is_right, doubt):
    gold = (Entity("Ann", "PER"),)
    predicted = (Entity("Ann" if is_right else "met", "PER"),)
    unsure = (PartUncertainties(dict.fromkeys(PARTS, doubt)),)
    return ScoredSample("Ann met Bo", gold, predicted, unsure)


def test_shares_of_a_part_by_hand():
    dev = [row(True, 0.1)] * 18 + [row(False, 0.6)]  # 20 with the new one: at 10 % one wrong may be kept, of 0.6 it is all
    test = [row(True, 0.2), row(True, 0.7), row(False, 0.5), row(False, 0.9)]
    kept, asked = BENCH.shares(dev, test, 0.1)["span"]
    assert (kept, asked) == (0.5, 0.0), "thresholds of 1: everything is kept, half of it wrong"
    kept, asked = BENCH.shares(dev, test, 0.05)["span"]
    assert kept == pytest.approx(0.25)
    assert asked == pytest.approx(0.5), "what is above 0.6, just below which the threshold lies"
