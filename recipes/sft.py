"""MRSI: supervised fine-tuning on multi-style reasoning schemas (MCR 4.1), on TRL's SFTTrainer.

    accelerate launch recipes/sft.py --config recipes/configs/mcr/sandbox_sft.yaml [--learning_rate 1e-3 ...]

Called again, it resumes from its last checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, run_command
from mcr.runs.config import parse_settings
from mcr.runs.run_folder import make_run_folder
from mcr.systems import transform_arguments
from mcr.systems.base import TargetTransform, TransformArguments

if TYPE_CHECKING:
    from mcr.prompts.settings import PromptSettings
    from mcr.training.callbacks.validation import HeldOutScores
    from mcr.training.checkpoints.identity import RunIdentity
    from mcr.training.trainer_configs import MrsiConfig


@dataclass
class MrsiArguments:
    """What MRSI needs besides the settings of its trainer and TRL's ModelConfig."""

    train_set: str = field(metadata={"help": "d1.parquet of mcr write-schemas; its mcr_prompt.json lies beside it"})
    image_root: str = field(metadata={"help": "folder that the image paths start from"})
    held_out: str | None = field(
        default=None, metadata={"help": "samples.jsonl to score greedily while training, e.g. dev.jsonl"}
    )
    held_out_steps: int = field(default=200, metadata={"help": "score them every N steps"})
    held_out_size: int = field(default=64, metadata={"help": "score the first N of them"})
    held_out_tokens: int = field(default=512, metadata={"help": "tokens a held-out completion"})
    max_sample_tokens: int | None = field(
        default=None, metadata={"help": "leave out samples of more tokens, images included; they are counted and reported"}
    )
    resume_with_changes: bool = field(
        default=False, metadata={"help": "resume in a folder whose run had other settings, data or weights"}
    )
    use_muon: bool = field(
        default=False, metadata={"help": "Muon for matrices (models trained from scratch), AdamW for the rest"}
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run goes by once everything but its model is checked.

    Attributes:
        train_set: of `check_rows`.
        prompts: saved with the model.
        processor: of the model.
        held_out: the callback that scores held-out samples, if any.
        identity: of the run.
        transform: of the targets, if any.
    """

    train_set: Any
    prompts: "PromptSettings"
    processor: Any
    held_out: "HeldOutScores | None"
    identity: "RunIdentity"
    transform: TargetTransform | None


SETTINGS = (MrsiArguments, *transform_arguments(), "mcr.training.trainer_configs.MrsiConfig", "trl.ModelConfig")


def make_transform(transforms: Sequence[TransformArguments], config: "MrsiConfig") -> TargetTransform | None:
    """Return the target transform that the flags of a system ask for.

    Raises:
        ConfigError: several are asked for, or workers would not learn of a new epoch.
    """
    asked = [one for arguments in transforms if (one := arguments.make_transform(config.seed)) is not None]
    if len(asked) > 1:
        names = ", ".join(type(one).__name__ for one in asked)
        raise ConfigError(f"sft: got the target transforms {names}, expected at most one. Unset the flags of the others.")
    if asked and config.dataloader_persistent_workers:
        raise ConfigError(
            "sft: workers that persist do not learn of the next epoch's targets. Unset dataloader_persistent_workers."
        )
    return asked[0] if asked else None


def prepare(settings: tuple[Any, ...]) -> Prepared:
    """Read and check everything that a run depends on, before a model is loaded.

    Args:
        settings: of `parse_settings`.

    Raises:
        McrError: the run would fail, or its folder holds another run.
    """
    from mcr.models.load import check_frame, family_of_model, processor_for_training
    from mcr.prompts.settings import PromptSettings
    from mcr.training.callbacks.validation import make_held_out_scores
    from mcr.training.checkpoints.identity import check_same_run, identify_run
    from mcr.training.data import check_rows, image_paths, read_rows

    arguments, *transforms, config, model_arguments = settings
    if arguments.use_muon and model_arguments.use_peft:
        raise ConfigError("sft: use_muon trains the model's own matrices, use_peft freezes them. Choose one.")
    transform = make_transform(transforms, config)
    name, path, image_root = model_arguments.model_name_or_path, Path(arguments.train_set), Path(arguments.image_root)
    rows = read_rows(path, needs_completion=True)
    processor = processor_for_training(model_arguments, trust_remote_code=config.trust_remote_code)
    prompts = PromptSettings.load(path.parent)
    check_frame(prompts.frame, processor, family_of_model(name))
    train_set = check_rows(rows, image_root, processor=processor, frame=prompts.frame)
    held_out = make_held_out_scores(
        arguments.held_out,
        prompts,
        image_root,
        size=arguments.held_out_size,
        every=arguments.held_out_steps,
        max_new_tokens=arguments.held_out_tokens,
        processor=processor,
    )
    source = {"model": name, "revision": model_arguments.model_revision, "train_set": path, "image_root": image_root}
    made_of = identify_run(settings, **source, images=image_paths(train_set), prompts=prompts)
    identity = check_same_run(Path(config.output_dir), made_of, with_changes=arguments.resume_with_changes)
    return Prepared(train_set, prompts, processor, held_out, identity, transform)


def main(argv: list[str] | None = None) -> None:
    """Check the data, load the model, train, save it with its processor and prompt settings."""
    arguments, *_, config, model_arguments = settings = parse_settings(SETTINGS, argv)
    from transformers import set_seed
    from trl.trainer.utils import get_peft_config

    from mcr.models.load import load_for_training
    from mcr.training.callbacks.curves import EpochOf
    from mcr.training.data import for_fine_tuning
    from mcr.training.lengths import without_long_samples
    from mcr.training.optimizer import MuonWithAdamW
    from mcr.training.run import run_callbacks, train_and_save
    from mcr.training.sft import MrsiTrainer

    ready = prepare(settings)
    out, image_root, train_set = Path(config.output_dir), Path(arguments.image_root), ready.train_set
    make_run_folder(out)
    set_seed(config.seed)
    if arguments.max_sample_tokens is not None:
        train_set = without_long_samples(train_set, arguments.max_sample_tokens, ready.processor, image_root)
    model = load_for_training(model_arguments, trust_remote_code=config.trust_remote_code)
    optimizer = MuonWithAdamW(model.named_parameters(), config.learning_rate) if arguments.use_muon else None
    config.remove_unused_columns = False  # the training set gives what the trainer takes; gold is needed on the way
    trainer = MrsiTrainer(
        model=model,
        args=config,
        train_dataset=for_fine_tuning(train_set, image_root, ready.transform),
        processing_class=ready.processor,
        peft_config=get_peft_config(model_arguments),
        callbacks=run_callbacks(out, ready.held_out, *([] if ready.transform is None else [EpochOf(ready.transform)])),
        optimizers=(optimizer, None),
    )
    train_and_save(trainer, "sft", settings, ready.prompts, ready.identity)


if __name__ == "__main__":
    run_command(main)
