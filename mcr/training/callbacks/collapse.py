"""Stopping a run that has collapsed, with the reason, instead of burning hours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mcr.errors import ConfigError, McrError
from mcr.training.checkpoints.resume import newest_complete


@dataclass(frozen=True, slots=True)
class CollapseBounds:
    """When a run counts as collapsed: a bound that is passed in `patience` logs in a row. None: not watched.

    Attributes:
        max_unreadable: share of completions without a readable answer.
        min_entropy, max_entropy: of the policy, nats a token.
        max_clipped: share of completions cut at the length limit.
    """

    max_unreadable: float | None = 0.9
    min_entropy: float | None = None
    max_entropy: float | None = None
    max_clipped: float | None = None
    patience: int = 5

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ConfigError(f"collapse_patience: got {self.patience}, expected at least 1 log.")

    def broken(self, logs: Mapping[str, float]) -> dict[str, str]:
        """Return a sentence for each measure that passes its bound in one row of logs, by the measure's name."""
        watched = (
            ("completions/unreadable", None, self.max_unreadable),
            ("entropy", self.min_entropy, self.max_entropy),
            ("completions/clipped_ratio", None, self.max_clipped),
        )
        sentences = {}
        for name, low, high in watched:
            value = logs.get(name)
            if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
                sentences[name] = f"{name} is {value:.4g}, expected {_range(low, high)}"
        return sentences


def _range(low: float | None, high: float | None) -> str:
    return f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"


class CollapseGuard(TrainerCallback):
    """Ends the run when its logs pass a bound for long enough, or at once when the reward is no number."""

    def __init__(self, out: Path, bounds: CollapseBounds) -> None:
        self.out, self.bounds = out, bounds
        self.num_broken: dict[str, int] = {}
        self.good_step = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Trust what the run starts or resumes from."""
        self.good_step = state.global_step

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Check one row.

        Raises:
            McrError: the run has collapsed.
        """
        logs = logs or {}
        is_reward_missing = "reward" in logs and logs["reward"] is None  # how TRL logs a mean of nothing but NaN
        numbers = {name: float(value) for name, value in logs.items() if _is_number(value)}
        if is_reward_missing or not math.isfinite(numbers.get("reward", 0.0)):
            self._stop(state.global_step, "reward not a finite number")
        if "reward" not in numbers:
            return
        broken = self.bounds.broken(numbers)
        self.num_broken = {name: self.num_broken.get(name, 0) + 1 for name in broken}
        if not broken:
            self.good_step = state.global_step
        for name, times in self.num_broken.items():
            if times >= self.bounds.patience:
                self._stop(state.global_step, f"{broken[name]}, {times} logs in a row")

    def _stop(self, step: int, reason: str) -> None:
        checkpoint = newest_complete(self.out, self.good_step)
        hint = f"No checkpoint up to step {self.good_step} is saved."
        if checkpoint is not None:
            hint = f"The last good checkpoint is {checkpoint}."
        advice = "Lower the learning rate, or widen the bound if this is intended."
        raise McrError(f"the run collapsed at step {step}: {reason}. {hint} {advice}")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
