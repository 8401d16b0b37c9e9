"""Rows of a pretraining batch: the questions on one image share its tokens, and none sees another.

A unit is [image | block 1 | block 2 | ...]. A block is one question with its answer, or a dialogue with more images. It attends
to the unit's image and causally to itself, and its positions continue where the image's end. So a unit computes what its blocks
would compute one by one, with the image once. A row holds several units, so that little is padding.

B rows, N tokens a row, T target tokens of all rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MERGE = 2
TEMPORAL = 2
MASKED = -1e4
USER, ASSISTANT, END = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"
VISION_START, IMAGE_PAD, VISION_END = "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer, on the unit's image or on one of its own.

    Attributes:
        image: uint8 [image_px, image_px, 3] for a turn with its own image; None where it asks about the unit's.
        gaps: positions left out before the question and before the answer, as if text were there: so a model learns to look back
            over long prompts without their tokens.
    """

    question: str
    answer: str
    image: np.ndarray | None = None
    gaps: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Unit:
    """Questions that share one image.

    Attributes:
        image: uint8 [image_px, image_px, 3]; None for a dialogue whose turns have their own images.
        blocks: each is one turn, or several of a dialogue.
    """

    image: np.ndarray | None
    blocks: tuple[tuple[Turn, ...], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """The tokens of a question or an answer, and how many positions are left out before them."""

    ids: list[int]
    is_answer: bool
    gap: int


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A unit as tokens: ids, the block of each (0: the shared image), whether it is a target, M-RoPE positions [3, N], images."""

    ids: list[int]
    blocks: list[int]
    is_target: list[bool]
    positions: np.ndarray
    images: list[np.ndarray]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as tensors.

    Attributes:
        inputs: what the model's forward takes. The attention mask is added to the scores, as eager attention takes it: with
            rows this short it is faster on a CPU than the fused kernels.
        target_rows, target_columns: [T], where a target is predicted: one token before it.
        targets: [T] token ids.
    """

    inputs: dict[str, torch.Tensor]
    target_rows: torch.Tensor
    target_columns: torch.Tensor
    targets: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        inputs = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        return Batch(inputs, self.target_rows.to(device), self.target_columns.to(device), self.targets.to(device))


def target_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the mean cross-entropy of the targets, in nats. Logits are computed where something is predicted, nowhere else."""
    batch = batch.to(model.device)
    hidden = model.model(**batch.inputs, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden[batch.target_rows, batch.target_columns])
    return torch.nn.functional.cross_entropy(logits.float(), batch.targets)


class Packer:
    """Turns units into batches.

    Args:
        tokenizer: of the model.
        patch: its side in pixels.
        image_px: the side of each image, a multiple of 2 * patch.
        row_length: tokens a row, unless a unit is longer.
    """

    def __init__(self, tokenizer: Any, *, patch: int, image_px: int, row_length: int = 192) -> None:
        self.patch, self.row_length = patch, row_length
        self.side = image_px // (MERGE * patch)
        self.pad_id = tokenizer.pad_token_id
        self.image_id = tokenizer.convert_tokens_to_ids(IMAGE_PAD)
        self.tokenizer = tokenizer
        self.image_text = VISION_START + IMAGE_PAD * self.side**2 + VISION_END
        self.prefix = tokenizer.encode(USER + self.image_text, add_special_tokens=False)

    def pack(self, units: Sequence[Unit]) -> Batch:
        """Return the tensors of some units, several in a row of about `row_length` tokens."""
        packed = [one for unit in units for one in self._pack_unit(unit)]
        lengths = [len(one.ids) for one in packed]
        bins = fill_bins(lengths, max(self.row_length, *lengths))  # all rows are as long as the longest one anyway
        shape = (len(bins), max(sum(len(packed[index].ids) for index in members) for members in bins))
        ids, unit_of, block_of = np.full(shape, self.pad_id), np.full(shape, -1), np.full(shape, -1)
        is_target, positions = np.zeros(shape, dtype=bool), np.zeros((3, *shape), dtype=np.int64)
        images: list[np.ndarray] = []
        for row, members in enumerate(bins):
            start = 0
            for index in members:
                one, end = packed[index], start + len(packed[index].ids)
                ids[row, start:end], is_target[row, start:end] = one.ids, one.is_target
                unit_of[row, start:end], block_of[row, start:end] = index, one.blocks
                positions[:, row, start:end] = one.positions
                images += one.images
                start = end
        target_rows, target_columns = np.nonzero(is_target)
        input_ids = torch.from_numpy(ids)
        return Batch(
            {
                "input_ids": input_ids,
                "attention_mask": torch.where(block_mask(torch.from_numpy(unit_of), torch.from_numpy(block_of)), 0.0, MASKED),
                "position_ids": torch.from_numpy(positions),
                "mm_token_type_ids": (input_ids == self.image_id).int(),
                "pixel_values": torch.cat([self.patches(image) for image in images]),
                "image_grid_thw": torch.tensor([[1, MERGE * self.side, MERGE * self.side]] * len(images)),
            },
            torch.from_numpy(target_rows),
            torch.from_numpy(target_columns - 1),
            input_ids[target_rows, target_columns],
        )

    def _pack_unit(self, unit: Unit) -> list[_Tokens]:
        """Return the tokens of a unit; one that is longer than a row is several, each with the image."""
        prefix = _Piece(self.prefix if unit.image is not None else [], False, 0)
        blocks = [self._pieces(turns) for turns in unit.blocks]
        lengths = [sum(len(piece.ids) for piece in pieces) for pieces in blocks]
        parts = fill_bins(lengths, self.row_length - len(prefix.ids))
        return [self._join(unit, prefix, {index: blocks[index] for index in part}) for part in parts]

    def _pieces(self, turns: Sequence[Turn]) -> list[_Piece]:
        """Return a block's questions and answers as tokens."""
        pieces = []
        for index, turn in enumerate(turns):
            opening = "\n" if index else ""
            if turn.image is not None or index:
                opening += USER
            if turn.image is not None:
                opening += self.image_text
            asked, answered = self.tokenizer([opening + turn.question + ASSISTANT, turn.answer + END])["input_ids"]
            pieces += [_Piece(asked, False, turn.gaps[0]), _Piece(answered, True, turn.gaps[1])]
        return pieces

    def _join(self, unit: Unit, prefix: _Piece, blocks: Mapping[int, Sequence[_Piece]]) -> _Tokens:
        """Return a unit with some of its blocks. Each block's positions begin behind the image's."""
        ids, owner, is_target = list(prefix.ids), [0] * len(prefix.ids), [False] * len(prefix.ids)
        shared, start = self._positions(prefix.ids, 0)
        positions, images = [shared], [] if unit.image is None else [unit.image]
        for index, pieces in blocks.items():
            position = start
            for piece in pieces:
                ids += piece.ids
                owner += [index + 1] * len(piece.ids)
                is_target += [piece.is_answer] * len(piece.ids)
                own, position = self._positions(piece.ids, position + piece.gap)
                positions.append(own)
            images += [turn.image for turn in unit.blocks[index] if turn.image is not None]
        return _Tokens(ids, owner, is_target, np.concatenate(positions, axis=1), images)

    def _positions(self, ids: Sequence[int], start: int) -> tuple[np.ndarray, int]:
        """Return M-RoPE positions [3, N] and the next one: text counts up in all three, an image spreads over two."""
        out = np.zeros((3, len(ids)), dtype=np.int64)
        column, position = 0, start
        while column < len(ids):
            if ids[column] == self.image_id:
                size = self.side**2
                cells = np.arange(size)
                out[:, column : column + size] = position + np.stack([0 * cells, cells // self.side, cells % self.side])
                column, position = column + size, position + self.side
            else:
                out[:, column] = position
                column, position = column + 1, position + 1
        return out, position

    def patches(self, image: np.ndarray) -> torch.Tensor:
        """Return an image as the family's processor gives it to the model, float32 [patches, 3 * 2 * patch * patch].

        Patches that the model merges follow each other; each is repeated for the two frames that the tower expects.
        """
        values = torch.from_numpy(image).permute(2, 0, 1).float() / 127.5 - 1
        side, patch = self.side, self.patch
        cut = values.reshape(3, side, MERGE, patch, side, MERGE, patch).permute(1, 4, 2, 5, 0, 3, 6)
        frames = cut[..., None, :, :].expand(-1, -1, -1, -1, -1, TEMPORAL, -1, -1)
        return frames.reshape(side * side * MERGE * MERGE, -1)


def fill_bins(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return the indices of lengths in bins, longest first, each in the first bin that has room; what is too long has its own.

    >>> fill_bins([3, 9, 4, 2], 7)
    [[1], [2, 0], [3]]
    """
    bins: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        fitting = next((number for number, free in enumerate(room) if free >= lengths[index]), None)
        if fitting is None:
            bins.append([index])
            room.append(capacity - lengths[index])
        else:
            bins[fitting].append(index)
            room[fitting] -= lengths[index]
    return bins


def block_mask(unit: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
    """Return who attends to whom, bool [B, 1, N, N]: causally to the image of the own unit (block 0) and to the own block.

    Args:
        unit: [B, N], -1 for padding, which attends to padding.
        block: [B, N].
    """
    same_unit = unit[:, :, None] == unit[:, None, :]
    same_block = block[:, :, None] == block[:, None, :]
    is_shared = (block == 0)[:, None, :]
    causal = torch.ones(unit.shape[1], unit.shape[1], dtype=torch.bool, device=unit.device).tril()
    return (same_unit & (same_block | is_shared) & causal)[:, None]
