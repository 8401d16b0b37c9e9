"""What a sampler leaves of the distribution: the mass of the tokens that top-k, top-p and forbidden tokens let through.

vLLM's log-probabilities are those of the distribution that it draws from, renormalised over what is left; a trainer's are over
the whole vocabulary. The ratio of the two is then off by that mass at every token (with top-p 0.95 by 5 % or more) although
nothing differs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Truncation:
    """How a sampler cuts the distribution off; 0 and 1.0 leave it whole.

    Attributes:
        temperature: the logits are divided by it first.
        top_k: how many tokens are left at most; 0: all.
        top_p: the smallest set of what top-k leaves whose mass reaches this.
        forbidden: ids that are never sampled.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    forbidden: tuple[int, ...] = ()


def truncate(logits: torch.Tensor, cut: Truncation) -> torch.Tensor:
    """Return the logits [..., V] over the temperature, -inf where a token cannot be sampled."""
    scaled = logits.float() / cut.temperature
    if cut.forbidden:
        scaled = scaled.index_fill(-1, torch.tensor(cut.forbidden, device=logits.device), -torch.inf)
    if 0 < cut.top_k < logits.shape[-1]:
        least = scaled.topk(cut.top_k, dim=-1).values[..., -1:]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    if cut.top_p < 1.0:
        ordered, order = scaled.sort(dim=-1, descending=True)
        before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
        dropped = torch.zeros_like(scaled, dtype=torch.bool).scatter(-1, order, before >= cut.top_p)
        scaled = scaled.masked_fill(dropped, -torch.inf)
    return scaled


def log_truncation_mass(logits: torch.Tensor, cut: Truncation) -> torch.Tensor:
    """Return log of the mass that is left, [...], <= 0.

    >>> logits = torch.tensor([0.5, 0.3, 0.2]).log()
    >>> round(float(log_truncation_mass(logits, Truncation(top_k=2)).exp()), 4)
    0.8
    """
    whole = (logits.float() / cut.temperature).logsumexp(dim=-1)
    return truncate(logits, cut).logsumexp(dim=-1) - whole


def read_truncation(temperature: float, top_k: int | None, top_p: float, forbidden: Sequence[int]) -> Truncation:
    """Return the truncation of a trainer's settings (TRL: top_k 0 or None or -1 for all)."""
    return Truncation(temperature, max(0, top_k or 0), top_p, tuple(sorted(map(int, forbidden))))


@dataclass(slots=True)
class FirstPass:
    """Renormalizes the first pass of a trainer over what the sampler's truncation leaves, and no later one.

    Attributes:
        log_mass: [B*G, C], log of the mass that is left at each completion token; None before the first pass.
    """

    log_mass: torch.Tensor | None = None

    def renormalize(self, logprobs: torch.Tensor, compute_log_mass: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return the log-probabilities [B*G, C] of the first pass renormalized, those of later passes as they are."""
        if self.log_mass is not None:
            return logprobs
        self.log_mass = compute_log_mass()
        return logprobs - self.log_mass
