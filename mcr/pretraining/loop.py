"""The training loop: steps at a stated schedule, a curve, checkpoints to resume from bit for bit.

What a step trains on follows from its number alone, so a resumed run sees what it would have seen.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from mcr.errors import ConfigError
from mcr.io.atomic_write import whole_file, write_whole
from mcr.training.optimizer import MuonWithAdamW

CHECKPOINT, CURVE = "checkpoint.pt", "curve.jsonl"
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: of the whole run.
        learning_rate: of embeddings, norms and biases; ten times that for matrices (Muon).
        warmup_steps: linear from 0.
        decay_share: of the steps at the end, over which the rate falls linearly to 0.
    """

    steps: int
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    decay_share: float = 0.35

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0.

        >>> schedule = Schedule(100, 1.0, 10, 0.5)
        >>> [schedule.rate_at(step) for step in (0, 9, 40, 75, 99)]
        [0.1, 1.0, 1.0, 0.5, 0.02]
        """
        decay_steps = self.decay_share * self.steps
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, (self.steps - step) / max(1.0, decay_steps))


def pretrain(
    model: Any,
    make_batch: Callable[[int], Any],
    loss_of: Callable[[Any, Any], torch.Tensor],
    schedule: Schedule,
    folder: Path,
    *,
    save_every: int = 200,
    measure: Callable[[], dict[str, float]] | None = None,
    settings: Mapping[str, int | str],
    workers: int = 0,
) -> None:
    """Train a model, or resume its run.

    Args:
        model: in float32, on the device that trains it; trained in place under bfloat16 autocast.
        make_batch: the batch of a step, the same for the same step; on the CPU.
        loss_of: the loss of a model and a batch.
        schedule: of the run.
        folder: for the checkpoint and the curve, one JSON object a line.
        save_every: steps between checkpoints.
        measure: scores at a checkpoint, added to the curve; its time does not count.
        settings: what the batches depend on; a checkpoint of other settings is not resumed.
        workers: processes that make batches ahead; 0 makes them here.

    Raises:
        ConfigError: the folder's checkpoint has other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = MuonWithAdamW(model.named_parameters(), schedule.learning_rate)
    curve = _resume(model, optimizer, folder, settings)
    step, minutes = (int(curve[-1]["step"]), curve[-1]["minutes"]) if curve else (0, 0.0)
    batches = DataLoader(_Batches(make_batch), batch_size=None, sampler=range(step, schedule.steps), num_workers=workers)
    started, losses = time.monotonic(), []
    model.train()
    for batch in batches:
        losses.append(_step(model, optimizer, partial(loss_of, model, batch), schedule.rate_at(step)))
        step += 1
        if step % save_every == 0 or step == schedule.steps:
            spent = round(minutes + (time.monotonic() - started) / 60, 2)
            row: Row = {"step": step, "minutes": spent, "loss": torch.stack(losses).mean().item()}
            paused = time.monotonic()
            model.eval()
            row |= measure() if measure else {}
            model.train()
            started, losses = started + time.monotonic() - paused, []
            print(" ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
            curve.append(row)
            _save(model, optimizer, curve, folder, settings)


class _Batches(Dataset[Any]):
    """The batches of all steps, each made when it is asked for."""

    def __init__(self, make_batch: Callable[[int], Any]) -> None:
        self.make_batch = make_batch

    def __getitem__(self, step: int) -> Any:
        return self.make_batch(step)


def _step(model: Any, optimizer: MuonWithAdamW, compute_loss: Callable[[], torch.Tensor], rate: float) -> torch.Tensor:
    for group in optimizer.param_groups:
        group["lr"] = rate * (10.0 if group["is_matrix"] else 1.0)
    with torch.autocast(model.device.type, torch.bfloat16):
        loss = compute_loss()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.detach()


def _save(model: Any, optimizer: MuonWithAdamW, curve: list[Row], folder: Path, settings: Mapping[str, int | str]) -> None:
    """Write one file that holds all of the state, so that it cannot be half of one step and half of another."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "curve": curve, "settings": dict(settings)}
    with whole_file(folder / CHECKPOINT) as unfinished:
        torch.save(state, unfinished)
    write_whole(folder / CURVE, "".join(json.dumps(row) + "\n" for row in curve))


def _resume(model: Any, optimizer: MuonWithAdamW, folder: Path, settings: Mapping[str, int | str]) -> list[Row]:
    """Take up the checkpoint of a folder and return its curve; an empty one where there is none."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return []
    state = torch.load(path, weights_only=True, map_location="cpu")
    if state["settings"] != dict(settings):
        raise ConfigError(
            f"pretraining: {path} was made with {state['settings']}, this run has {dict(settings)}. Give the same, or another "
            "folder."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["curve"]
