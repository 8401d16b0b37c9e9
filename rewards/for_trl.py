"""The rewards with TRL's signature: `reward_funcs=[...]` of GRPOTrainer. No scoring of its own.

The dataset carries `gold`, where boxes need converting `frame`, and where it mixes tasks `task`, one a row, as rewards.columns
reads them. Completions are strings or TRL's message lists. Keyword arguments that are not used are ignored. Everything here can
be pickled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mcr.errors import ConfigError
from rewards.columns import as_json, completion_text, read_ground_truth, read_task
from rewards.score import DEFAULT_WEIGHTS, PARTS, RewardBreakdown, check_options, check_weights, score_completion


@lru_cache(maxsize=1024)
def _score(text: str, gold: str, frame: str | None, task: str, sigma: float, normalization: str) -> RewardBreakdown:
    """Score once for all five functions of one completion."""
    entities, frame = read_ground_truth(gold, frame)
    return score_completion(text, entities, frame=frame, task=task, sigma=sigma, normalization=normalization)


@dataclass(frozen=True, slots=True)
class PartReward:
    """One part of the score, or the `total` with the default weights, as a function that GRPOTrainer can call.

    Attributes:
        part: count, span, type, entailment, grounding, or total.
        sigma, normalization: as `rewards.score_completion` takes them.
    """

    part: str
    sigma: float = 0.5
    normalization: str = "matched"

    def __post_init__(self) -> None:
        if self.part not in (*PARTS, "total"):
            raise ConfigError(f"part: got {self.part!r}, expected one of {(*PARTS, 'total')}.")
        check_options(self.sigma, self.normalization)

    @property
    def __name__(self) -> str:
        return f"{self.part}_reward"

    def __call__(
        self,
        completions: Sequence[Any],
        gold: Sequence[Any],
        frame: Sequence[Any] | None = None,
        task: Sequence[str] | None = None,
        **_: Any,
    ) -> list[float]:
        """Return the part of each completion, in [0, 1]."""
        frames, tasks = ([None] * len(completions) if column is None else column for column in (frame, task))
        return [getattr(self._score(*row), self.part) for row in zip(completions, gold, frames, tasks, strict=True)]

    def _score(self, completion: Any, gold: Any, frame: Any, task: str | None) -> RewardBreakdown:
        task = read_task(gold, task)
        gold, frame = (value if value is None or isinstance(value, str) else as_json(value) for value in (gold, frame))
        return _score(completion_text(completion), gold, frame, task, self.sigma, self.normalization)


count_reward = PartReward("count")
span_reward = PartReward("span")
type_reward = PartReward("type")
entailment_reward = PartReward("entailment")
grounding_reward = PartReward("grounding")
total_reward = PartReward("total")


@dataclass(frozen=True, slots=True)
class WeightedRewards:
    """What GRPOTrainer and GRPOConfig want: the functions, and their weights in the same order."""

    functions: list[PartReward]
    weights: list[float]


def weighted_rewards(
    weights: Mapping[str, float] | None = None, *, sigma: float = 0.5, normalization: str = "matched"
) -> WeightedRewards:
    """Return the five functions with their weights (`reward_weights` of GRPOConfig)."""
    weights = check_weights(DEFAULT_WEIGHTS if weights is None else weights)
    functions = [PartReward(part, sigma, normalization) for part in PARTS]
    return WeightedRewards(functions, [float(weights.get(part, 0.0)) for part in PARTS])
