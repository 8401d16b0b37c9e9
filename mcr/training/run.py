"""A training run from its callbacks to its saved model, the same for MRSI and CVO."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from mcr.errors import ConfigError, Terminated
from mcr.io.atomic_write import write_json
from mcr.prompts.settings import PromptSettings
from mcr.runs.run_folder import write_run_record
from mcr.training.callbacks.curves import Curves, MetricsFile
from mcr.training.callbacks.finite_steps import FiniteSteps
from mcr.training.callbacks.stop import StopOnSignal
from mcr.training.callbacks.validation import HeldOutScores
from mcr.training.checkpoints.checkpoint import copy_model, save_model_whole
from mcr.training.checkpoints.identity import RunIdentity
from mcr.training.checkpoints.resume import last_checkpoint, resume_hint, step_of
from mcr.training.external_errors import explain_external_errors, uses_server


def run_callbacks(out: Path, held_out: HeldOutScores | None, *more: TrainerCallback) -> list[TrainerCallback]:
    """Return the callbacks of every training run with those of one recipe, in the order that they need.

    Bad steps are left out before anything is scored; scores are logged before the metrics file and the curves of the step;
    a signal stops the run last.
    """
    validation = [] if held_out is None else [held_out]
    return [FiniteSteps(out), *validation, MetricsFile(out / "metrics.jsonl"), Curves(out), *more, StopOnSignal()]


def train_and_save(
    trainer: Any, recipe: str, settings: tuple[Any, ...], prompt_settings: PromptSettings, identity: RunIdentity
) -> None:
    """Write the run's record, train from the newest complete checkpoint, save the model, and report the best checkpoint.

    A run that is finished keeps the record of the settings it was trained under.

    Args:
        trainer: a `MrsiTrainer` or `CvoTrainer` with the callbacks of `run_callbacks`.
        recipe: its name, for the record.
        settings: the recipe's resolved settings, for the record.
        prompt_settings: saved beside the model and in each checkpoint.
        identity: of the run, checked against the folder.

    Raises:
        ConfigError: settings were changed for a run that is finished, so that nothing would be trained under them.
        Terminated: SIGTERM came; a checkpoint was written.
        McrError: a broken image, a lost worker or server, a full disk; says from where the same command resumes.
    """
    out, callbacks = Path(trainer.args.output_dir), trainer.callback_handler.callbacks
    trainer.prompt_settings = prompt_settings
    for callback in callbacks:
        if isinstance(callback, HeldOutScores):
            callback.trainer = trainer
    # The main process alone looks for checkpoints: on a shared file system other processes may not see yet what it sees.
    checkpoint = broadcast_object_list([last_checkpoint(out) if trainer.accelerator.is_main_process else None])[0]
    with explain_external_errors(out, is_served=uses_server(trainer.args)):
        finished = Path(checkpoint) if checkpoint is not None and is_finished(trainer, Path(checkpoint)) else None
        if finished is not None and identity.changes:
            raise ConfigError(
                f"resume_with_changes: the run in {out} is finished, so nothing would be trained with what changed "
                f"({'; '.join(identity.changes)}). Raise max_steps or num_train_epochs, or name another output_dir."
            )
        if trainer.accelerator.is_main_process and not (finished is not None and (out / "run.json").is_file()):
            write_run_record(out, recipe, settings, trainer.args.seed)
            identity.save(out)
            for change in identity.changes:
                print(f"warning: resuming with a change, {change}", flush=True)
        if finished is not None:
            save_finished(trainer, finished, out)
        else:
            trainer.train(resume_from_checkpoint=checkpoint)
            if is_stopped(callbacks):
                raise Terminated(f"terminated at step {trainer.state.global_step}. {resume_hint(out)}")
            save_model_whole(trainer, out / "model")
        report_end(trainer, out)


def is_stopped(callbacks: Sequence[TrainerCallback]) -> bool:
    """Return whether SIGTERM ended training."""
    return any(isinstance(callback, StopOnSignal) and callback.is_stopped for callback in callbacks)


def is_finished(trainer: Any, checkpoint: Path) -> bool:
    """Return whether a checkpoint is of the last step that the settings ask for; there transformers would make one more."""
    total = trainer.args.max_steps
    if total <= 0:
        with torch.random.fork_rng():  # a sampler may draw its seed
            total = trainer.set_initial_training_values(trainer.args, trainer.get_train_dataloader())[-1]
    return step_of(checkpoint) >= total


def save_finished(trainer: Any, checkpoint: Path, out: Path) -> None:
    """Make the last checkpoint of a finished run its model."""
    trainer.restore_state(checkpoint)
    if trainer.accelerator.is_main_process:
        copy_model(checkpoint, out / "model")
    trainer.accelerator.wait_for_everyone()


def report_end(trainer: Any, out: Path) -> None:
    """Print where the model is and which checkpoint was the best; best.json has the latter, too."""
    if not trainer.accelerator.is_main_process:
        return
    print(f"model saved to {out / 'model'}")
    if trainer.best is not None:
        best = {**trainer.best, "checkpoint": str(out / f"checkpoint-{trainer.best['step']}")}
        write_json(out / "best.json", best)
        measures = ", ".join(f"{name} {value:.4f}" for name, value in trainer.best.items() if name != "step")
        print(f"best of the checkpoints: step {best['step']}, {measures}, {best['checkpoint']}")
