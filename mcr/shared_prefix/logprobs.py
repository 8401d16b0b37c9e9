"""Per-token log-probabilities of the completions of whole groups, each group's prompt and images forwarded once."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from mcr.shared_prefix.pack import RopeIndex, images_once, pack, unpack


def group_logprobs(
    model: Any,
    rope_index: RopeIndex,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    *,
    completion_len: int,
    group_size: int,
    batch_size: int,
    pixel_values: torch.Tensor | None = None,
    image_grid_thw: torch.Tensor | None = None,
    num_images: Sequence[int] | None = None,
    mm_token_type_ids: torch.Tensor | None = None,
    autocast: Any = nullcontext,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return (log-probabilities, entropies where the head gives them), each [B*G, C], 0 where a completion is padded.

    Args:
        model: with TRL's fused head (`fused_lm_head=True`), prepared by `support.prepare_model`; wrapped or not.
        rope_index: the model's own `get_rope_index`.
        input_ids: rows [B*G, P+C] of whole groups.
        attention_mask: of the same shape.
        completion_len: C.
        group_size: G.
        batch_size: rows forwarded at once, a multiple of `group_size`.
        pixel_values: [patches, features] of every row's images.
        image_grid_thw: [images, 3].
        num_images: how many images each row has.
        mm_token_type_ids: [B*G, P+C], with images.
        autocast: context for the forward.
    """
    logprobs, entropies = [], []
    for start in range(0, len(input_ids), batch_size):
        rows = slice(start, start + batch_size)
        packed = pack(
            input_ids[rows],
            attention_mask[rows],
            completion_len,
            group_size,
            rope_index=rope_index,
            images=_images_of(rows, pixel_values, image_grid_thw, num_images, group_size),
            mm_token_type_ids=None if mm_token_type_ids is None else mm_token_type_ids[rows],
        )
        with autocast():
            output = model(**packed.model_inputs, prefix_layout=packed.layout, fused_lm_head=True)
        logprobs.append(unpack(output.log_probs, completion_len))
        if output.entropy is not None:
            entropies.append(unpack(output.entropy, completion_len))
    return torch.cat(logprobs), torch.cat(entropies) if entropies else None


def _images_of(
    rows: slice,
    pixel_values: torch.Tensor | None,
    image_grid_thw: torch.Tensor | None,
    num_images: Sequence[int] | None,
    group_size: int,
) -> dict[str, torch.Tensor] | None:
    """Return the images of the groups among `rows`, once each."""
    if pixel_values is None or image_grid_thw is None or num_images is None:
        return None
    first, last = sum(num_images[: rows.start]), sum(num_images[: rows.stop])
    patches = image_grid_thw.prod(dim=-1)
    start, stop = int(patches[:first].sum()), int(patches[:last].sum())
    return images_once(pixel_values[start:stop], image_grid_thw[first:last], num_images[rows], group_size)
