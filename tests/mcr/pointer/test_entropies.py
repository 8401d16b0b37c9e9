"""Uncertainty by hand: the entropy of the mean, not the mean of entropies; one number a part."""

import math

import pytest

torch = pytest.importorskip("torch")

from mcr.pointer.entropies import EntitySteps, entity_uncertainties, predictive_entropy, raw_doubt

PASSES = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])


def test_the_entropy_is_that_of_the_mean():
    assert predictive_entropy(PASSES).item() == pytest.approx(0.943348, abs=1e-6)
    mean_of_entropies = torch.special.entr(PASSES).sum(1).mean().item()
    assert mean_of_entropies == pytest.approx(0.720425, abs=1e-6)


def test_equal_chances_have_the_largest_entropy_and_certainty_none():
    assert predictive_entropy(torch.full((3, 4), 0.25)).item() == pytest.approx(math.log(4))
    assert predictive_entropy(torch.tensor([[1.0, 0.0]])).item() == 0


def test_raw_doubt_is_what_the_choice_lacks_to_one():
    doubts = raw_doubt(torch.tensor([[[0.7, 0.3], [0.1, 0.9]]]), torch.tensor([0, 0]))
    assert doubts.tolist() == pytest.approx([0.3, 0.9])


def test_a_span_is_the_mean_over_its_words_and_the_rest_one_step():
    steps = EntitySteps(words=(1, 2), type=3)
    tokens, regions = [9.0, 0.2, 0.4, 0.5, 9.0], [9.0, 9.0, 9.0, 0.7, 9.0]
    assert entity_uncertainties(tokens, regions, steps) == {"span": pytest.approx(0.3), "type": 0.5, "region": 0.7}
    assert entity_uncertainties(tokens, regions, steps, span="sum")["span"] == pytest.approx(0.6)
