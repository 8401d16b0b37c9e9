"""The cache that grows in place holds what transformers' own holds, and generation with it writes the same."""

import pytest

torch = pytest.importorskip("torch")

from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from mcr.models.load import load_model
from mcr.shared_prefix.roomy_cache import ROOM, RoomyLayer, roomy_cache
from mcr.systems.datasets import SANDBOX_BASE


def states(length, rows=3):
    return torch.randn(rows, 2, length, 4), torch.randn(rows, 2, length, 4)


def both(ours, theirs, length, rows=3):
    new = states(length, rows)
    for one, other in zip(ours.update(*new), theirs.update(*new), strict=True):
        assert torch.equal(one, other)


def test_it_holds_what_a_dynamic_layer_holds_however_it_grows():
    ours, theirs = RoomyLayer(), DynamicLayer()
    for length in (5, 1, 1, ROOM, 1, 2 * ROOM + 3, 1):
        both(ours, theirs, length)
    assert ours.get_seq_length() == theirs.get_seq_length()


@pytest.mark.parametrize(
    "change",
    [lambda layer: layer.batch_repeat_interleave(2), lambda layer: layer.batch_select_indices(torch.tensor([2, 0, 1, 1, 0, 2]))],
    ids=["repeated", "selected"],
)
def test_rows_can_be_repeated_and_selected(change):
    ours, theirs = RoomyLayer(), DynamicLayer()
    both(ours, theirs, 5)
    change(ours), change(theirs)
    both(ours, theirs, 1, rows=6)
    both(ours, theirs, ROOM, rows=6)


def test_what_was_cropped_is_written_anew():
    ours, theirs = RoomyLayer(), DynamicLayer()
    both(ours, theirs, 5)
    ours.crop(-2), theirs.crop(-2)
    both(ours, theirs, 4)
    assert ours.get_seq_length() == 7


def test_a_cache_that_was_handed_out_is_not_written_over():
    layer = RoomyLayer()
    before = layer.update(*states(5))[0].clone()
    held = layer.update(*states(1))[0]
    layer.update(*states(1))
    assert torch.equal(held[..., :5, :], before)


@pytest.mark.recipe
def test_greedy_answers_are_those_of_transformers_own_cache():
    model = load_model(SANDBOX_BASE, dtype="float32").eval()
    ids = torch.randint(50, 150, (2, 9), generator=torch.Generator().manual_seed(0))
    settings = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "max_new_tokens": ROOM + 8, "do_sample": False}
    ours = model.generate(**settings, past_key_values=roomy_cache(model))
    theirs = model.generate(**settings, past_key_values=DynamicCache())
    assert torch.equal(ours, theirs)
