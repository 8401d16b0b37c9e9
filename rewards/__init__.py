"""The verifiable rewards of MCR and their weighted sum, on plain strings; imports without torch.

>>> from rewards import score_completion
>>> gold = [{"text": "Ann", "type": "PER", "boxes": [[0, 0, 10, 10]]}]
>>> score_completion("<answer>\\nAnn | PER | [0, 0, 10, 10]\\n</answer>", gold).total
1.0
"""

from rewards.options import DEFAULT_WEIGHTS, RewardOptions
from rewards.parts import PARTS, count_reward, entailment_reward, grounding_reward, span_reward, type_reward
from rewards.score import RewardBreakdown, score_completion, score_entities

__all__ = [
    "DEFAULT_WEIGHTS",
    "PARTS",
    "RewardBreakdown",
    "RewardOptions",
    "count_reward",
    "entailment_reward",
    "grounding_reward",
    "score_completion",
    "score_entities",
    "span_reward",
    "type_reward",
]
