"""SIGTERM, as Slurm sends it before the time is up: finish the step, write a checkpoint, end."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import RawValue
from typing import Any

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


class WorkersOutliveSigterm:
    """While training lasts, a SIGTERM to the whole group leaves the data loader's workers alone: the step under way needs them.

    Before and afterwards it ends them, as multiprocessing needs it when the program ends.
    """

    def __init__(self) -> None:
        self.is_training = RawValue("b", 0)  # without a lock, which a worker that is killed would keep

    @contextmanager
    def training(self) -> Iterator[None]:
        """Say that training lasts."""
        self.is_training.value = 1
        try:
            yield
        finally:
            self.is_training.value = 0

    def prepare(self, loader: Any) -> Any:
        """Return the loader, whose workers know."""
        inner = getattr(loader, "base_dataloader", loader)  # accelerate's loader hands over to the one that it wraps
        inner.worker_init_fn = _Prepared(self.is_training, inner.worker_init_fn)
        return loader


class _Prepared:
    """Sets a worker's signal handler, then does what its trainer wants; a class, so that spawned workers can be given it."""

    def __init__(self, is_training: Any, then: Callable[[int], None] | None) -> None:
        self.is_training, self.then = is_training, then

    def __call__(self, worker_id: int) -> None:
        signal.signal(signal.SIGTERM, self._end_unless_training)
        if self.then is not None:
            self.then(worker_id)

    def _end_unless_training(self, *_: Any) -> None:
        if not self.is_training.value:
            os._exit(0)


def _is_any(flag: bool) -> bool:
    """Return whether the flag is up in any process."""
    state = PartialState()
    if state.num_processes == 1:
        return flag
    return bool(reduce(torch.tensor([float(flag)], device=state.device), "sum").item())
