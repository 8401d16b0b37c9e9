"""metrics.jsonl, its curves, and the epoch of a target transform."""

import json
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mcr.io.atomic_write import write_whole
from mcr.report.figures import draw_curves
from mcr.systems.base import TargetTransform


class MetricsFile(TrainerCallback):
    """Appends every log of the trainer to metrics.jsonl; after a resume the rows of repeated steps are dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep only the rows up to the step that training resumes from."""
        if not state.is_world_process_zero:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= state.global_step]
        write_whole(self.path, "".join(line + "\n" for line in kept if state.global_step))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Append one row."""
        if state.is_world_process_zero and logs:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")


class EpochOf(TrainerCallback):
    """Reports to a target transform which epoch begins, before the epoch's data loader starts its workers."""

    def __init__(self, transform: TargetTransform) -> None:
        self.transform = transform

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count epochs from 0; a resumed one keeps its number."""
        self.transform.epoch = int((state.epoch or 0.0) + 1e-6)


class Curves(TrainerCallback):
    """Draws curves.png from metrics.jsonl every `every` logs and at the end."""

    def __init__(self, out: Path, every: int = 20) -> None:
        self.out, self.every, self.num_logs = out, every, 0

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Draw now and then."""
        self.num_logs += 1
        if self.num_logs % self.every == 0:
            self._draw(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Draw all of it."""
        self._draw(state)

    def _draw(self, state: Any) -> None:
        path = self.out / "metrics.jsonl"
        if state.is_world_process_zero and path.is_file():
            draw_curves(self.out / "curves.png", [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")
