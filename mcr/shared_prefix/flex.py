"""Attention of a packed sequence by PyTorch's flex attention: one fused kernel that leaves out masked blocks, for GPUs.

Against the two calls of `attention.blockwise_attention` it neither copies the prefix's keys and values for each segment nor
reads a dense mask. PyTorch has no backward pass of it on the CPU: there it can score and not train.
"""

from functools import lru_cache
from typing import Any

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers.integrations.flex_attention import flex_attention_forward

from mcr.shared_prefix.layout import PrefixLayout


def packed_flex_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    block_mask: BlockMask,
    **settings: Any,
) -> torch.Tensor:
    """Attend within a packed batch.

    Args:
        module: the attention layer, whose training flag chooses the kernel.
        query: [B, H, N, D], N = P-1 + G*C.
        key: [B, H_kv, N, D].
        value: [B, H_kv, N, D].
        block_mask: of the batch, from `make_block_mask`.
        settings: dropout (must be 0) and scaling, as the model passes them.

    Returns:
        [B, N, H, D].
    """
    return flex_attention_forward(module, query, key, value, block_mask, training=module.training, **settings)[0]


@lru_cache(maxsize=2)  # every layer of a forward, and of its recomputation, asks for the same
def make_block_mask(layout: PrefixLayout, device: torch.device) -> BlockMask:
    """Return the layout's mask [1 or B, 1, N, N] as blocks of 128 x 128: which are empty, full, or to be looked at."""
    segment = torch.arange(layout.num_completions, device=device).repeat_interleave(layout.segment_len)
    owner = torch.nn.functional.pad(segment, (layout.prefix_len, 0), value=-1)
    padding = layout.prefix_mask
    is_real = None if padding is None else torch.nn.functional.pad(padding, (0, len(segment)), value=True)

    def sees(group: torch.Tensor, _: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        seen = (query >= key) & ((owner[key] == -1) | (owner[key] == owner[query]))
        return seen if is_real is None else (seen & is_real[group, key]) | (query == key)

    batch_size = 1 if is_real is None else len(is_real)
    return create_block_mask(sees, batch_size, None, len(owner), len(owner), device=device)
