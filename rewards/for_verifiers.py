"""The rewards for verifiers (before 0.4, which has no Rubric): `rubric=make_rubric()` of an environment. No scoring of its own.

The dataset's `answer` column holds gold as rewards.columns reads it: JSON text, the frame inside it or in `info["frame"]`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rewards.columns import score_row
from rewards.score import DEFAULT_WEIGHTS, PARTS, check_options, check_weights


def part_function(part: str, sigma: float = 0.5, normalization: str = "matched") -> Callable[..., float]:
    """Return the reward function of one part; verifiers reads its arguments and its name."""

    def reward(completion: Any, answer: Any, info: Mapping[str, Any] | None = None, **_: Any) -> float:
        frame = info.get("frame") if isinstance(info, Mapping) else None
        return getattr(score_row(completion, answer, frame, sigma=sigma, normalization=normalization), part)

    reward.__name__ = f"{part}_reward"
    return reward


def make_rubric(weights: Mapping[str, float] | None = None, *, sigma: float = 0.5, normalization: str = "matched") -> Any:
    """Return a verifiers.Rubric of the five parts, whose reward is their weighted sum (MCR Eq. 10).

    Raises:
        ImportError: verifiers is not installed, or too new.
    """
    from verifiers import Rubric

    check_options(sigma, normalization)
    weights = check_weights(DEFAULT_WEIGHTS if weights is None else weights)
    functions = [part_function(part, sigma, normalization) for part in PARTS]
    return Rubric(funcs=functions, weights=[float(weights.get(part, 0.0)) for part in PARTS])
