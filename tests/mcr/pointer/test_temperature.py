"""Temperature scaling: found again by hand, order kept within a step, on disk, and fitted on gold sequences."""

import pytest

torch = pytest.importorskip("torch")
from test_seq2seq import SEEN, WIDTH, inputs_of

from mcr.errors import ConfigError
from mcr.pointer.backbones import tiny_backbone
from mcr.pointer.decoding import Estimate, write_entities
from mcr.pointer.entropies import CONFIDENCE, TEMPERATURE
from mcr.pointer.seq2seq import PointerModel
from mcr.pointer.temperature import GRID, Temperatures, best_temperature, fit_temperatures, scaled


@pytest.mark.parametrize("true", [GRID[20], 1.0, GRID[60]])
def test_scores_that_are_off_by_a_factor_are_set_right(true):
    torch.manual_seed(0)
    logits = 2 * torch.randn(40, 5)
    wanted = logits.softmax(-1)  # what is really likely
    assert best_temperature([((logits * true).log_softmax(-1), wanted)]) == pytest.approx(true)


def test_rows_of_several_widths_and_impossible_choices_count_together():
    one = torch.tensor([[2.0, 0.0, float("-inf")]]).log_softmax(-1).expand(4, 3)
    other = torch.tensor([[2.0, 0.0]]).log_softmax(-1).expand(4, 2)
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    wanted = torch.tensor([[*right, 0.0]] * 3 + [[*wrong, 0.0]])
    together = best_temperature([(one, wanted), (other, torch.tensor([right] * 3 + [wrong])), (other[:0], other[:0])])
    assert together == best_temperature([(one, wanted)])
    assert best_temperature([]) == 1.0


def test_a_temperature_keeps_the_order_of_choices():
    scores = torch.randn(6, 4).log_softmax(-1)
    assert torch.equal(scaled(scores, 3.0).argsort(-1), scores.argsort(-1))
    assert torch.allclose(scaled(scores, 1.0), scores, atol=1e-6)


def test_a_model_is_fitted_on_gold_and_says_it_less_or_more_surely(tmp_path):
    torch.manual_seed(0)
    model = PointerModel(tiny_backbone([one.placed.words for one in SEEN] * 2), ("LOC", "PER"), WIDTH).eval()
    found = fit_temperatures(model, SEEN, batch_size=2)
    assert found == fit_temperatures(model, SEEN, batch_size=3)
    found.save(tmp_path)
    assert Temperatures.load(tmp_path) == found
    inputs = inputs_of(model, SEEN)
    ids = [one.placed.sample.id for one in SEEN]
    plain = write_entities(model, inputs, Estimate(CONFIDENCE), ids)
    assert write_entities(model, inputs, Estimate(TEMPERATURE), ids) == plain  # temperatures of 1
    hot = write_entities(model, inputs, Estimate(TEMPERATURE, temperatures=Temperatures(100.0, 100.0)), ids)
    pairs = [(a, b) for row, other in zip(plain, hot, strict=True) for a, b in zip(row, other, strict=True)]
    assert all((a.start, a.end, a.type, a.region) == (b.start, b.end, b.type, b.region) for a, b in pairs)
    assert all(b.uncertainties.values["span"] > a.uncertainties.values["span"] for a, b in pairs)


def test_a_model_without_temperatures_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no temperature\.json"):
        Temperatures.load(tmp_path)
