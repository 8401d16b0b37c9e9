"""A training run from its last checkpoint to its saved model, with every way it can end in words."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests.exceptions import ConnectionError as ServerGone
from transformers import TrainerCallback

from mcr.errors import DataError, McrError, Terminated
from mcr.training.checkpoint import best_checkpoint, save_model_whole
from mcr.training.finite_steps import FiniteSteps
from mcr.training.resume import last_checkpoint, way_on
from mcr.training.stop import StopOnSignal
from mcr.whole_file import write_json

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
    with told_in_words(out):
        trainer.train(resume_from_checkpoint=last_checkpoint(out))
    is_main = trainer.accelerator.is_main_process
    if any(isinstance(one, StopOnSignal) and one.is_stopped for one in trainer.callback_handler.callbacks):
        raise Terminated(f"terminated at step {trainer.state.global_step}. {way_on(out)}")
    save_model_whole(trainer, out / "model")
    best = best_checkpoint(trainer.state, out)
    if not is_main:
        return
    print(f"model saved to {out / 'model'}")
    if best is not None:
        write_json(out / "best.json", best)
        print(f"best by held-out GMNER F1: step {best['step']}, {best['held_out/gmner_f1']:.4f}, {best['checkpoint']}")


@contextmanager
def told_in_words(out: Path) -> Iterator[None]:
    """Turn what can go wrong outside the program into errors that say what to do."""
    try:
        yield
    except DataError as error:
        # A worker's error arrives with its traceback in front; the message is what stands after the class's name.
        text = str(error).rsplit("DataError: ", 1)[-1].strip()
        raise DataError(f"while training: {text} {way_on(out)}") from error
    except ServerGone as error:
        raise McrError(
            f"the vLLM server does not answer any more ({error}). Start it again (launch/vllm_server.sh). {way_on(out)}"
        ) from error
    except RuntimeError as error:
        died = WORKER_DIED.search(str(error))
        if died is None:
            raise
        raise McrError(
            f"a process that loads images died ({died.group(1)}), often for want of memory. Lower dataloader_num_workers, or "
            f"give the machine more memory. {way_on(out)}"
        ) from error
