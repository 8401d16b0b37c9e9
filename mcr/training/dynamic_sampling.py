"""Replacing groups without spread by groups of fresh prompts: their advantages are zero, they teach nothing (DAPO, section 3.2).

Differs: DAPO samples until the batch is full; here the rounds are bounded, and what is left over stays in the batch.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from mcr.errors import ConfigError

PROMPT_KEYS = ("prompt_ids", "prompt_mask")
COMPLETION_KEYS = ("completion_ids", "completion_mask", "old_per_token_logps", "ref_per_token_logps", "sampling_per_token_logps")
FLAT = 5e-3  # equal rewards give up to 1e-3 after division by their rounding's spread
Batch = dict[str, Any]


def flat_groups(advantages: torch.Tensor, group_size: int) -> list[int]:
    """Return the indices of the groups whose advantages [B*G] are all zero, but for the rounding of equal rewards' mean.

    >>> flat_groups(torch.tensor([0.0, 0.0, 1.0, -1.0]), 2)
    [0]
    """
    is_flat = (advantages.view(-1, group_size).abs() < FLAT).all(dim=1)
    return is_flat.nonzero().flatten().tolist()


def fresh_rows(dataset: Any, num_groups: int, group_size: int, seed: str) -> list[dict[str, Any]]:
    """Return rows of `num_groups` prompts drawn by seed, each `group_size` times.

    Raises:
        ConfigError: a dataset without a length.
    """
    if not hasattr(dataset, "__len__"):
        raise ConfigError("dynamic_sampling_rounds: got a dataset that is streamed, expected one with a length. Set it to 0.")
    rng = random.Random(seed)
    picks = [rng.randrange(len(dataset)) for _ in range(num_groups)]
    return [row for index in picks for row in [dataset[index]] * group_size]


def replace_groups(batch: Batch, fresh: Batch, pairs: Sequence[tuple[int, int]], group_size: int, pad_id: int) -> Batch:
    """Return the batch with group a replaced by group b of `fresh` for each (a, b); both in TRL's form, pixels split by row."""
    joined = _join(batch, fresh, pad_id)
    num_rows = len(batch["prompt_ids"])
    order = list(range(num_rows))
    for old, new in pairs:
        start = num_rows + new * group_size
        order[old * group_size : (old + 1) * group_size] = range(start, start + group_size)
    return {name: _pick(value, order) for name, value in joined.items()}


def _pick(value: Any, order: list[int]) -> Any:
    if isinstance(value, list):
        return [value[index] for index in order]
    return value[order] if isinstance(value, torch.Tensor) and value.ndim else value


def _join(first: Batch, second: Batch, pad_id: int) -> Batch:
    """Return the rows of both, padded alike."""
    prompt_len = max(batch["prompt_ids"].shape[1] for batch in (first, second))
    completion_len = max(batch["completion_ids"].shape[1] for batch in (first, second))
    first, second = _with_images(first, second), _with_images(second, first)
    first, second = (_widen(batch, prompt_len, completion_len, pad_id) for batch in (first, second))
    return {name: _append(value, second[name]) for name, value in first.items()}


def _with_images(batch: Batch, other: Batch) -> Batch:
    """Return a batch of text alone with empty images where the other batch has some."""
    if "pixel_values" in batch or "pixel_values" not in other:
        return batch
    rows, size = batch["prompt_ids"].shape[0], batch["prompt_ids"].shape[1] + batch["completion_ids"].shape[1]
    empty = {name: [other[name][0][:0]] * rows for name in ("pixel_values", "image_grid_thw") if name in other}
    return batch | empty | {"num_images": [0] * rows, "mm_token_type_ids": batch["prompt_ids"].new_zeros(rows, size)}


def _append(first: Any, second: Any) -> Any:
    if isinstance(first, list):
        return first + second
    return torch.cat([first, second]) if isinstance(first, torch.Tensor) and first.ndim else first


def _widen(batch: Batch, prompt_len: int, completion_len: int, pad_id: int) -> Batch:
    """Pad prompts on the left and everything about completions on the right."""
    left = prompt_len - batch["prompt_ids"].shape[1]
    right = completion_len - batch["completion_ids"].shape[1]
    wide = dict(batch)
    for name in PROMPT_KEYS:
        wide[name] = pad(batch[name], (left, 0), value=pad_id if name == "prompt_ids" else 0)
    for name in COMPLETION_KEYS:
        if name in batch:
            wide[name] = pad(batch[name], (0, right), value=pad_id if name == "completion_ids" else 0)
    ratio = batch.get("importance_sampling_ratio")
    if ratio is not None and ratio.shape[1] > 1:
        wide["importance_sampling_ratio"] = pad(ratio, (0, right), value=1)
    if "mm_token_type_ids" in batch:
        wide["mm_token_type_ids"] = pad(batch["mm_token_type_ids"], (left, right))
    return wide
