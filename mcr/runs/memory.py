"""About how much memory a training process takes: an estimate by counting, for the doctor and docs/scaling.md.

Weights, gradients and optimiser states are counted exactly from the model's config; activations by a rule of thumb for
transformers (Korthikanti et al. 2022: 34 bytes a token, hidden unit and layer in half precision, one tenth of it with
checkpointing), the head's logits besides. What kernels and fragmentation take comes on top.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "auto": 2}
ADAM_BYTES = 12  # a float32 copy and two moments a trained weight
ACTIVATION_BYTES, CHECKPOINTED_BYTES = 34, 4
PROMPT_TOKENS, SCHEMA_TOKENS = 1500, 512
OPTIMISER_SHARDS, WEIGHT_SHARDS = ("zero2", "zero3"), ("zero3",)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Gigabytes of one device."""

    weights_gb: float
    trained_gb: float
    activations_gb: float
    checkpoint_gb: float

    @property
    def total_gb(self) -> float:
        """All of it."""
        return self.weights_gb + self.trained_gb + self.activations_gb

    def in_words(self) -> str:
        """Return the parts."""
        parts = {"weights": self.weights_gb, "gradients and optimiser": self.trained_gb, "activations": self.activations_gb}
        return ", ".join(f"{name} {value:.1f}" for name, value in parts.items())


def estimate_memory(name: str, config: Mapping[str, Any], *, micro_batch: int, processes: int, zero: str = "") -> Estimate | str:
    """Return the estimate for one process, or why there is none.

    Args:
        name: of the model, a folder or a name in the local cache.
        config: the recipe's settings.
        micro_batch: rows forwarded at once.
        processes: that share optimiser states (ZeRO-2) or weights too (ZeRO-3).
        zero: "", "zero2" or "zero3".
    """
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        model_config = AutoConfig.from_pretrained(name, local_files_only=True)  # downloads nothing # nosec B615
    except (OSError, ValueError) as error:
        return f"the config of {name} is not at hand ({type(error).__name__})"
    with init_empty_weights():
        model = AutoModelForImageTextToText.from_config(model_config)
    model.tie_weights()
    text = model_config.get_text_config()
    num_weights = sum(weight.numel() for weight in model.parameters())
    num_trained = lora_weights(model, int(config.get("lora_r", 16))) if config.get("use_peft") else num_weights
    size = BYTES.get(str(config.get("dtype", "auto")), 2)
    tokens = count_tokens(config, micro_batch)
    a_token = CHECKPOINTED_BYTES if config.get("gradient_checkpointing", True) else ACTIVATION_BYTES
    activations = tokens * text.hidden_size * text.num_hidden_layers * a_token * size / 2 + tokens * text.vocab_size * size
    weights = num_weights * size / (processes if zero in WEIGHT_SHARDS else 1)
    trained = num_trained * (size + ADAM_BYTES) / (processes if zero in OPTIMISER_SHARDS else 1)
    checkpoint = num_trained * (size + ADAM_BYTES)
    return Estimate(*(value / 1e9 for value in (weights, trained, activations, checkpoint)))


def count_tokens(config: Mapping[str, Any], micro_batch: int) -> int:
    """Return how many tokens a micro-batch forwards; prompts of whole groups count once where they are shared."""
    if "num_generations" not in config:
        return micro_batch * int(config.get("max_length") or PROMPT_TOKENS + SCHEMA_TOKENS)
    completion = int(config.get("max_completion_length", 256))
    is_shared = config.get("shared_prefix", "auto") != "off" and micro_batch % int(config["num_generations"]) == 0
    num_prompts = micro_batch // int(config["num_generations"]) if is_shared else micro_batch
    return num_prompts * PROMPT_TOKENS + micro_batch * completion


def lora_weights(model: Any, rank: int) -> int:
    """Return how many weights LoRA trains on every linear layer of the language part."""
    import torch

    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and "visual" not in name and "lm_head" not in name
    ]
    return sum(rank * (layer.in_features + layer.out_features) for layer in layers)
