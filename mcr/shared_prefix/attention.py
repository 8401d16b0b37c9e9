"""Attention that computes the blocks of a packed sequence and leaves out what is masked.

"segments": two calls of PyTorch's scaled dot-product attention take the place of one over the whole block mask: the prefix with
itself, and every segment, as a batch, with the prefix and itself. Of (P + G*C)^2 pairs, P^2 + G*C*(P + C) are computed. It works
with every kernel that SDPA has, on the CPU and on GPUs. "flex": one call of flex attention (`flex.py`). Without a layout the
model's own attention function is called.
"""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from mcr.shared_prefix.flex import make_block_mask, packed_flex_attention
from mcr.shared_prefix.layout import PrefixLayout

ATTENTIONS = ("segments", "flex")
NAME = "shared_prefix_{}_{}"


def blockwise_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    layout: PrefixLayout,
    **settings: Any,
) -> torch.Tensor:
    """Attend within a packed batch.

    Args:
        module: the attention layer, for its number of key-value groups.
        query: [B, H, N, D], N = P-1 + G*C.
        key: [B, H_kv, N, D].
        value: [B, H_kv, N, D].
        layout: of the batch.
        settings: dropout and scaling, as the model passes them.

    Returns:
        [B, N, H, D].
    """
    size = layout.prefix_len
    query_s, key_s, value_s = (_segments(states, layout) for states in (query, key, value))
    key_s, value_s = (
        torch.cat([_for_each_segment(prefix[:, :, :size], layout), own], dim=2)
        for prefix, own in ((key, key_s), (value, value_s))
    )
    mask = layout.segment_attention_mask(query.device)
    segments, _ = sdpa_attention_forward(module, query_s, key_s, value_s, mask, **settings)
    segments = segments.reshape(query.shape[0], -1, *segments.shape[2:])
    if not size:
        return segments
    query_p, key_p, value_p = (states[:, :, :size] for states in (query, key, value))
    prefix, _ = sdpa_attention_forward(module, query_p, key_p, value_p, layout.prefix_attention_mask(), **settings)
    return torch.cat([prefix, segments], dim=1)


def _segments(states: torch.Tensor, layout: PrefixLayout) -> torch.Tensor:
    """[B, H, N, D] -> [B*G, H, C, D]."""
    groups, heads, _, dim = states.shape
    parts = states[:, :, layout.prefix_len :].reshape(groups, heads, layout.num_completions, layout.segment_len, dim)
    return parts.transpose(1, 2).reshape(-1, heads, layout.segment_len, dim)


def _for_each_segment(prefix: torch.Tensor, layout: PrefixLayout) -> torch.Tensor:
    """[B, H, P-1, D] -> [B*G, H, P-1, D]."""
    return prefix[:, None].expand(-1, layout.num_completions, -1, -1, -1).flatten(0, 1)


def use_packed_attention(model: PreTrainedModel, attention: str) -> None:
    """Let the language part of a model take a `prefix_layout` in its forward; without one nothing changes.

    Args:
        model: with any attention of transformers.
        attention: one of ATTENTIONS.
    """
    original = model.config.get_text_config()._attn_implementation
    original = original if original in ALL_ATTENTION_FUNCTIONS else "sdpa"

    def attend(
        module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, None]:
        layout = kwargs.pop("prefix_layout", None)
        if layout is None:
            return ALL_ATTENTION_FUNCTIONS[original](module, query, key, value, attention_mask, **kwargs)
        settings = {name: kwargs[name] for name in ("dropout", "scaling") if name in kwargs}
        if attention == "flex":
            return packed_flex_attention(query, key, value, make_block_mask(layout, len(query), query.device), **settings), None
        return blockwise_attention(module, query, key, value, layout, **settings), None

    name = NAME.format(attention, original)
    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[original])
    model.set_attn_implementation({"text_config": name})
