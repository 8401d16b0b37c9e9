"""CVO: GRPO with the five verifiable rewards (MCR 4.2), on TRL's GRPOTrainer.

    accelerate launch recipes/grpo.py --config recipes/configs/mcr/sandbox_grpo.yaml [--learning_rate 1e-5 ...]

Called again, it resumes from its last checkpoint.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, run_command
from mcr.runs.config import parse_settings
from mcr.runs.run_folder import make_run_folder
from rewards.arguments import RewardArguments
from rewards.for_trl import WeightedRewards, weighted_rewards
from rewards.options import RewardOptions
from rewards.parts import PARTS

if TYPE_CHECKING:
    from mcr.prompts.settings import PromptSettings
    from mcr.training.callbacks.validation import HeldOutScores
    from mcr.training.checkpoints.identity import RunIdentity
    from mcr.training.trainer_configs import CvoConfig


@dataclass
class CvoArguments:
    """What CVO needs besides the settings of its trainer, of the rewards and TRL's ModelConfig."""

    train_set: str = field(metadata={"help": "kept.parquet of mcr filter, or d2.parquet unfiltered"})
    image_root: str = field(metadata={"help": "folder that the image paths start from"})
    dynamic_sampling_rounds: int = field(default=0, metadata={"help": "replace groups without spread in up to N rounds"})
    held_out: str | None = field(
        default=None, metadata={"help": "samples.jsonl to score greedily while training, e.g. dev.jsonl"}
    )
    resume_with_changes: bool = field(
        default=False, metadata={"help": "resume in a folder whose run had other settings, data or weights"}
    )
    held_out_steps: int = field(default=50, metadata={"help": "score them every N steps"})
    held_out_size: int = field(default=64, metadata={"help": "score the first N of them"})
    max_unreadable: float = field(default=0.9, metadata={"help": "stop above this share of unreadable completions"})
    min_entropy: float | None = field(default=None, metadata={"help": "stop below this entropy, nats a token"})
    max_entropy: float | None = field(default=None, metadata={"help": "stop above this entropy, nats a token"})
    max_clipped: float | None = field(default=None, metadata={"help": "stop above this share of completions cut at the limit"})
    collapse_patience: int = field(default=5, metadata={"help": "stop when a bound is passed in N logs in a row"})
    shared_prefix: str = field(default="auto", metadata={"help": "forward each group's prompt once: auto, on, off"})
    shared_prefix_attention: str = field(default="segments", metadata={"help": "segments, or flex (GPUs alone)"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run goes by once everything but its model is checked.

    Attributes:
        train_set: of `check_rows`.
        prompts: saved with the model.
        processor: of the model.
        held_out: the callback that scores held-out samples, if any.
        identity: of the run.
        rewards: as TRL takes them.
    """

    train_set: Any
    prompts: "PromptSettings"
    processor: Any
    held_out: "HeldOutScores | None"
    identity: "RunIdentity"
    rewards: WeightedRewards


SETTINGS = (CvoArguments, RewardArguments, "mcr.training.trainer_configs.CvoConfig", "trl.ModelConfig")


def check_rewards(arguments: RewardArguments, config: "CvoConfig", train_set: Path) -> RewardOptions:
    """Return the reward options, equal to those that the kept set was filtered with.

    Raises:
        ConfigError: they differ, a value does not fit, or TRL's reward_weights are set, which would be overwritten.
    """
    from mcr.training.data import read_reward_record

    options = arguments.options()
    if config.reward_weights is not None:
        flags = ", ".join(f"{part}_weight" for part in PARTS)
        raise ConfigError(f"reward_weights: got {config.reward_weights}, expected none. Weights have names here: set {flags}.")
    here = options.to_dict()
    there = read_reward_record(train_set) if train_set.is_file() else None
    differing = [name for name in here if there is not None and there.get(name) != here[name]]
    if there is not None and differing:
        values = ", ".join(f"{name} {there.get(name)} there and {here[name]} here" for name in differing)
        raise ConfigError(
            f"train_set: {train_set} was filtered with other reward options ({values}). Give mcr grpo the filter's, or call "
            "mcr filter again with these (weights alone cost no sampling)."
        )
    return options


def check_enough_prompts(num_prompts: int, config: "CvoConfig") -> None:
    """Refuse a set that does not fill one generation batch: TRL would make no step and say nothing.

    Raises:
        ConfigError: fewer prompts than a batch holds groups.
    """
    num_completions = config.generation_batch_size or 0  # set once the config is built
    needed = num_completions // (config.num_generations or 1)
    if num_prompts < needed:
        raise ConfigError(
            f"train_set: got {num_prompts} prompts, expected at least {needed}, which one generation batch of "
            f"{num_completions} completions holds. Widen the filter's rule, filter more prompts, or lower "
            "per_device_train_batch_size."
        )


def check_images_are_there(train_set: Any) -> None:
    """Refuse prompts without an image among prompts with one, which TRL's GRPOTrainer cannot put into one batch.

    Args:
        train_set: of `read_rows`.

    Raises:
        ConfigError: there are some.
    """
    ids, images = train_set.with_format(None)["sample_id"], train_set.with_format(None)["images"]
    bare = [sample_id for sample_id, paths in zip(ids, images, strict=True) if not paths]
    if bare and len(bare) < len(ids):
        raise ConfigError(
            f"train_set: {len(bare)} of {len(ids)} prompts have no image ({', '.join(bare[:3])}, ...), which GRPO cannot batch "
            "with those that have one. Leave them out, or train on them alone."
        )


def prompts_of(train_folder: Path, model: Path) -> "PromptSettings":
    """Return the prompt settings that training goes by: the training set's, or the model's where the set has none.

    A base model has none of its own (MCR Table 3, w/o MRSI).
    """
    from mcr.prompts.settings import SETTINGS_FILE, PromptSettings

    return PromptSettings.load(train_folder if (train_folder / SETTINGS_FILE).is_file() else model)


def prepare(settings: tuple[Any, ...]) -> Prepared:
    """Read and check everything that a run depends on, before a model is loaded.

    Args:
        settings: of `parse_settings`.

    Raises:
        McrError: the run would fail, or its folder holds another run.
    """
    from trl.trainer.utils import get_peft_config

    from mcr.models.load import check_frame, family_of_model, load_config, processor_for_training
    from mcr.training.callbacks.validation import make_held_out_scores
    from mcr.training.checkpoints.identity import check_same_run, identify_run
    from mcr.training.data import check_rows, image_paths, read_rows
    from mcr.training.grpo_checks import check_vllm_gets_adapter, forbid_vision_tokens

    arguments, reward_arguments, config, model_arguments = settings
    name, path, image_root = model_arguments.model_name_or_path, Path(arguments.train_set), Path(arguments.image_root)
    rewards = weighted_rewards(check_rewards(reward_arguments, config, path))
    rows = read_rows(path, needs_completion=False)
    check_enough_prompts(len(rows), config)
    check_images_are_there(rows)
    processor = processor_for_training(model_arguments, trust_remote_code=config.trust_remote_code)
    prompts, family = prompts_of(path.parent, Path(name)), family_of_model(name)
    check_frame(prompts.frame, processor, family)
    check_vllm_gets_adapter(config, name, get_peft_config(model_arguments), revision=model_arguments.model_revision)
    train_set = check_rows(rows, image_root, processor=processor, frame=prompts.frame)
    held_out = make_held_out_scores(
        arguments.held_out,
        prompts,
        image_root,
        size=arguments.held_out_size,
        every=arguments.held_out_steps,
        max_new_tokens=config.max_completion_length,
        processor=processor,
    )
    source = {"model": name, "revision": model_arguments.model_revision, "train_set": path, "image_root": image_root}
    made_of = identify_run(settings, **source, images=image_paths(train_set), prompts=prompts)
    identity = check_same_run(Path(config.output_dir), made_of, with_changes=arguments.resume_with_changes)
    forbid_vision_tokens(config, processor, family, load_config(name))
    return Prepared(train_set, prompts, processor, held_out, identity, rewards)


def main(argv: list[str] | None = None) -> None:
    """Check the data, load the model that MRSI saved, optimise, save."""
    arguments, _, config, model_arguments = settings = parse_settings(SETTINGS, argv)
    from trl.trainer.utils import get_peft_config

    from mcr.models.load import load_for_training
    from mcr.training.callbacks.collapse import CollapseBounds, CollapseGuard
    from mcr.training.external_errors import explain_external_errors, uses_server
    from mcr.training.grpo import CvoTrainer
    from mcr.training.run import run_callbacks, train_and_save

    ready = prepare(settings)
    out = Path(config.output_dir)
    make_run_folder(out)
    model = load_for_training(model_arguments, trust_remote_code=config.trust_remote_code)
    config.reward_weights = ready.rewards.weights
    bounds = CollapseBounds(
        arguments.max_unreadable,
        arguments.min_entropy,
        arguments.max_entropy,
        arguments.max_clipped,
        arguments.collapse_patience,
    )
    with explain_external_errors(out, is_served=uses_server(config)):
        trainer = CvoTrainer(
            model=model,
            reward_funcs=ready.rewards.functions,
            args=config,
            train_dataset=ready.train_set,
            processing_class=ready.processor,
            peft_config=get_peft_config(model_arguments),
            callbacks=run_callbacks(out, ready.held_out, CollapseGuard(out, bounds)),
            scorer=ready.rewards.scorer,
            shared_prefix=arguments.shared_prefix,
            shared_prefix_attention=arguments.shared_prefix_attention,
            dynamic_sampling_rounds=arguments.dynamic_sampling_rounds,
        )
    train_and_save(trainer, "grpo", settings, ready.prompts, ready.identity)


if __name__ == "__main__":
    run_command(main)
