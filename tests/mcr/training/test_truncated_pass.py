"""The two contexts in which CVO's trainer changes what TRL does: the first pass renormalized, groups prefilled once."""

import pytest

torch = pytest.importorskip("torch")

from mcr.shared_prefix.prefill import shared_prefill
from mcr.shared_prefix.truncation import FirstPass


def test_the_first_pass_alone_is_renormalized():
    first_pass, logprobs, log_mass = FirstPass(), torch.full((2, 3), -1.0), torch.full((2, 3), -0.25)
    assert torch.equal(first_pass.renormalize(logprobs, lambda: log_mass), torch.full((2, 3), -0.75))
    assert first_pass.log_mass is log_mass
    assert first_pass.renormalize(logprobs, lambda: pytest.fail("computed again")) is logprobs


class Model:
    def generate(self, **inputs):
        return "plain"


def test_a_model_generates_as_before_once_the_context_is_left():
    model = Model()
    with pytest.raises(KeyError, match="input_ids"), shared_prefill(model, 4):
        model.generate()
    assert "generate" not in vars(model)
    assert model.generate() == "plain"
