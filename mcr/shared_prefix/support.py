"""Which models can share a prefix, and preparing one to."""

from typing import Any

from peft import PeftModel

from mcr.families import FAMILIES
from mcr.shared_prefix.attention import use_packed_attention


def inner_model(model: Any) -> Any:
    """Return the transformers model inside a PEFT model, or the model itself."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def why_unsupported(model: Any) -> str:
    """Return why a model cannot share a prefix, or nothing."""
    supported = [one for family in FAMILIES.values() if family.shares_prefix for one in family.model_types]
    if model.config.model_type not in supported:
        return f"its type is {model.config.model_type!r}; supported are {', '.join(supported)}"
    text = model.config.get_text_config()
    if set(getattr(text, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        return "some of its layers attend to a sliding window"
    return ""


def prepare_model(model: Any, attention: str = "segments") -> None:
    """Let a model's forward take `prefix_layout`: attention by blocks, and hidden states of the segments alone to the head.

    Args:
        model: of a supported family.
        attention: one of `attention.ATTENTIONS`.
    """
    if getattr(model.base_model, "keeps_segments", False):
        return
    use_packed_attention(model, attention)
    model.base_model.keeps_segments = True
    model.base_model.register_forward_hook(_keep_segments, with_kwargs=True)


def _keep_segments(module: Any, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
    """Drop the prefix before the head: no logits are computed where nothing is predicted."""
    layout = kwargs.get("prefix_layout")
    if layout is not None:
        output.last_hidden_state = output.last_hidden_state[:, layout.prefix_len :]
    return output
