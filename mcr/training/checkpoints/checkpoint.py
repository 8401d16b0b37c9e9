"""Checkpoints that are whole or ignored, thinned by rule: the newest ones stay, and the best one by held-out F1."""

import shutil
from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from transformers.trainer import TRAINING_ARGS_NAME

from mcr.errors import ConfigError, McrError
from mcr.io.atomic_write import write_json
from mcr.prompts.settings import PromptSettings
from mcr.training.checkpoints.resume import (
    BEGUN_MARKER,
    COMPLETE_MARKER,
    TRAINER_STATE,
    checkpoints_in,
    read_marker,
    resume_hint,
    step_of,
)
from mcr.training.checkpoints.workers import WorkersOutliveSigterm
from mcr.training.external_errors import is_write_failure

if TYPE_CHECKING:
    from transformers.trainer import Trainer as TrainerBehind
else:
    TrainerBehind = object  # a mixin: the trainer comes behind it in the class that uses it

OF_TRAINING = ("optimizer", "scheduler", "scaler", "rng_state", "rollouts-", "latest", "zero_to_fp32")
OF_TRAINING += (TRAINER_STATE, COMPLETE_MARKER, BEGUN_MARKER, "pytorch_model_fsdp")


class SafeCheckpoints(TrainerBehind):
    """Mixin in front of a trainer: a checkpoint counts once every process has written its part.

    transformers deletes old checkpoints before others can know that the new one is whole; here they go afterwards.

    Attributes:
        prompt_settings: saved in each checkpoint, so that it can be evaluated like a model folder.
        best: step and held-out F1 of the best checkpoint, which HeldOutScores sets; part of each checkpoint.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prompt_settings: PromptSettings | None = None
        self.best: dict[str, Any] | None = None
        self.saved_step = -1
        self.workers = WorkersOutliveSigterm()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # transformers removes old checkpoints here, before other processes have written their part of the new one.
        if self.saved_step == self.state.global_step:  # at the end of an epoch, and because somebody asked for it
            return
        folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            if self.args.should_save and folder.exists():
                shutil.rmtree(folder)  # of a run that was cut off; what lies there must not mix with this
            if self.args.should_save:
                folder.mkdir(parents=True)
                (folder / BEGUN_MARKER).touch()
            self.accelerator.wait_for_everyone()
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
        self.accelerator.wait_for_everyone()
        self.saved_step = self.state.global_step
        if not self.args.load_best_model_at_end:
            self.state.best_model_checkpoint = None  # else transformers removes the last checkpoint where one alone is kept
        if self.args.should_save:
            write_json(folder / COMPLETE_MARKER, {"step": self.state.global_step, **self.describe_state()})
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            kept = {self.best["step"] if self.best else None, self.state.best_global_step}
            thin_checkpoints(folder.parent, limit, kept)

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **settings: Any) -> Any:
        """Train, from a checkpoint with what its marker says.

        Raises:
            ConfigError: settings whose checkpoints no run could resume from.
        """
        # transformers knows neither the marker nor what a trainer holds besides its own state.
        if self.args.save_only_model or self.args.auto_find_batch_size:
            raise ConfigError("save_only_model, auto_find_batch_size: a run could not be resumed as it was. Set both to false.")
        _know_devices_of_cpus()
        if isinstance(resume_from_checkpoint, str):
            self.restore_state(Path(resume_from_checkpoint))
        with self.workers.training():
            return super().train(resume_from_checkpoint, *args, **settings)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # transformers leaves a pickle of all settings, a hub token among them, that nothing reads.
        super()._save(output_dir, state_dict)
        Path(output_dir or str(self.args.output_dir), TRAINING_ARGS_NAME).unlink(missing_ok=True)

    def get_train_dataloader(self) -> Any:
        """Return the data loader, its workers proof against SIGTERM."""
        # The workers of torch's loader end at a SIGTERM to the group, before the step under way has its data.
        return self.workers.prepare(super().get_train_dataloader())

    def save_state_of_process(self, folder: Path) -> None:
        """Write what this trainer holds besides weights, optimizer, scheduler and random states."""

    def describe_state(self) -> dict[str, Any]:
        """Return what the marker says of a checkpoint."""
        return {"num_processes": self.accelerator.num_processes, "best": self.best}

    def restore_state(self, checkpoint: Path) -> None:
        """Take up what `describe_state` and `save_state_of_process` wrote.

        Raises:
            ConfigError: this process does not see the checkpoint that the main process resumes from.
        """
        marker = read_marker(checkpoint)
        if marker is None:
            raise ConfigError(f"output_dir: {checkpoint} is not seen by every machine. Name a folder that all of them share.")
        self.best, self.saved_step = marker.get("best"), marker["step"]

    def _unwritten(self, folder: Path, error: Exception) -> McrError:
        if self.args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
        free_gb = shutil.disk_usage(folder.parent).free / 1e9
        return McrError(
            f"checkpoint: {folder} could not be written ({error}); {free_gb:.1f} GB are free there. Free some, lower "
            f"save_total_limit, or name another output_dir. {resume_hint(folder.parent)}"
        )


@cache
def _know_devices_of_cpus() -> None:
    """Several processes without GPUs get devices named cpu:0, which torch.load does not know; telling it twice is an error."""
    torch.serialization.register_package(15, lambda storage: None, _keep_on_cpu)


def _keep_on_cpu(storage: Any, location: str) -> Any:
    return storage if location.startswith("cpu:") else None


def thin_checkpoints(out: Path, limit: int | None, kept_steps: Container[int | None] = ()) -> None:
    """Remove all checkpoints but the newest `limit` complete ones and those of `kept_steps`; None: remove none.

    The marker goes first: a checkpoint whose removal is cut off counts as incomplete. What the file system will not give up,
    because somebody reads it, is left for the next time.
    """
    if limit is None or limit < 1:
        return
    found = checkpoints_in(out)
    complete = [path for path in found if (path / COMPLETE_MARKER).is_file()]
    cut_off = [path for path in found if path not in complete and (path / BEGUN_MARKER).is_file()]
    old = [path for path in complete[:-limit] if step_of(path) not in kept_steps]
    for path in [*old, *(path for path in cut_off if step_of(path) < step_of(complete[-1]))]:
        try:
            (path / COMPLETE_MARKER).unlink(missing_ok=True)
            shutil.rmtree(path)
        except OSError as error:
            print(f"warning: {path} is left for now ({error})", flush=True)


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
        check_weights_are_whole(partial)
        put_in_place(partial, model_folder)
    trainer.accelerator.wait_for_everyone()


def copy_model(checkpoint: Path, model_folder: Path) -> None:
    """Make a checkpoint's model, processor and prompt settings the saved model, complete or not at all.

    Raises:
        McrError: the checkpoint has its weights in pieces.
    """
    check_weights_are_whole(checkpoint)
    partial = model_folder.with_name(model_folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for path in checkpoint.iterdir():
        if path.is_file() and not path.name.startswith(OF_TRAINING):
            shutil.copyfile(path, partial / path.name)
    put_in_place(partial, model_folder)


def check_weights_are_whole(folder: Path) -> None:
    """Refuse a folder whose weights were left in pieces.

    Raises:
        McrError: it holds no safetensors.
    """
    if not any(folder.glob("*.safetensors")):
        raise McrError(
            f"model: {folder} holds no whole weights. Let them be gathered when they are saved: zero3_save_16bit_model, or "
            "stage3_gather_16bit_weights_on_model_save in a DeepSpeed JSON, or FULL_STATE_DICT for FSDP, as in launch/."
        )


def put_in_place(partial: Path, model_folder: Path) -> None:
    """Let a complete folder take the model folder's place."""
    old = model_folder.with_name(model_folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if model_folder.exists():
        model_folder.rename(old)
    partial.rename(model_folder)
    shutil.rmtree(old, ignore_errors=True)
