"""From the rows of a GRPO batch, each with its own copy of the prompt, to packed sequences, and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mcr.shared_prefix.layout import PrefixLayout

RopeIndex = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class PackedBatch:
    """What the model's forward takes, and the layout it goes with.

    Attributes:
        model_inputs: input_ids [B, N], position_ids [3, B, N], shift_labels [B, G*C] (-100 where nothing is predicted), and the
            images of each group once.
    """

    model_inputs: dict[str, Any]
    layout: PrefixLayout


def are_whole_groups(input_ids: torch.Tensor, attention_mask: torch.Tensor, prompt_len: int, group_size: int) -> bool:
    """Whether the rows [R, P+C] are groups of `group_size` neighbours with the same prompt."""
    if input_ids.shape[0] % group_size or prompt_len < 1:
        return False
    prompts = torch.stack([input_ids[:, :prompt_len], attention_mask[:, :prompt_len].to(input_ids.dtype)])
    prompts = prompts.view(2, -1, group_size, prompt_len)
    return bool((prompts == prompts[:, :, :1]).all())


def pack(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    completion_len: int,
    group_size: int,
    *,
    rope_index: RopeIndex,
    images: Mapping[str, torch.Tensor] | None = None,
    mm_token_type_ids: torch.Tensor | None = None,
) -> PackedBatch:
    """Pack rows [B*G, P+C] of whole groups.

    Args:
        input_ids: prompts left-padded to P, completions right-padded to C.
        attention_mask: of the same shape.
        completion_len: C.
        group_size: G.
        rope_index: the model's own `get_rope_index`, which gives the prompt's positions.
        images: pixel_values and image_grid_thw of each group's images, once; None without images.
        mm_token_type_ids: [B*G, P+C] as the processor gives them; needed with images.
    """
    prompt_len = input_ids.shape[1] - completion_len
    prompt_ids, prompt_mask = input_ids[::group_size, :prompt_len], attention_mask[::group_size, :prompt_len]
    completion_ids = input_ids[:, prompt_len:].reshape(len(prompt_ids), group_size, completion_len)
    completion_mask = attention_mask[:, prompt_len:].reshape(completion_ids.shape)
    last = prompt_ids[:, None, -1:].expand(-1, group_size, -1)
    segments = torch.cat([last, completion_ids[:, :, :-1]], dim=-1)
    positions = _prompt_positions(prompt_ids, prompt_mask, rope_index, images, mm_token_type_ids, group_size, prompt_len)
    steps = torch.arange(completion_len, device=input_ids.device)
    segment_positions = (positions[:, :, -1:] + steps).repeat(1, 1, group_size)
    is_padded = not bool(prompt_mask.all())
    layout = PrefixLayout(group_size, completion_len, prompt_len - 1, prompt_mask[:, :-1].bool() if is_padded else None)
    model_inputs = {
        "input_ids": torch.cat([prompt_ids[:, :-1], segments.flatten(1)], dim=1),
        "position_ids": torch.cat([positions[:, :, :-1], segment_positions], dim=-1),
        "shift_labels": completion_ids.masked_fill(completion_mask == 0, -100).flatten(1),
        **(images or {}),
    }
    return PackedBatch(model_inputs, layout)


def _prompt_positions(
    prompt_ids: torch.Tensor,
    prompt_mask: torch.Tensor,
    rope_index: RopeIndex,
    images: Mapping[str, torch.Tensor] | None,
    mm_token_type_ids: torch.Tensor | None,
    group_size: int,
    prompt_len: int,
) -> torch.Tensor:
    """Return [3, B, P]: the model's own positions where there are images, else the count of tokens before."""
    if images is None or mm_token_type_ids is None:
        return text_positions(prompt_mask)
    types = mm_token_type_ids[::group_size, :prompt_len]
    grid = images["image_grid_thw"]
    return rope_index(prompt_ids, mm_token_type_ids=types, image_grid_thw=grid, attention_mask=prompt_mask)[0]


def text_positions(mask: torch.Tensor) -> torch.Tensor:
    """Return positions [3, B, P] of text alone: how many tokens that are not padding stand before each."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0).expand(3, -1, -1)


def unpack(values: torch.Tensor, completion_len: int) -> torch.Tensor:
    """Return per-token values [B, G*C] as rows [B*G, C]."""
    return values.reshape(-1, completion_len)


def images_once(
    pixel_values: torch.Tensor | None, image_grid_thw: torch.Tensor | None, num_images: Sequence[int] | None, group_size: int
) -> dict[str, torch.Tensor] | None:
    """Return the images of each group's first row.

    Args:
        pixel_values: [patches of all rows' images, features].
        image_grid_thw: [images of all rows, 3].
        num_images: how many images each row has.
        group_size: G.
    """
    if pixel_values is None or image_grid_thw is None or num_images is None:
        return None
    patches = torch.split(pixel_values, image_grid_thw.prod(dim=-1).tolist())
    first_image = [0]
    for count in num_images:
        first_image.append(first_image[-1] + count)
    kept = [image for row in range(0, len(num_images), group_size) for image in range(first_image[row], first_image[row + 1])]
    if not kept:
        return None
    return {"pixel_values": torch.cat([patches[image] for image in kept]), "image_grid_thw": image_grid_thw[kept]}
