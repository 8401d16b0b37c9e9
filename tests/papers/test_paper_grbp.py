"""GRBP and UnCo's AUROC against Algorithm 1 of E2E-GMNER and UnCo Eq. 16, derived anew from the papers, on 2,000 random cases."""

import random

import paper_equations as paper
import pytest

from mcr.metrics.uncertainty import auroc
from mcr.systems.e2e_gmner.grbp import GrbpSettings, perturb

NUM_CASES = 2000


def test_a_box_moves_as_in_algorithm_1():
    rng, num_moved, num_thin = random.Random(1), 0, 0
    for _ in range(NUM_CASES):
        width, height, min_size = rng.uniform(50, 200), rng.uniform(50, 200), rng.choice([1.0, 2.0, 5.0])
        x, y = rng.uniform(0, width - 40), rng.uniform(0, height - 40)
        box = (x, y, x + rng.choice([1.5, rng.uniform(4, 40)]), y + rng.uniform(4, 40))
        settings = GrbpSettings(
            beta=rng.choice([0, 0.03, 0.2]),
            gamma=rng.choice([0, 0.03, 0.3]),
            tau=rng.choice([0.3, 0.6, 0.9]),
            tries=rng.randint(1, 5),
        )
        draws = [rng.gauss(0, 1) for _ in range(4 * settings.tries)]
        given, scales = iter(draws), (settings.min_scale, settings.max_scale)
        got, _ = perturb(box, width, height, settings, min_size, lambda given=given: next(given))
        jitter = settings.beta, settings.gamma, settings.tau, settings.tries
        expected = paper.grbp(box, width, height, *jitter, min_size, *scales, iter(draws))
        if min(expected[2] - expected[0], expected[3] - expected[1]) >= min_size or expected == box:
            assert got == pytest.approx(expected)  # Differs: what clipping leaves thinner than the minimum is drawn again
        else:
            num_thin += 1
        num_moved += got != box
    assert num_moved > NUM_CASES / 3
    assert num_thin < NUM_CASES / 50


def test_auroc_is_equation_16_and_its_usual_form():
    rng = random.Random(2)
    for _ in range(NUM_CASES):
        right, wrong = ([rng.choice([0.1, 0.4, 0.8, rng.random()]) for _ in range(rng.randint(1, 6))] for _ in range(2))
        for ties in ("none", "half"):
            assert auroc(right, wrong, ties) == pytest.approx(paper.unco_auroc(right, wrong, ties), abs=1e-12)
