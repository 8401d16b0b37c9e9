"""Per-token log-probabilities of the completions of whole groups, each group's prompt and images forwarded once."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from mcr.shared_prefix.pack import PackedBatch, RopeIndex, images_once, pack, unpack
from mcr.shared_prefix.truncation import Truncation, log_truncation_mass

LOGIT_ROWS = 1024


@dataclass(frozen=True)
class GroupRows:
    """Rows of whole groups as TRL hands them over: prompts left-padded to P, completions right-padded to C.

    Attributes:
        input_ids, attention_mask: [B*G, P+C].
        pixel_values: [patches, features] of every row's images.
        image_grid_thw: [images, 3].
        num_images: how many images each row has.
        mm_token_type_ids: [B*G, P+C], with images.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    pixel_values: torch.Tensor | None = None
    image_grid_thw: torch.Tensor | None = None
    num_images: Sequence[int] | None = None
    mm_token_type_ids: torch.Tensor | None = None

    def images_of(self, part: slice, group_size: int) -> dict[str, torch.Tensor] | None:
        """Return the images of the groups among some rows, once each."""
        if self.pixel_values is None or self.image_grid_thw is None or self.num_images is None:
            return None
        first, last = sum(self.num_images[: part.start]), sum(self.num_images[: part.stop])
        patches = self.image_grid_thw.prod(dim=-1)
        pixels = self.pixel_values[int(patches[:first].sum()) : int(patches[:last].sum())]
        return images_once(pixels, self.image_grid_thw[first:last], self.num_images[part], group_size)


def group_logprobs(
    model: Any,
    rope_index: RopeIndex,
    rows: GroupRows,
    *,
    completion_len: int,
    group_size: int,
    batch_size: int,
    autocast: Any = nullcontext,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return (log-probabilities, entropies where the head gives them), each [B*G, C], 0 where a completion is padded.

    Args:
        model: with TRL's fused head (`fused_lm_head=True`), prepared by `support.prepare_model`; wrapped or not.
        rope_index: the model's own `get_rope_index`.
        rows: of whole groups.
        completion_len: C.
        group_size: G.
        batch_size: rows forwarded at once, a multiple of `group_size`.
        autocast: context for the forward.
    """
    logprobs, entropies = [], []
    for packed in packed_batches(rope_index, rows, completion_len=completion_len, group_size=group_size, batch_size=batch_size):
        with autocast():
            output = model(**packed.model_inputs, prefix_layout=packed.layout, fused_lm_head=True)
        logprobs.append(unpack(output.log_probs, completion_len))
        if output.entropy is not None:
            entropies.append(unpack(output.entropy, completion_len))
    return torch.cat(logprobs), torch.cat(entropies) if entropies else None


@torch.no_grad()
def group_truncation_mass(
    model: Any,
    rows: GroupRows,
    cut: Truncation,
    *,
    completion_len: int,
    group_size: int,
    batch_size: int,
    autocast: Any = nullcontext,
) -> torch.Tensor:
    """Return, for each completion token [B*G, C], the log of the mass that the sampler's truncation leaves before it.

    Args:
        model: the transformers model itself, prepared by `support.prepare_model`.
        rows: of whole groups.
        cut: how the sampler cuts off.
        completion_len: C.
        group_size: G.
        batch_size: rows forwarded at once.
        autocast: context for the forward.
    """
    masses = []
    rope_index, head = model.base_model.get_rope_index, model.get_output_embeddings()
    for packed in packed_batches(rope_index, rows, completion_len=completion_len, group_size=group_size, batch_size=batch_size):
        inputs = {name: value for name, value in packed.model_inputs.items() if name != "shift_labels"}
        with autocast():
            hidden = model.base_model(**inputs, prefix_layout=packed.layout, use_cache=False).last_hidden_state
            chunks = hidden.flatten(0, 1).split(LOGIT_ROWS)
            masses += [log_truncation_mass(head(chunk), cut) for chunk in chunks]
    return torch.cat(masses).view(-1, completion_len)


def packed_batches(
    rope_index: RopeIndex, rows: GroupRows, *, completion_len: int, group_size: int, batch_size: int
) -> Iterator[PackedBatch]:
    """Pack `batch_size` rows after the other."""
    for start in range(0, len(rows.input_ids), batch_size):
        part = slice(start, start + batch_size)
        yield pack(
            rows.input_ids[part],
            rows.attention_mask[part],
            completion_len,
            group_size,
            rope_index=rope_index,
            images=rows.images_of(part, group_size),
            mm_token_type_ids=None if rows.mm_token_type_ids is None else rows.mm_token_type_ids[part],
        )
