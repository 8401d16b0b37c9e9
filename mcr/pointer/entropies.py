"""Uncertainty by Monte Carlo dropout (UnCo Eqs. 4-7), and raw confidence beside it.

T passes, L steps of a sequence, C choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

MC_DROPOUT, CONFIDENCE, TEMPERATURE = "mc_dropout", "confidence", "temperature"
SPAN_READINGS = ("mean", "sum")


def predictive_entropy(passes: torch.Tensor) -> torch.Tensor:
    """Return the entropy of the mean distribution, in nats (UnCo Eq. 6); not the mean of the entropies.

    Args:
        passes: probabilities, float [T, ..., C].

    >>> predictive_entropy(torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])).item()  # doctest: +ELLIPSIS
    0.94334...
    """
    return torch.special.entr(passes.mean(dim=0)).sum(dim=-1)


def raw_doubt(passes: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return 1 less the probability of what was chosen (UnCo App. A), in [0, 1].

    Args:
        passes: probabilities of one pass without dropout, float [1, ..., C].
        chosen: the number of the choice, long [...].
    """
    return 1 - passes.mean(dim=0).gather(-1, chosen[..., None]).squeeze(-1)


@dataclass(frozen=True, slots=True)
class EntitySteps:
    """Where an entity is written in a sequence.

    Attributes:
        words: the steps that write its words.
        type: the step that writes its type, and chooses its region.
    """

    words: tuple[int, ...]
    type: int


def entity_uncertainties(
    tokens: Sequence[float], regions: Sequence[float], steps: EntitySteps, *, span: str = "mean"
) -> dict[str, float]:
    """Return the uncertainties of an entity's parts (UnCo Eq. 7).

    Args:
        tokens: the uncertainty of each step's token, [L].
        regions: the uncertainty of each step's region, [L].
        steps: of the entity.
        span: "mean" over its words, as Eq. 7 has it, or "sum".
    """
    total = sum(tokens[step] for step in steps.words)
    words = {"mean": total / len(steps.words), "sum": total}[span]
    return {"span": words, "type": tokens[steps.type], "region": regions[steps.type]}
