"""The rewards with TRL's signature: `reward_funcs=[...]` of GRPOTrainer. No scoring of its own.

The dataset carries `gold`, where boxes need converting `frame`, and where it mixes tasks `task`, one a row, as rewards.columns
reads them. Completions are strings or TRL's message lists. Keyword arguments that are not used are ignored. Everything here can
be pickled.

TRL calls one function a part. Under TRL's own GRPOTrainer the functions share a cache; mcr's CvoTrainer calls
`WeightedRewards.scorer` once a completion and hands the scores over in the column `breakdown`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mcr.boxes import Frame
from mcr.errors import ConfigError
from mcr.records import Entity
from rewards.columns import completion_text, read_ground_truth, read_task, score_row
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.parts import PARTS
from rewards.score import RewardBreakdown, score_completion


@dataclass(frozen=True, slots=True)
class CompletionScorer:
    """Scores one completion against its row of the dataset.

    Attributes:
        options: weights and rules.
    """

    options: RewardOptions = DEFAULT_OPTIONS

    def __call__(self, completion: Any, row: Mapping[str, Any]) -> RewardBreakdown:
        """Return every part, the total, and whether the completion could be read.

        `row` may also hold the sentence, what the prompt `opened`, and whether the completion `is_complete`.
        """
        known = {name: row[name] for name in ("sentence", "opened", "is_complete") if row.get(name) is not None}
        return score_row(completion, row["gold"], row.get("frame"), row.get("task"), self.options, **known)


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
        breakdown: Sequence[RewardBreakdown] | None = None,
        **_: Any,
    ) -> list[float]:
        """Return the part of each completion, in [0, 1]; `breakdown`: what a scorer of the same options returned for each."""
        if breakdown is None:
            frames, tasks = ([None] * len(completions) if column is None else column for column in (frame, task))
            breakdown = [self._score(*row) for row in zip(completions, gold, frames, tasks, strict=True)]
        return [getattr(score, self.part) for score in breakdown]

    def _score(self, completion: Any, gold: Any, frame: Any, task: str | None) -> RewardBreakdown:
        entities, frame = read_ground_truth(gold, frame)
        return _score_once(completion_text(completion), entities, frame, read_task(gold, task), self.options)


@lru_cache(maxsize=1024)
def _score_once(text: str, gold: tuple[Entity, ...], frame: Frame | None, task: str, options: RewardOptions) -> RewardBreakdown:
    """Score once for all functions of one completion."""
    return score_completion(text, gold, frame=frame, task=task, options=options)


count_reward = PartReward("count")
span_reward = PartReward("span")
type_reward = PartReward("type")
entailment_reward = PartReward("entailment")
grounding_reward = PartReward("grounding")
total_reward = PartReward("total")


@dataclass(frozen=True, slots=True)
class WeightedRewards:
    """What the trainers want: the functions, their weights in the same order, and for CvoTrainer the scorer of them all."""

    functions: list[PartReward]
    weights: list[float]
    scorer: CompletionScorer


def weighted_rewards(options: RewardOptions = DEFAULT_OPTIONS) -> WeightedRewards:
    """Return one function a part with their weights (`reward_weights` of GRPOConfig), and the scorer."""
    functions = [PartReward(part, options) for part in PARTS]
    return WeightedRewards(functions, [options.weights[part] for part in PARTS], CompletionScorer(options))
