"""Sampling a group from one prefill: each distinct prompt runs through the model once, then its cache is repeated G times."""

from typing import Any

import torch
from transformers import PreTrainedModel

from mcr.shared_prefix.pack import are_whole_groups, images_once, text_positions

ROW_INPUTS = ("input_ids", "attention_mask", "mm_token_type_ids")


def generate_groups(model: PreTrainedModel, inputs: dict[str, Any], group_size: int, **settings: Any) -> torch.Tensor:
    """Return what `model.generate` returns for rows of whole groups, with one prefill a group.

    Args:
        model: not wrapped.
        inputs: input_ids and attention_mask [B*G, P], left-padded; pixel_values and image_grid_thw of every row's images, with
            mm_token_type_ids [B*G, P], where there are images; every row has as many of them.
        group_size: G.
        settings: generation_config and the like, for `generate`.

    Returns:
        ids [B*G, P + what was generated]. Rows that are not whole groups, or prompts of one token, are generated the plain way.
    """
    input_ids, mask = inputs["input_ids"], inputs["attention_mask"]
    if group_size == 1 or input_ids.shape[1] < 2 or not are_whole_groups(input_ids, mask, input_ids.shape[1], group_size):
        return type(model).generate(model, **inputs, **settings)
    once = {name: inputs[name][::group_size, :-1] for name in ROW_INPUTS if name in inputs}
    grid = inputs.get("image_grid_thw")
    if grid is not None:
        counts = [len(grid) // len(input_ids)] * len(input_ids)
        once |= images_once(inputs["pixel_values"], grid, counts, group_size) or {}
    else:  # without images the model would count the padding
        once["position_ids"] = text_positions(once["attention_mask"])
    model.base_model.rope_deltas = None  # those of the generation before are not these prompts'
    with torch.no_grad():
        cache = model.base_model(**once, use_cache=True).past_key_values
    cache.batch_repeat_interleave(group_size)
    if model.base_model.rope_deltas is not None:
        model.base_model.rope_deltas = model.base_model.rope_deltas.repeat_interleave(group_size, dim=0)
    return type(model).generate(model, input_ids=input_ids, attention_mask=mask, past_key_values=cache, **settings)
