"""Going on where a run was stopped."""

import shutil
from pathlib import Path

COMPLETE_MARKER = "trainer_state.json"


def last_checkpoint(out: Path) -> str | None:
    """Return the newest complete checkpoint of a run folder; half-written ones are removed.

    The trainer writes trainer_state.json last, so a checkpoint without it was cut off.
    """
    checkpoints = [path for path in out.glob("checkpoint-*") if path.name.split("-")[-1].isdigit()]
    for path in checkpoints:
        if not (path / COMPLETE_MARKER).is_file():
            shutil.rmtree(path)
    complete = [path for path in checkpoints if path.is_dir()]
    if not complete:
        return None
    newest = max(complete, key=lambda path: int(path.name.split("-")[-1]))
    print(f"going on from {newest}")
    return str(newest)
