"""Resuming a run that was stopped: which checkpoints are complete, which one is the newest, what to tell the user."""

import json
import math
import os
from pathlib import Path
from typing import Any

COMPLETE_MARKER = "mcr_checkpoint.json"
BEGUN_MARKER = "mcr_begun"
TRAINER_STATE = "trainer_state.json"


def last_checkpoint(out: Path) -> str | None:
    """Return the newest complete checkpoint of a run folder, and say so; for the main process.

    The marker is written once every process has written its part: a checkpoint without it was cut off, or was not written by
    these recipes. It is left alone until its step is saved again or newer ones thin it out.
    """
    newest = newest_complete(out)
    for path in checkpoints_in(out):
        if read_marker(path) is None and (newest is None or step_of(path) > step_of(newest)):
            print(f"warning: {path} is passed over: it was cut off (no {COMPLETE_MARKER})", flush=True)
    if newest is None:
        return None
    print(f"resuming from {newest}", flush=True)
    _warn_of_other_processes(newest)
    return str(newest)


def newest_complete(out: Path, up_to_step: float = math.inf) -> Path | None:
    """Return the newest complete checkpoint of at most that step, without touching any."""
    steps = {step_of(path): path for path in checkpoints_in(out) if read_marker(path) is not None}
    return steps.get(max((step for step in steps if step <= up_to_step), default=-1))


def read_marker(checkpoint: Path) -> dict[str, Any] | None:
    """Return what the marker of a complete checkpoint says, None for one that was cut off.

    Raises:
        OSError: it is there and cannot be read, which says nothing about the checkpoint.
    """
    try:
        marker = json.loads((checkpoint / COMPLETE_MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def checkpoints_in(out: Path) -> list[Path]:
    """Return the folders named checkpoint-N by their steps, whole or not; other names belong to somebody else."""
    found = (path for path in out.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdecimal() and path.is_dir())
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """Return the step in a checkpoint's name."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def resume_hint(out: Path) -> str:
    """Return the sentence that ends an error: from where the same command resumes."""
    newest = newest_complete(out)
    start = f"from {newest}" if newest else "from the start, no checkpoint was written yet"
    return f"The same command resumes {start}."


def _warn_of_other_processes(checkpoint: Path) -> None:
    saved, here = (read_marker(checkpoint) or {}).get("num_processes"), int(os.environ.get("WORLD_SIZE", "1"))
    if saved != here:
        print(f"warning: {checkpoint} was written by {saved} processes, now there are {here}: other random numbers follow.")
