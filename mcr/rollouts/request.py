"""What is asked of a sampler and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from mcr.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How completions are drawn. Temperature 0 is greedy.

    Defaults are CVO's (MCR E.4). The limit on tokens is our choice: the paper states none.
    """

    num_generations: int = 8
    temperature: float = 1.5
    top_k: int = 200
    top_p: float = 0.95
    max_new_tokens: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_generations < 1 or self.max_new_tokens < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ConfigError(
                f"sampling: got {self}, expected at least one generation and token, temperature >= 0 and 0 < top_p <= 1."
            )
        if self.temperature == 0 and self.num_generations > 1:
            raise ConfigError("sampling: temperature 0 draws the same completion every time. Set num_generations to 1.")


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """One prompt: the sample it belongs to, the conversation, its images."""

    sample_id: str
    prompt: list[dict[str, Any]]
    images: list[Image.Image]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion: its text without the end token, its token ids, and whether it ended before the limit.

    Attributes:
        logprobs: the sampler's log-probabilities of the token ids, where it gives them.
        fault: why there is no text, where a request was refused.
        opened: what the prompt opened for the model, such as "<think>"; the text continues it.
    """

    text: str
    token_ids: tuple[int, ...]
    is_complete: bool
    logprobs: tuple[float, ...] | None = None
    fault: str = ""
    opened: str = ""


class Sampler(Protocol):
    """Draws groups of completions."""

    def sample(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        """Return `settings.num_generations` rollouts for each request, in the order of the requests."""
        ...
