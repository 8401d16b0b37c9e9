"""The rewards for verifiers (before 0.4, which has no Rubric): `rubric=make_rubric()` of an environment. No scoring of its own.

The dataset's `answer` column holds gold as rewards.columns reads it: JSON text, frame and task inside it or in `info`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rewards.columns import score_row
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.parts import PARTS


def part_function(part: str, options: RewardOptions = DEFAULT_OPTIONS) -> Callable[..., float]:
    """Return the reward function of one part; verifiers reads its arguments and its name."""

    def reward(completion: Any, answer: Any, info: Mapping[str, Any] | None = None, **_: Any) -> float:
        row = info if isinstance(info, Mapping) else {}
        return score_row(completion, answer, row.get("frame"), row.get("task"), options).parts[part]

    reward.__name__ = f"{part}_reward"
    return reward


def make_rubric(options: RewardOptions = DEFAULT_OPTIONS) -> Any:
    """Return a verifiers.Rubric of the parts, whose reward is their weighted sum (MCR Eq. 10).

    Raises:
        ImportError: verifiers is not installed, or too new.
    """
    from verifiers import Rubric  # pyright: ignore[reportMissingImports] - not a dependency: the user's framework

    return Rubric(funcs=[part_function(part, options) for part in PARTS], weights=[options.weights[part] for part in PARTS])
