"""What a training run is made of. A run folder takes one such run: other settings, data or weights need another folder."""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_json
from mcr.prompts.settings import PromptSettings
from mcr.runs.fingerprint import differences, file_hash, images_hash, read_fingerprint, text_hash, weights_hash
from mcr.runs.redaction import without_secrets
from mcr.training.checkpoints.resume import newest_complete, step_of

IDENTITY_FILE = "training.json"
# More of these continues a run. They change its schedule of the learning rate from where it resumes.
LENGTHS = ("max_steps", "num_train_epochs")
# Settings that change no number of a run, or that the identity holds in another form: files by their hashes, batches by rows.
WITHOUT_EFFECT = {
    *("output_dir", "image_root", "train_set", "held_out", "model_name_or_path", "resume_with_changes"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "steps_per_generation"),
    *("held_out_steps", "max_unreadable", "min_entropy", "max_entropy", "max_clipped", "collapse_patience"),
    *("shared_prefix", "shared_prefix_attention", "activation_offloading", "gradient_checkpointing"),
    *("gradient_checkpointing_kwargs", "torch_empty_cache_steps", "skip_memory_metrics", "debug", "local_rank", "project"),
    *("disable_tqdm", "report_to", "run_name", "log_level", "log_level_replica", "include_num_input_tokens_seen"),
    *("push_to_hub", "enable_jit_checkpoint", "restore_callback_states_from_checkpoint", "resume_from_checkpoint"),
    *("do_train", "do_eval", "do_predict", "prediction_loss_only", "batch_eval_metrics", "num_completions_to_print"),
    *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_prefetch_factor"),
    *("dataloader_multiprocessing_context", "dataloader_in_order", "dataset_num_proc", "deepspeed", "remove_unused_columns"),
    *("vllm_gpu_memory_utilization", "vllm_enable_sleep_mode", "vllm_tensor_parallel_size", "vllm_group_port", "use_cpu"),
    *("ds3_gather_for_generation", "cache_implementation", "metric_for_best_model", "greater_is_better", "trust_remote_code"),
    *("attn_implementation", "use_liger_kernel", "liger_kernel_config", "per_device_eval_batch_size"),
    *("include_for_metrics", "load_best_model_at_end", "full_determinism"),
}
PREFIXES_WITHOUT_EFFECT = ("logging_", "log_", "save_", "hub_", "trackio_", "eval_", "ddp_", "fsdp", "torch_compile")
PREFIXES_WITHOUT_EFFECT += ("vllm_server_",)


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What a run is made of, and what of it differs from the run that its folder holds.

    Attributes:
        rows: setting or file, and its value or hash.
        changes: differences from the folder's run, in words; empty where it is the same run or the folder holds none.
    """

    rows: Mapping[str, Any]
    changes: tuple[str, ...] = ()

    def save(self, out: Path) -> None:
        """Write it beside the run; for the main process."""
        write_json(out / IDENTITY_FILE, dict(self.rows))


def identify_run(
    settings: tuple[Any, ...],
    *,
    model: str,
    revision: str,
    train_set: Path,
    image_root: Path,
    images: Iterable[str],
    prompts: PromptSettings,
) -> dict[str, Any]:
    """Return what a run is made of.

    Args:
        settings: the resolved dataclasses of the recipe, as parsed.
        model: a folder or a name of the hub.
        revision: of a name of the hub.
        train_set: its Parquet file.
        image_root: the folder that image paths start from.
        images: the paths of the images of the training set.
        prompts: the prompt settings that are saved with the model.
    """
    config = next(one for one in settings if hasattr(one, "gradient_accumulation_steps"))
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    held_out = getattr(settings[0], "held_out", None)
    is_folder = Path(model).is_dir()
    return settings_rows(settings) | {
        "rows_a_step": config.per_device_train_batch_size * config.gradient_accumulation_steps * processes,
        "model_name_or_path": weights_hash(model) if is_folder else f"{model}@{revision}",
        "train_set": file_hash(train_set),
        "images": images_hash(image_root, images),
        "prompts": text_hash(json.dumps(prompts.to_dict())),
        "held_out": None if held_out is None else file_hash(held_out),
    }


def settings_rows(settings: tuple[Any, ...]) -> dict[str, Any]:
    """Return the settings of a recipe's dataclasses that have an effect on the numbers of its run, without secrets."""
    rows: dict[str, Any] = {}
    for one in settings:
        values = one.to_dict() if hasattr(one, "to_dict") else dataclasses.asdict(one)
        rows |= {name: value for name, value in without_secrets(values).items() if _has_effect(name)}
    return rows


def check_same_run(out: Path, rows: Mapping[str, Any], *, with_changes: bool) -> RunIdentity:
    """Return the run's identity, or refuse a folder that holds another run.

    Args:
        out: the run folder.
        rows: of `identify_run`.
        with_changes: resume all the same; the differences are printed by `train_and_save`.

    Raises:
        ConfigError: the folder's checkpoints or model were made with other settings, data or weights, or nothing says with which.
    """
    checkpoint = newest_complete(out)
    if checkpoint is None and not (out / "model").is_dir():
        return RunIdentity(rows)
    path = out / IDENTITY_FILE
    old = read_fingerprint(path)
    changes = {name: text for name, text in differences(path, rows).items() if not _is_longer(name, old or {}, rows)}
    if old is None:
        changes = {IDENTITY_FILE: f"it lacks {IDENTITY_FILE}, so nothing says with which settings it was made"}
    if changes and not with_changes:
        what = "a model" if checkpoint is None else f"a run up to step {step_of(checkpoint)}"
        raise ConfigError(
            f"output_dir: {out} holds {what} that was made otherwise ({'; '.join(changes.values())}). Name another folder, give "
            "the same settings, or resume from it with --resume_with_changes true."
        )
    return RunIdentity(rows, tuple(changes.values()))


def _has_effect(name: str) -> bool:
    return name not in WITHOUT_EFFECT and not name.startswith(PREFIXES_WITHOUT_EFFECT)


def _is_longer(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a setting is a length that was raised; a negative one asks for another setting and cannot be compared."""
    before, now = old.get(name), new.get(name)
    return name in LENGTHS and before is not None and now is not None and 0 < before <= now
