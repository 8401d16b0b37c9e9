"""Checkpoints that are whole or ignored, thinned by rule: the newest ones stay, and the best one by held-out F1."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from mcr.errors import McrError
from mcr.prompts import PromptSettings
from mcr.training.resume import COMPLETE_MARKER, way_on
from mcr.training.stop import ignore_in_workers
from mcr.whole_file import write_json

TRAINER_STATE = "trainer_state.json"
OF_TRAINING = ("optimizer", "scheduler", "scaler", "rng_state", "rollouts-", "latest", "zero_to_fp32")
OF_TRAINING += (TRAINER_STATE, COMPLETE_MARKER)
TORCH_WRITE_FAILURES = ("PytorchStreamWriter", "inline_container", "open file failed", "cannot be opened")


class SafeCheckpoints:
    """Mixin in front of a trainer: a checkpoint counts once every process has written its part.

    transformers deletes old checkpoints before others can know that the new one is whole; here they go afterwards.

    Attributes:
        prompt_settings: saved in each checkpoint, so that it can be evaluated like a model folder.
    """

    prompt_settings: PromptSettings | None = None

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            if self.args.should_save:
                (folder / COMPLETE_MARKER).unlink(missing_ok=True)
            super()._save_checkpoint(model, trial)
            self.save_state_of_process(folder)
            if self.args.should_save and self.prompt_settings is not None:
                self.prompt_settings.save(folder)
        except (OSError, SafetensorError, RuntimeError) as error:
            if not is_write_failure(error):
                raise
            raise self._unwritten(folder, error) from error
        finally:
            self.args.save_total_limit = limit
        self.state.best_model_checkpoint = None  # else transformers removes the last one at the end where one alone is kept
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            write_json(folder / COMPLETE_MARKER, {"step": self.state.global_step, **self.describe_state()})
            thin_checkpoints(folder.parent, limit, self.state.best_global_step)

    def train(self, *args: Any, **settings: Any) -> Any:
        """Train; several processes without GPUs get devices named cpu:0, which torch.load does not know."""
        torch.serialization.register_package(15, lambda storage: None, _keep_on_cpu)
        return super().train(*args, **settings)

    def get_train_dataloader(self) -> Any:
        """Return the data loader, its workers proof against SIGTERM."""
        return ignore_in_workers(super().get_train_dataloader())

    def save_state_of_process(self, folder: Path) -> None:
        """Write what this trainer holds besides weights, optimizer, scheduler and random states."""

    def describe_state(self) -> dict[str, Any]:
        """Return what the marker says of a checkpoint."""
        return {"num_processes": self.accelerator.num_processes}

    def _unwritten(self, folder: Path, error: Exception) -> McrError:
        if self.args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
        free_gb = shutil.disk_usage(folder.parent).free / 1e9
        return McrError(
            f"checkpoint: {folder} could not be written ({error}); {free_gb:.1f} GB are free there. Free some, lower "
            f"save_total_limit, or name another output_dir. {way_on(folder.parent)}"
        )


def _keep_on_cpu(storage: Any, location: str) -> Any:
    return storage if location.startswith("cpu:") else None


def is_write_failure(error: Exception) -> bool:
    """Tell a file that could not be written from other errors; torch raises RuntimeError for both."""
    return not isinstance(error, RuntimeError) or any(part in str(error) for part in TORCH_WRITE_FAILURES)


def thin_checkpoints(out: Path, limit: int | None, best_step: int | None) -> None:
    """Remove all complete checkpoints but the newest `limit` ones and the best; None: remove none.

    The marker goes first: a checkpoint whose removal is cut off counts as incomplete.
    """
    if limit is None or limit < 1:
        return
    found = sorted((path for path in out.glob("checkpoint-*") if (path / COMPLETE_MARKER).is_file()), key=_step_of)
    for path in found[:-limit]:
        if _step_of(path) != best_step:
            (path / COMPLETE_MARKER).unlink()
            shutil.rmtree(path)


def best_checkpoint(state: Any, out: Path) -> dict[str, Any] | None:
    """Return step, held-out F1 and folder of the best checkpoint; None without held-out scores.

    Args:
        state: the trainer's, whose best step HeldOutScores sets.
        out: the run folder.
    """
    if state.best_global_step is None:
        return None
    folder = out / f"checkpoint-{state.best_global_step}"
    return {"step": state.best_global_step, "held_out/gmner_f1": state.best_metric, "checkpoint": str(folder)}


def save_model_whole(trainer: Any, model_folder: Path) -> None:
    """Save the model, its processor and its prompt settings, complete or not at all; every process takes part."""
    partial = model_folder.with_name(model_folder.name + ".partial")
    is_main = trainer.accelerator.is_main_process
    if is_main:
        shutil.rmtree(partial, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    trainer.save_model(str(partial))
    trainer.accelerator.wait_for_everyone()
    if is_main:
        trainer.processing_class.save_pretrained(partial)
        trainer.prompt_settings.save(partial)
        put_in_place(partial, model_folder)
    trainer.accelerator.wait_for_everyone()


def copy_model(checkpoint: Path, model_folder: Path) -> None:
    """Make a checkpoint's model, processor and prompt settings the saved model, complete or not at all."""
    partial = model_folder.with_name(model_folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for path in checkpoint.iterdir():
        if path.is_file() and not path.name.startswith(OF_TRAINING):
            shutil.copyfile(path, partial / path.name)
    put_in_place(partial, model_folder)


def put_in_place(partial: Path, model_folder: Path) -> None:
    """Let a complete folder take the model folder's place."""
    shutil.rmtree(model_folder, ignore_errors=True)
    partial.rename(model_folder)


def _step_of(path: Path) -> int:
    return int(path.name.split("-")[-1])
