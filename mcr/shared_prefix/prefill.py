"""Sampling a group from one prefill: each distinct prompt runs through the model once, then its cache is repeated G times."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from mcr.shared_prefix.pack import are_whole_groups, images_once, text_positions
from mcr.shared_prefix.roomy_cache import roomy_cache

ROW_INPUTS = ("input_ids", "attention_mask", "mm_token_type_ids")


def first_of_each_group(inputs: dict[str, Any], group_size: int) -> dict[str, Any] | None:
    """Return the inputs of each group's first row, or None where the rows are not whole groups.

    Args:
        inputs: input_ids and attention_mask [B*G, P], left-padded; pixel_values and image_grid_thw of every row's images, with
            mm_token_type_ids [B*G, P], where there are images.
        group_size: G.
    """
    input_ids = inputs["input_ids"]
    if not are_whole_groups(input_ids, inputs["attention_mask"], input_ids.shape[1], group_size):
        return None
    once = {name: inputs[name][::group_size] for name in ROW_INPUTS if name in inputs}
    grid = inputs.get("image_grid_thw")
    if grid is not None:
        counts = count_images(inputs["mm_token_type_ids"])
        if sum(counts) != len(grid):
            return None
        once |= images_once(inputs["pixel_values"], grid, counts, group_size) or {}
    return once


def count_images(types: torch.Tensor) -> list[int]:
    """Return how many images each row has: the runs of image tokens (type 1) in mm_token_type_ids [R, P]."""
    is_image = (types == 1).long()
    starts = is_image.clone()
    starts[:, 1:] *= 1 - is_image[:, :-1]
    return starts.sum(dim=1).tolist()


def generate_groups(model: Any, inputs: dict[str, Any], group_size: int, **settings: Any) -> torch.Tensor:
    """Return ids [B*G, P + what was generated]: G rows for each of the prompts, as `generate` gives them for repeated rows.

    Args:
        model: not wrapped, of a family that `support.why_unsupported` accepts.
        inputs: of the distinct prompts: input_ids and attention_mask [B, P], left-padded, and what belongs to their images.
        group_size: G.
        settings: generation_config and the like, for `generate`; one return sequence a row.
    """
    generate = type(model).generate
    input_ids, mask = (inputs[name].repeat_interleave(group_size, dim=0) for name in ("input_ids", "attention_mask"))
    cache = roomy_cache(model)
    if group_size == 1 or input_ids.shape[1] < 2:
        return generate(model, **inputs, past_key_values=cache, **settings)
    prompt = {name: value[:, :-1] if name in ROW_INPUTS else value for name, value in inputs.items()}
    if "image_grid_thw" not in prompt:  # without images the model would count the padding
        prompt["position_ids"] = text_positions(prompt["attention_mask"])
    backbone = model.base_model
    backbone.rope_deltas = None  # those of the generation before are not these prompts'
    with torch.no_grad():
        backbone(**prompt, use_cache=True, past_key_values=cache)
    cache.batch_repeat_interleave(group_size)
    if backbone.rope_deltas is not None:
        backbone.rope_deltas = backbone.rope_deltas.repeat_interleave(group_size, dim=0)
    return generate(model, input_ids=input_ids, attention_mask=mask, past_key_values=cache, **settings)


@contextmanager
def shared_prefill(model: Any, group_size: int) -> Iterator[None]:
    """Let `model.generate` prefill each group once while the context lasts; rows that are not whole groups go the usual way.

    Args:
        model: not wrapped, of a family that `support.why_unsupported` accepts.
        group_size: G.
    """
    model.generate = partial(_generate, model, group_size)
    try:
        yield
    finally:
        del model.generate


def _generate(model: Any, group_size: int, generation_config: Any = None, **inputs: Any) -> torch.Tensor:
    once = first_of_each_group(inputs, group_size)
    if once is None:
        return type(model).generate(model, **inputs, generation_config=generation_config)
    return generate_groups(model, once, group_size, generation_config=generation_config)
