"""A training run from its last checkpoint to its saved model, with every way it can end in words."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests.exceptions import ConnectionError as ServerGone
from transformers import TrainerCallback, TrainerState, TrainingArguments

from mcr.errors import DataError, McrError, Terminated
from mcr.training.checkpoint import TRAINER_STATE, best_checkpoint, copy_model, save_model_whole
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
    checkpoint = last_checkpoint(out)
    if checkpoint is not None and is_finished(Path(checkpoint), trainer.args):
        # transformers would make one step more.
        trainer.state = TrainerState.load_from_json(str(Path(checkpoint, TRAINER_STATE)))
        if trainer.accelerator.is_main_process:
            copy_model(Path(checkpoint), out / "model")
        trainer.accelerator.wait_for_everyone()
        tell_the_end(trainer, out)
        return
    with told_in_words(out):
        trainer.train(resume_from_checkpoint=checkpoint)
    if any(isinstance(one, StopOnSignal) and one.is_stopped for one in trainer.callback_handler.callbacks):
        raise Terminated(f"terminated at step {trainer.state.global_step}. {way_on(out)}")
    save_model_whole(trainer, out / "model")
    tell_the_end(trainer, out)


def is_finished(checkpoint: Path, args: TrainingArguments) -> bool:
    """Return whether a checkpoint is of the last step that the settings ask for."""
    state = json.loads((checkpoint / TRAINER_STATE).read_text(encoding="utf-8"))
    if args.max_steps > 0:
        return state["global_step"] >= args.max_steps
    return state["num_train_epochs"] == math.ceil(args.num_train_epochs) and state["global_step"] >= state["max_steps"]


def tell_the_end(trainer: Any, out: Path) -> None:
    """Say where the model lies, and which checkpoint was the best; best.json says it, too."""
    best = best_checkpoint(trainer.state, out)
    if not trainer.accelerator.is_main_process:
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
