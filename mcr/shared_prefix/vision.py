"""Image features of a frozen vision tower, computed once a step: the old, the reference and the policy pass share them."""

import hashlib
from typing import Any

import torch

MAX_CACHED = 64


class FrozenVisionCache:
    """Replaces a vision tower's forward; caches its output for the same pixels while none of its weights can change.

    Pixels are told apart by a hash of their bytes, since a trainer cuts and joins its tensors between the passes.
    """

    def __init__(self, tower: torch.nn.Module) -> None:
        self.tower = tower
        self.outputs: dict[bytes, Any] = {}
        self.num_computed = 0

    def __call__(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor, **settings: Any) -> Any:
        """Return the tower's output for images [patches, features], grid [images, 3]."""
        if torch.is_inference_mode_enabled() or any(weight.requires_grad for weight in self.tower.parameters()):
            return type(self.tower).forward(self.tower, pixel_values, grid_thw, **settings)
        key = _digest(pixel_values, grid_thw)
        if key not in self.outputs:
            if len(self.outputs) >= MAX_CACHED:
                self.outputs.clear()
            with torch.no_grad():
                self.outputs[key] = type(self.tower).forward(self.tower, pixel_values, grid_thw, **settings)
            self.num_computed += 1
        output = self.outputs[key]
        return type(output)(**output)  # a copy of the record: the model replaces fields of it

    def clear(self) -> None:
        """Forget everything; called when new completions are sampled."""
        self.outputs.clear()


def cache_frozen_vision(tower: torch.nn.Module) -> FrozenVisionCache:
    """Put a cache before a vision tower and return it; one that is there already is emptied."""
    if isinstance(tower.forward, FrozenVisionCache):
        tower.forward.clear()
        return tower.forward
    cache = FrozenVisionCache(tower)
    tower.forward = cache
    return cache


def _digest(pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> bytes:
    pixels = pixel_values.detach().float().cpu().contiguous().numpy().tobytes()
    return hashlib.blake2b(pixels + bytes(str(grid_thw.tolist()), "ascii"), digest_size=16).digest()
