"""The rewards for EasyR1: `worker.reward.reward_function=.../rewards/for_easyr1.py:compute_score`. No scoring of its own.

`data.answer_key` names the column with gold, as rewards.columns reads it: JSON text, the frame inside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.columns import score_row
from rewards.score import PARTS

REWARD_NAME = "mcr"
REWARD_TYPE = "batch"


def compute_score(
    reward_inputs: Sequence[Mapping[str, Any]],
    *,
    weights: Mapping[str, float] | None = None,
    sigma: float = 0.5,
    normalization: str = "matched",
    **_: Any,
) -> list[dict[str, float]]:
    """Return, for each {"response", "ground_truth"}, `overall`, the total in [0, 1], and each part beside it."""
    options = {"weights": weights, "sigma": sigma, "normalization": normalization}
    scores = [score_row(row["response"], row["ground_truth"], **options) for row in reward_inputs]
    return [{"overall": got.total, **{part: getattr(got, part) for part in PARTS}} for got in scores]
