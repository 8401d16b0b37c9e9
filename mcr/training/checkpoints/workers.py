"""Data loader workers that outlive a SIGTERM to the whole group while training lasts."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import RawValue
from typing import Any


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
