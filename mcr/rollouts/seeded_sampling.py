"""Sampling whose result for one row depends on nothing but its own seed: not on the batch, the processes or what came before."""

from collections.abc import Sequence
from random import Random
from typing import cast

import torch
from transformers import LogitsProcessor


class OwnDraws(LogitsProcessor):
    """Draws each row's token by one uniform number of the row's own and leaves it as the only choice.

    The last of the processors: the token is the one at which the cumulated distribution passes the number, which is exact
    sampling.
    """

    def __init__(self, seeds: Sequence[str]) -> None:
        self.numbers = [Random(seed) for seed in seeds]

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Return scores [R, V] that are 0 at the drawn token and -inf elsewhere."""
        cumulated = scores.double().softmax(dim=-1).cumsum(dim=-1)
        draws = torch.tensor([[numbers.random()] for numbers in self.numbers], dtype=torch.float64, device=scores.device)
        tokens = torch.searchsorted(cumulated, draws * cumulated[:, -1:], right=True)
        return cast(torch.FloatTensor, torch.full_like(scores, -torch.inf).scatter_(1, tokens, 0.0))


def row_seeds(seed: int, sample_ids: Sequence[str], num_generations: int) -> list[str]:
    """Return one seed a row, groups one after the other."""
    return [f"{seed}/{sample_id}/{number}" for sample_id in sample_ids for number in range(num_generations)]
