"""The rewards for verl: `custom_reward_function.path=.../rewards/for_verl.py`, `custom_reward_function.name=compute_score`.

`reward_model.ground_truth` of the data holds gold as rewards.columns reads it, best as JSON text; the frame stands inside it
or in `extra_info["frame"]`. Options go through `custom_reward_function.reward_kwargs`. No scoring of its own.
"""

from collections.abc import Mapping
from typing import Any

from rewards.columns import score_row
from rewards.score import PARTS


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    sigma: float = 0.5,
    normalization: str = "matched",
    **_: Any,
) -> dict[str, float]:
    """Return `score`, the total in [0, 1], and each part beside it (verl logs them). `data_source` decides nothing."""
    frame = (extra_info or {}).get("frame")
    got = score_row(solution_str, ground_truth, frame, weights=weights, sigma=sigma, normalization=normalization)
    return {"score": got.total, **{part: getattr(got, part) for part in PARTS}}
