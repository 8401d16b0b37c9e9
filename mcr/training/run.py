"""A training run from its last checkpoint to its saved model, with every way it can end in words."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from requests.exceptions import ConnectionError as ServerGone
from safetensors import SafetensorError
from transformers import TrainerCallback

from mcr.errors import DataError, McrError, Terminated
from mcr.io.atomic_write import write_json
from mcr.training.callbacks.finite_steps import FiniteSteps
from mcr.training.callbacks.stop import StopOnSignal
from mcr.training.checkpoints.checkpoint import copy_model, save_model_whole
from mcr.training.checkpoints.resume import last_checkpoint, step_of, way_on

WORKER_DIED = re.compile(r"DataLoader worker \(pid\(?s?\)?.*?(exited unexpectedly|killed by signal[^.]*)", re.DOTALL)


def with_guards(callbacks: Sequence[TrainerCallback], out: Path) -> list[TrainerCallback]:
    """Return a recipe's callbacks between those of every training run, whose order matters."""
    return [FiniteSteps(out), *callbacks, StopOnSignal()]


def train_and_save(trainer: Any, out: Path) -> None:
    """Train from the newest complete checkpoint, save `out`/model, and tell of the best checkpoint by held-out F1.

    Raises:
        Terminated: SIGTERM came; a checkpoint was written.
        McrError: a broken image, a lost worker or server, a full disk; says from where the same command goes on.
    """
    # One process looks: on a shared file system others may not see yet what it sees.
    checkpoint = broadcast_object_list([last_checkpoint(out) if trainer.accelerator.is_main_process else None])[0]
    with told_in_words(out, is_served=is_served(trainer.args)):
        if checkpoint is not None and is_finished(trainer, Path(checkpoint)):
            take_finished(trainer, Path(checkpoint), out)
        else:
            trainer.train(resume_from_checkpoint=checkpoint)
            if any(isinstance(one, StopOnSignal) and one.is_stopped for one in trainer.callback_handler.callbacks):
                raise Terminated(f"terminated at step {trainer.state.global_step}. {way_on(out)}")
            save_model_whole(trainer, out / "model")
        tell_the_end(trainer, out)


def is_served(config: Any) -> bool:
    """Return whether rollouts come from TRL's vLLM server."""
    return getattr(config, "use_vllm", False) and config.vllm_mode == "server"


def is_finished(trainer: Any, checkpoint: Path) -> bool:
    """Return whether a checkpoint is of the last step that the settings ask for; there transformers would make one more."""
    total = trainer.args.max_steps
    if total <= 0:
        with torch.random.fork_rng():  # a sampler may draw its seed
            total = trainer.set_initial_training_values(trainer.args, trainer.get_train_dataloader())[-1]
    return step_of(checkpoint) >= total


def take_finished(trainer: Any, checkpoint: Path, out: Path) -> None:
    """Make the last checkpoint of a finished run its model."""
    trainer.restore_state(checkpoint)
    if trainer.accelerator.is_main_process:
        copy_model(checkpoint, out / "model")
    trainer.accelerator.wait_for_everyone()


def tell_the_end(trainer: Any, out: Path) -> None:
    """Say where the model lies, and which checkpoint was the best; best.json says it, too."""
    if not trainer.accelerator.is_main_process:
        return
    print(f"model saved to {out / 'model'}")
    if trainer.best is not None:
        best = {**trainer.best, "checkpoint": str(out / f"checkpoint-{trainer.best['step']}")}
        write_json(out / "best.json", best)
        measures = ", ".join(f"{name} {value:.4f}" for name, value in trainer.best.items() if name != "step")
        print(f"best of the checkpoints: step {best['step']}, {measures}, {best['checkpoint']}")


@contextmanager
def told_in_words(out: Path, *, is_served: bool = False) -> Iterator[None]:
    """Turn what can go wrong outside the program into errors that say what to do.

    Args:
        out: the run folder.
        is_served: rollouts come from TRL's vLLM server.
    """
    try:
        yield
    except Exception as error:
        words = _in_words(error, out, is_served)
        if words is None:
            raise
        raise words from error


def _in_words(error: Exception, out: Path, is_served: bool) -> McrError | None:
    """Return what to tell instead of an error that comes from outside, None for others."""
    text, died = str(error), WORKER_DIED.search(str(error))
    if isinstance(error, DataError):
        # A worker's error arrives with its traceback in front; the message is what stands after the class's name.
        return DataError(f"while training: {text.rsplit('DataError: ', 1)[-1].strip()} {way_on(out)}")
    if is_served and text.startswith("Request failed"):
        return McrError(f"the vLLM server refused ({text}). Its own log says why. {way_on(out)}")
    if is_served and isinstance(error, ServerGone | ConnectionError):
        return McrError(f"the vLLM server does not answer ({text}). Start it (launch/vllm_server.sh). {way_on(out)}")
    if isinstance(error, SafetensorError):
        return McrError(f"weights could not be written or read ({text}). Look at the disk of {out}. {way_on(out)}")
    if isinstance(error, RuntimeError) and died is not None:
        advice = "Lower dataloader_num_workers, or give the machine more memory."
        return McrError(f"a process that loads images died ({died[1]}), often for want of memory. {advice} {way_on(out)}")
    return None
