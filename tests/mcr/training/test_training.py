"""Pieces around the trainers that need no training run."""

import copy

import pytest

pytest.importorskip("torch")
import torch

from mcr.errors import ConfigError
from mcr.families import FAMILIES, frame_settings
from mcr.models.load import check_frame
from mcr.training.checkpoints.resume import COMPLETE_MARKER, last_checkpoint
from mcr.training.optimizer import MuonWithAdamW


def test_the_newest_complete_checkpoint_is_taken(tmp_path):
    assert last_checkpoint(tmp_path) is None
    for step, state in ((5, "{}"), (10, "{}"), (15, '{"torn'), (20, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / COMPLETE_MARKER).write_text(state)
    assert last_checkpoint(tmp_path).endswith("checkpoint-10")


class FakeProcessor:
    class image_processor:
        patch_size, merge_size, size = 14, 2, {"shortest_edge": 3136, "longest_edge": 12845056}


def test_a_frame_that_is_not_the_processors_is_refused():
    check_frame(frame_settings("qwen2_5_vl"), FakeProcessor(), FAMILIES["qwen2_5_vl"])
    check_frame(frame_settings("qwen3_vl", max_pixels=5), FakeProcessor(), FAMILIES["qwen3_vl"])
    with pytest.raises(ConfigError, match="max_pixels"):
        check_frame(frame_settings("qwen2_5_vl", max_pixels=1_000_000), FakeProcessor(), FAMILIES["qwen2_5_vl"])


def test_a_frame_of_another_family_is_refused():
    with pytest.raises(ConfigError, match=r"written as norm1000 xyxy, but models of family qwen2_5_vl write absolute xyxy"):
        check_frame(frame_settings("qwen3_vl"), FakeProcessor(), FAMILIES["qwen2_5_vl"])


def small_problem():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    inputs = torch.randn(32, 4)
    return model, inputs, inputs.sum(1, keepdim=True)


def train(model, optimizer, inputs, targets, steps):
    for _ in range(steps):
        loss = (model(inputs) - targets).pow(2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def test_muon_learns_and_splits_the_parameters():
    model, inputs, targets = small_problem()
    optimizer = MuonWithAdamW(model.named_parameters(), 1e-2)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 2]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    first = train(model, optimizer, inputs, targets, 1)
    assert train(model, optimizer, inputs, targets, 100) < first / 5


def test_muon_goes_on_from_its_saved_state_exactly():
    model, inputs, targets = small_problem()
    optimizer = MuonWithAdamW(model.named_parameters(), 1e-2)
    train(model, optimizer, inputs, targets, 5)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    saved = copy.deepcopy(optimizer.state_dict())
    again, _, _ = small_problem()
    again.load_state_dict(weights)
    resumed = MuonWithAdamW(again.named_parameters(), 1e-2)
    resumed.load_state_dict(saved)
    assert resumed.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert train(again, resumed, inputs, targets, 5) == train(model, optimizer, inputs, targets, 5)
