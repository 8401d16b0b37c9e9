"""The five verifiable rewards of MCR and their weighted sum, on plain strings; imports without torch.

>>> from rewards import score_completion
>>> gold = [{"text": "Ann", "type": "PER", "boxes": [[0, 0, 10, 10]]}]
>>> score_completion("<answer>\\nAnn | PER | [0, 0, 10, 10]\\n</answer>", gold).total
1.0
"""

from rewards.score import DEFAULT_WEIGHTS, RewardBreakdown, score_completion, score_entities

__all__ = ["DEFAULT_WEIGHTS", "RewardBreakdown", "score_completion", "score_entities"]
