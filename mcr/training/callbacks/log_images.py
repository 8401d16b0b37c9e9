"""Pictures beside the curves: drawn samples go to the run folder and to whichever trackers `report_to` names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mcr.io.atomic_write import whole_file

TAG = "held_out/samples"


def save_picture(out: Path, step: int, picture: Image.Image) -> Path:
    """Write held_out/step-NNNNNN.png in the run folder and return its path."""
    path = out / "held_out" / f"step-{step:06d}.png"
    with whole_file(path) as partial:
        picture.save(partial)
    return path


def log_picture(trainer: Any, step: int, picture: Image.Image) -> None:
    """Give a picture to TensorBoard, W&B and trackio, where the trainer reports to them."""
    for name in trainer.args.report_to:
        sender = SENDERS.get(name)
        if sender is not None:
            sender(trainer, step, picture)


def _to_tensorboard(trainer: Any, step: int, picture: Image.Image) -> None:
    for callback in trainer.callback_handler.callbacks:
        writer = getattr(callback, "tb_writer", None)
        if writer is not None:
            writer.add_image(TAG, np.asarray(picture.convert("RGB")), step, dataformats="HWC")


def _to_wandb(trainer: Any, step: int, picture: Image.Image) -> None:
    import wandb  # pyright: ignore[reportMissingImports] installed by those who report to it

    if wandb.run is not None:
        wandb.log({TAG: wandb.Image(picture), "train/global_step": step})


def _to_trackio(trainer: Any, step: int, picture: Image.Image) -> None:
    import trackio  # pyright: ignore[reportMissingImports] installed by those who report to it

    trackio.log({TAG: trackio.Image(picture), "train/global_step": step})


SENDERS: dict[str, Callable[[Any, int, Image.Image], None]] = {
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
    "trackio": _to_trackio,
}
