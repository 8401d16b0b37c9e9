"""The rewards for EasyR1: `worker.reward.reward_function=.../rewards/for_easyr1.py:compute_score`. No scoring of its own.

`data.answer_key` names the column with gold, as rewards.columns reads it: JSON text, frame and task inside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.columns import read_task, score_row
from rewards.options import RewardOptions

REWARD_NAME = "mcr"
REWARD_TYPE = "batch"


def compute_score(
    reward_inputs: Sequence[Mapping[str, Any]], *, task: str | None = None, **options: Any
) -> list[dict[str, float]]:
    """Return, for each {"response", "ground_truth"}, `overall`, the total in [0, 1], and each part beside it.

    Args:
        reward_inputs: the completions with their gold.
        task: of samples whose gold names none; default gmner.
        options: those of `rewards.RewardOptions` (`worker.reward.reward_function_kwargs`).
    """
    checked = RewardOptions.from_dict(options)
    scores = []
    for row in reward_inputs:
        gold = row["ground_truth"]
        scores.append(score_row(row["response"], gold, task=read_task(gold, default=task), options=checked))
    return [{"overall": got.total, **got.parts} for got in scores]
