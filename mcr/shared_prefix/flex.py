"""Attention of a packed sequence by PyTorch's flex attention: one fused kernel that leaves out masked blocks, for GPUs.

Against the two calls of `attention.blockwise_attention` it does not copy the prefix's keys and values for each segment and reads
no dense mask. PyTorch has no backward pass of it on the CPU: there it can score and not train.
"""

from collections.abc import Callable
from functools import cache, lru_cache

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from mcr.errors import ConfigError
from mcr.shared_prefix.layout import PrefixLayout


def packed_flex_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    block_mask: BlockMask,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
) -> torch.Tensor:
    """Attend within a packed batch.

    Args:
        query: [B, H, N, D], N = P-1 + G*C.
        key: [B, H_kv, N, D].
        value: [B, H_kv, N, D].
        block_mask: of the batch, from `make_block_mask`.
        dropout: of the attention weights; flex attention has none.
        scaling: of the scores; None for D**-0.5.

    Returns:
        [B, N, H, D].

    Raises:
        ConfigError: with dropout.
    """
    if dropout:
        raise ConfigError(f"attention_dropout: got {dropout}, expected 0 with flex attention. Set it to 0 or take segments.")
    # Its backward pass over grouped heads is slower than the one over repeated keys and values (docs/log.md).
    key, value = (states.repeat_interleave(query.shape[1] // states.shape[1], dim=1) for states in (key, value))
    return _compiled()(query, key, value, block_mask=block_mask, scale=scaling).transpose(1, 2).contiguous()


@cache
def _compiled() -> Callable[..., torch.Tensor]:
    """Return flex attention compiled for any lengths: every batch has others, and PyTorch gives up after eight compilations."""
    return torch.compile(flex_attention, dynamic=True)


@lru_cache(maxsize=2)  # every layer of a forward, and of its recomputation, asks for the same
def make_block_mask(layout: PrefixLayout, num_groups: int, device: torch.device) -> BlockMask:
    """Return the layout's mask [B, 1, N, N] of B groups as blocks of 128 x 128: which are empty, full, or to be looked at."""
    segment = torch.arange(layout.num_completions, device=device).repeat_interleave(layout.segment_len)
    owner = torch.nn.functional.pad(segment, (layout.prefix_len, 0), value=-1)
    prefix = layout.prefix_mask
    if prefix is None:  # the same mask function with and without padding: each one more would be compiled, too
        prefix = torch.ones(num_groups, layout.prefix_len, dtype=torch.bool, device=device)
    is_real = torch.nn.functional.pad(prefix, (0, len(segment)), value=True)

    def sees(group: torch.Tensor, _: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        seen = (query >= key) & ((owner[key] == -1) | (owner[key] == owner[query]))
        return (seen & is_real[group, key]) | (query == key)

    return create_block_mask(sees, num_groups, None, len(owner), len(owner), device=device)
