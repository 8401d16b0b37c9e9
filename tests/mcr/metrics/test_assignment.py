import itertools
import random

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mcr.metrics.assignment import best_assignment


def random_weights(rng, size):
    rows, cols, density = rng.randint(1, size), rng.randint(1, size), rng.random()
    edges = [(i, j) for i in range(rows) for j in range(cols) if rng.random() < density]
    return {edge: rng.choice([1, 2, 3, 5, 10**30]) for edge in edges}


def check_one_to_one(pairs, weights):
    assert set(pairs) <= set(weights)
    assert len({row for row, _ in pairs}) == len(pairs) == len({col for _, col in pairs})


def test_equals_scipy():
    rng = random.Random(1)
    for _ in range(500):
        weights = {edge: min(weight, 10) for edge, weight in random_weights(rng, 8).items()}
        table = np.zeros((8, 8))
        for edge, weight in weights.items():
            table[edge] = weight
        pairs = best_assignment(weights)
        check_one_to_one(pairs, weights)
        assert sum(weights[edge] for edge in pairs) == table[linear_sum_assignment(table, maximize=True)].sum()


def test_equals_brute_force_on_integers_beyond_floats():
    rng = random.Random(2)
    for _ in range(200):
        weights = {edge: weight + rng.randint(0, 3) for edge, weight in random_weights(rng, 4).items()}
        best = max(sum(weights.get((row, col), 0) for row, col in enumerate(cols)) for cols in itertools.permutations(range(4)))
        pairs = best_assignment(weights)
        check_one_to_one(pairs, weights)
        assert sum(weights[edge] for edge in pairs) == best


def test_a_long_side_is_cut_without_loss():
    rng = random.Random(3)
    weights = {(i, j): rng.randint(1, 1000) for i in range(600) for j in range(4)}
    table = np.zeros((600, 4))
    for edge, weight in weights.items():
        table[edge] = weight
    pairs = best_assignment(weights)
    check_one_to_one(pairs, weights)
    assert sum(weights[edge] for edge in pairs) == table[linear_sum_assignment(table, maximize=True)].sum()
    turned = best_assignment({(col, row): weight for (row, col), weight in weights.items()})
    assert sorted((row, col) for col, row in turned) == pairs


@pytest.mark.parametrize(("weights", "pairs"), [({}, []), ({(3, 7): 1}, [(3, 7)]), ({(0, 0): 1, (1, 0): 2}, [(1, 0)])])
def test_small_cases(weights, pairs):
    assert best_assignment(weights) == pairs
