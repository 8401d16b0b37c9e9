"""Going on where a run was stopped: which checkpoints are whole, which one is newest, what to tell the user."""

import json
import math
import os
import shutil
from pathlib import Path

COMPLETE_MARKER = "mcr_checkpoint.json"


def last_checkpoint(out: Path) -> str | None:
    """Return the newest complete checkpoint of a run folder; the main process removes half-written ones.

    The marker is written once every process has written its part, so a checkpoint without it was cut off.
    """
    is_main = int(os.environ.get("RANK", "0")) == 0
    for path in out.glob("checkpoint-*"):
        if is_main and read_marker(path) is None:
            shutil.rmtree(path)
    newest = newest_complete(out)
    if newest is None:
        return None
    if is_main:
        print(f"going on from {newest}", flush=True)
        _warn_of_other_processes(newest)
    return str(newest)


def newest_complete(out: Path, up_to_step: float = math.inf) -> Path | None:
    """Return the newest complete checkpoint of at most that step, without touching any."""
    steps = {int(path.name.split("-")[-1]): path for path in out.glob("checkpoint-*") if read_marker(path) is not None}
    return steps.get(max((step for step in steps if step <= up_to_step), default=-1))


def read_marker(checkpoint: Path) -> dict | None:
    """Return what the marker of a complete checkpoint says, None for one that was cut off."""
    try:
        marker = json.loads((checkpoint / COMPLETE_MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def way_on(out: Path) -> str:
    """Return the sentence that ends an error: from where the same command goes on."""
    newest = newest_complete(out)
    start = f"from {newest}" if newest else "from the start, no checkpoint was written yet"
    return f"The same command goes on {start}."


def _warn_of_other_processes(checkpoint: Path) -> None:
    saved, here = (read_marker(checkpoint) or {}).get("num_processes"), int(os.environ.get("WORLD_SIZE", "1"))
    if saved != here:
        print(f"warning: {checkpoint} was written by {saved} processes, now there are {here}: other random numbers follow.")
