"""The processes of a recipe that samples: they may end hours apart, and each has a GPU of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from mcr.errors import ConfigError

if TYPE_CHECKING:
    from accelerate import PartialState

PATIENCE = timedelta(days=7)


def join_processes() -> "PartialState":
    """Return accelerate's state; processes wait for the last one for days, not for the ten minutes that torch gives them.

    Raises:
        ConfigError: several processes were started and do not see each other: each would do all of the work.
    """
    import torch
    from accelerate import PartialState

    num_started = int(os.environ.get("WORLD_SIZE", "1"))
    patience = {"timeout": PATIENCE} if num_started > 1 else {}
    state = PartialState(cpu=not torch.accelerator.is_available(), **patience)
    if state.num_processes != num_started:
        raise ConfigError(
            f"processes: {num_started} were started, each sees {state.num_processes}. Give accelerate launch a config of launch/."
        )
    return state


def own_gpu(environment: Mapping[str, str], local_rank: int, num_gpus: int) -> str:
    """Return what CUDA_VISIBLE_DEVICES has to be for an engine that uses this process's GPU alone.

    Args:
        environment: its CUDA_VISIBLE_DEVICES, where set, names the GPUs to share out.
        local_rank: of the process on this machine.
        num_gpus: of this machine, where the environment says nothing.
    """
    named = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    gpus = named or [str(number) for number in range(num_gpus)]
    return gpus[local_rank % len(gpus)] if gpus else ""


@contextmanager
def engine_of_one_process(state: "PartialState") -> Iterator[None]:
    """While it lasts, an engine that is started sees this process's GPU alone, and nothing of the other processes."""
    import torch

    if state.num_processes == 1:
        yield
        return
    before = dict(os.environ)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        os.environ.pop(name, None)
    if torch.cuda.is_available():
        os.environ["CUDA_VISIBLE_DEVICES"] = own_gpu(before, state.local_process_index, torch.cuda.device_count())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
