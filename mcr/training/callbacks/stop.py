"""SIGTERM, as Slurm sends it before the time is up: finish the step, write a checkpoint, end."""

import signal
import threading
from typing import Any, cast

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback


class StopOnSignal(TrainerCallback):
    """Ends training after the step in which any process was terminated, with a checkpoint.

    Launchers pass on what the whole group got already, so that a second SIGTERM means nothing more.

    Attributes:
        is_stopped: whether training ended so.
    """

    def __init__(self) -> None:
        self.is_asked, self.is_stopped = False, False
        self.before: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGTERM, self._ask)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop where anyone was asked to."""
        if _is_any(self.is_asked):
            self.is_stopped = control.should_save = control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Listen no longer."""
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)

    def _ask(self, *_: Any) -> None:
        if not self.is_asked:
            print("terminated: finishing the step and writing a checkpoint", flush=True)
        self.is_asked = True


def _is_any(flag: bool) -> bool:
    """Return whether the flag is up in any process."""
    state = PartialState()
    if state.num_processes == 1:
        return flag
    total = cast(torch.Tensor, reduce(torch.tensor([float(flag)], device=state.device), "sum"))
    return bool(total.item())
