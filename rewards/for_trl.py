"""The rewards with TRL's signature: `reward_funcs=[...]` of GRPOTrainer. No scoring of its own.

The dataset carries `gold` (list of entities, or its JSON) and, where boxes need converting, `frame` (mapping, or its JSON, or
None), one a row. Completions are strings or TRL's message lists. Keyword arguments that are not used are ignored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rewards.score import DEFAULT_WEIGHTS, PARTS, RewardBreakdown, score_completion

Completion = str | Sequence[Mapping[str, str]]


def completion_text(completion: Completion) -> str:
    """Return the text of a completion in either of TRL's forms."""
    return completion if isinstance(completion, str) else "".join(message["content"] or "" for message in completion)


@lru_cache(maxsize=4096)
def _score(text: str, gold_json: str, frame_json: str) -> RewardBreakdown:
    """Score once for all five functions of one completion."""
    return score_completion(text, json.loads(gold_json), frame=json.loads(frame_json))


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def score_batch(completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None) -> list[RewardBreakdown]:
    """Return one breakdown a completion."""
    frames = frame if frame is not None else [None] * len(completions)
    return [
        _score(completion_text(completion), _as_json(entities), _as_json(one_frame))
        for completion, entities, one_frame in zip(completions, gold, frames, strict=True)
    ]


def count_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return R_c of each completion."""
    return [scores.count for scores in score_batch(completions, gold, frame)]


def span_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return R_s of each completion."""
    return [scores.span for scores in score_batch(completions, gold, frame)]


def type_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return R_t of each completion."""
    return [scores.type for scores in score_batch(completions, gold, frame)]


def entailment_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return R_e of each completion."""
    return [scores.entailment for scores in score_batch(completions, gold, frame)]


def grounding_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return R_u of each completion."""
    return [scores.grounding for scores in score_batch(completions, gold, frame)]


def total_reward(
    completions: Sequence[Completion], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
) -> list[float]:
    """Return the sum of the five with the default weights (Eq. 10)."""
    return [scores.total for scores in score_batch(completions, gold, frame)]


REWARD_FUNCTIONS = {
    "count": count_reward,
    "span": span_reward,
    "type": type_reward,
    "entailment": entailment_reward,
    "grounding": grounding_reward,
}


@dataclass(frozen=True, slots=True)
class WeightedRewards:
    """What GRPOTrainer and GRPOConfig want: the functions, and their weights in the same order."""

    functions: list[Any]
    weights: list[float]


def weighted_rewards(weights: Mapping[str, float] | None = None) -> WeightedRewards:
    """Return the five functions with their weights (`reward_weights` of GRPOConfig)."""
    weights = DEFAULT_WEIGHTS if weights is None else weights
    return WeightedRewards([REWARD_FUNCTIONS[name] for name in PARTS], [float(weights.get(name, 0.0)) for name in PARTS])
