"""Settings of GRPO that have to fit each other, the model and the device, checked before the first step."""

import warnings
from typing import Any, cast

import torch
from trl.trainer.grpo_config import GRPOConfig

from mcr.errors import ConfigError
from mcr.families import ModelFamily
from mcr.models.adapters import changed_embeddings
from mcr.models.vision_tokens import NEVER_SAMPLED, vision_token_ids
from mcr.shared_prefix.attention import ATTENTIONS
from mcr.shared_prefix.support import why_unsupported

SHARED_PREFIX = ("auto", "on", "off")
# Settings of samplers that no forward of the trainer accounts for, and the value at which each does nothing.
NEUTRAL: dict[str, Any] = {
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "length_penalty", "typical_p", "top_h"), 1.0),
    **dict.fromkeys(("min_p", "presence_penalty", "frequency_penalty", "no_repeat_ngram_size"), 0),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff", "min_tokens", "min_new_tokens", "min_length"), 0),
    **dict.fromkeys(("bad_words", "bad_words_ids", "sequence_bias", "guidance_scale", "allowed_token_ids"), None),
}


def decide_shared_prefix(wanted: str, model: Any, config: GRPOConfig, num_generations: int) -> bool:
    """Return whether groups share a forward of their prompt.

    Raises:
        ConfigError: it is "on" and the model or the batch sizes do not allow it.
    """
    if wanted not in SHARED_PREFIX:
        raise ConfigError(f"shared_prefix: got {wanted!r}, expected one of {SHARED_PREFIX}.")
    reason = why_unsupported(model) or why_groups_are_cut(config.per_device_train_batch_size, num_generations)
    if wanted == "off" or not reason:
        return wanted != "off"
    if wanted == "on":
        raise ConfigError(f"shared_prefix: got 'on', but {reason}. Change that, or set shared_prefix to auto or off.")
    warnings.warn(f"shared_prefix: TRL's path is taken, which forwards each prompt G times: {reason}.", stacklevel=2)
    return False


def check_attention(attention: str, device: torch.device) -> None:
    """Refuse an attention that the device cannot train with.

    Raises:
        ConfigError: it is unknown, or "flex" without a GPU.
    """
    if attention not in ATTENTIONS:
        raise ConfigError(f"shared_prefix_attention: got {attention!r}, expected one of {ATTENTIONS}.")
    if attention == "flex" and device.type != "cuda":
        raise ConfigError(
            f"shared_prefix_attention: got 'flex' on {device.type!r}, but flex attention has a backward pass on GPUs alone. "
            "Set it to segments."
        )


def check_rounds(rounds: int, config: GRPOConfig, num_generations: int) -> int:
    """Return the rounds of dynamic sampling.

    Raises:
        ConfigError: fewer than none, or groups that are spread over processes.
    """
    rows = config.per_device_train_batch_size * cast(int, config.steps_per_generation)
    if rounds < 0 or (rounds and rows % num_generations):
        raise ConfigError(
            f"dynamic_sampling_rounds: got {rounds} with {rows} rows a process, expected 0 or more, and with more than 0 a "
            f"multiple of num_generations ({num_generations}) rows. Change per_device_train_batch_size."
        )
    return rounds


def why_groups_are_cut(batch_size: int, num_generations: int) -> str:
    """Return why a micro-batch cannot hold whole groups, with the settings that do, or nothing."""
    if batch_size % num_generations == 0:
        return ""
    below = batch_size // num_generations * num_generations
    fitting = " or ".join(str(size) for size in (below, below + num_generations) if size)
    return (
        f"per_device_train_batch_size {batch_size} does not hold whole groups of num_generations {num_generations}: set it to "
        f"{fitting} and gradient_accumulation_steps so that their product stays what it was"
    )


def biasing_settings(config: GRPOConfig) -> list[str]:
    """Return the settings under which completions are drawn from another distribution than the trainer's, with their values."""
    kwargs = cast(dict[str, Any], config.generation_kwargs or {})
    own = {name: getattr(config, name) for name in ("min_p", "repetition_penalty")}
    given = own | {name: value for name, value in kwargs.items() if name in NEUTRAL}
    found = [f"{name} {value}" for name, value in given.items() if value is not None and value != NEUTRAL[name]]
    biases = kwargs.get("logit_bias") or {}
    return found + [f"logit_bias of token {token}" for token, value in biases.items() if value > NEVER_SAMPLED]


def check_vllm_gets_adapter(config: GRPOConfig, name_or_path: str, adapter: Any, **source: Any) -> None:
    """Refuse an adapter on tied embeddings beside vLLM, which has one matrix for both and would drift from the policy.

    Args:
        config: of the trainer.
        name_or_path: the model's.
        adapter: TRL's PeftConfig, or None.
        source: for `from_pretrained`, e.g. revision.

    Raises:
        ConfigError: the adapter changes one of two tied embeddings.
    """
    if not config.use_vllm or adapter is None:
        return
    from transformers import AutoConfig, AutoModelForImageTextToText

    with torch.device("meta"):  # names alone
        base = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(name_or_path, **source))  # nosec B615
    changed = changed_embeddings(base, adapter)
    if changed:
        raise ConfigError(
            f"lora_target_modules, lora_modules_to_save: {', '.join(changed)} is tied to the other embedding, and vLLM "
            "has one matrix for both, so it would sample from another model than the one trained. Leave it out, train "
            "without LoRA, or set use_vllm to false."
        )


def forbid_vision_tokens(config: GRPOConfig, processor: Any, family: ModelFamily, model_config: Any) -> None:
    """Set the generation settings under which no vision token can be sampled (TRL forbids the image pad alone)."""
    ids = vision_token_ids(processor, family, model_config)
    kwargs = dict(cast(dict[str, Any], config.generation_kwargs or {}))  # a string has been read as JSON by now
    if config.use_vllm:
        kwargs["logit_bias"] = {**kwargs.get("logit_bias", {}), **dict.fromkeys(ids, NEVER_SAMPLED)}
    else:
        kwargs["suppress_tokens"] = sorted({*kwargs.get("suppress_tokens", ()), *ids})
    config.generation_kwargs = kwargs
