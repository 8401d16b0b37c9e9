"""Going on where a run was stopped."""

import json
import math
import os
import shutil
from pathlib import Path

COMPLETE_MARKER = "trainer_state.json"


def last_checkpoint(out: Path) -> str | None:
    """Return the newest complete checkpoint of a run folder; the main process removes half-written ones.

    The trainer writes trainer_state.json last, so a checkpoint without it, or with one that cannot be read, was cut off.
    """
    is_main = int(os.environ.get("RANK", "0")) == 0
    for path in out.glob("checkpoint-*"):
        if is_main and not _is_complete(path):
            shutil.rmtree(path)
    newest = newest_complete(out)
    if newest is None:
        return None
    if is_main:
        print(f"going on from {newest}", flush=True)
    return str(newest)


def newest_complete(out: Path, up_to_step: float = math.inf) -> Path | None:
    """Return the newest complete checkpoint of at most that step, without touching any."""
    steps = {int(path.name.split("-")[-1]): path for path in out.glob("checkpoint-*") if _is_complete(path)}
    return steps.get(max((step for step in steps if step <= up_to_step), default=-1))


def _is_complete(path: Path) -> bool:
    try:
        return isinstance(json.loads((path / COMPLETE_MARKER).read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False
