"""Draws by one number a row follow the distribution and nothing but the row's seed."""

import pytest

torch = pytest.importorskip("torch")
from scipy.stats import chisquare

from mcr.rollouts.seeded_sampling import OwnDraws, row_seeds

PROBS = torch.tensor([0.0, 0.5, 0.2, 0.0, 0.25, 0.05, 0.0])


def draw(seeds, times):
    draws = OwnDraws(seeds)
    scores = PROBS.log().expand(len(seeds), -1)
    return torch.stack([draws(None, scores).argmax(dim=-1) for _ in range(times)], dim=1)


def test_the_frequencies_are_those_of_the_distribution():
    tokens = draw([f"a/{number}" for number in range(200)], 100).flatten()
    counts = torch.bincount(tokens, minlength=len(PROBS))
    assert not counts[PROBS == 0].any()
    assert chisquare(counts[PROBS > 0], PROBS[PROBS > 0] * len(tokens)).pvalue > 1e-3


def test_a_row_does_not_depend_on_the_rows_beside_it():
    seeds = row_seeds(3, ["x", "y", "z"], 4)
    assert len(set(seeds)) == 12
    together = draw(seeds, 20)
    assert torch.equal(draw(seeds[4:8], 20), together[4:8])
    assert torch.equal(draw(seeds[::-1], 20).flip(0), together)
    assert not torch.equal(together[0], together[1])


def test_one_token_is_left_and_forbidden_ones_never_are():
    scores = torch.full((2, 5), -torch.inf)
    scores[:, 3] = 1.0
    kept = OwnDraws(["a", "b"])(None, scores)
    assert kept.tolist() == [[-torch.inf] * 3 + [0.0, -torch.inf]] * 2
