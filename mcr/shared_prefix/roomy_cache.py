"""A cache that grows in place. transformers' own is copied whole for each token, which on a CPU takes most of sampling's time."""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64  # tokens that are added when the buffers are full


def roomy_cache(model: Any) -> DynamicCache:
    """Return an empty cache for a model; layers of other kinds than plain attention (a sliding window) stay transformers' own."""
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class RoomyLayer(DynamicLayer):
    """The keys and values of one layer, [B, heads, N, head_dim]: the beginning of buffers with room for more tokens."""

    buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values [B, heads, n, head_dim] behind the others and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self.buffers is None or self.buffers[0].shape[-2] < end:
            self.buffers = _grown(self.keys, key_states, start, end), _grown(self.values, value_states, start, end)
        keys, values = self.buffers
        keys[..., start:end, :] = key_states
        values[..., start:end, :] = value_states
        self.keys, self.values = keys[..., :end, :], values[..., :end, :]
        return self.keys, self.values

    def crop(self, *args: Any, **kwargs: Any) -> None:
        """Remove tokens, as transformers' own layer does."""
        super().crop(*args, **kwargs)
        self.buffers = None

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each row."""
        super().batch_repeat_interleave(repeats)
        self.buffers = None

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows."""
        super().batch_select_indices(indices)
        self.buffers = None


def _grown(cached: torch.Tensor | None, states: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Return a buffer for `end` tokens and more that begins with what is cached."""
    grown = states.new_empty((*states.shape[:-2], end + ROOM, states.shape[-1]))
    if cached is not None and start:
        grown[..., :start, :] = cached
    return grown
