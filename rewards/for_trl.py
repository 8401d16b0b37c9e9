"""The rewards with TRL's signature: `reward_funcs=[...]` of GRPOTrainer. No scoring of its own.

The dataset carries `gold`, where boxes need converting `frame`, and where it mixes tasks `task`, one a row, as rewards.columns
reads them. Completions are strings or TRL's message lists. Keyword arguments that are not used are ignored. Everything here can
be pickled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mcr.errors import ConfigError
from rewards.columns import as_json, completion_text, read_ground_truth, read_task
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.parts import PARTS
from rewards.score import RewardBreakdown, score_completion


@lru_cache(maxsize=1024)
def _score(text: str, gold: str, frame: str | None, task: str, options: RewardOptions) -> RewardBreakdown:
    """Score once for all functions of one completion."""
    entities, frame = read_ground_truth(gold, frame)
    return score_completion(text, entities, frame=frame, task=task, options=options)


@dataclass(frozen=True, slots=True)
class PartReward:
    """One part of the score, or the weighted `total`, as a function that GRPOTrainer can call.

    Attributes:
        part: one of `rewards.PARTS`, or total.
        options: weights and rules.
    """

    part: str
    options: RewardOptions = DEFAULT_OPTIONS

    def __post_init__(self) -> None:
        if self.part not in (*PARTS, "total"):
            raise ConfigError(f"part: got {self.part!r}, expected one of {(*PARTS, 'total')}.")

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
        return _score(completion_text(completion), gold, frame, task, self.options)


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


def weighted_rewards(options: RewardOptions = DEFAULT_OPTIONS) -> WeightedRewards:
    """Return one function a part with their weights (`reward_weights` of GRPOConfig)."""
    return WeightedRewards([PartReward(part, options) for part in PARTS], [options.weights[part] for part in PARTS])
