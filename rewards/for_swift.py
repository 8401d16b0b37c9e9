"""The rewards for ms-swift: `--external_plugins .../rewards/for_swift.py --reward_funcs mcr_total`. No scoring of its own.

ms-swift hands the dataset's columns over by name: `gold`, where boxes need converting `frame`, and for other tasks than gmner
`task`, as rewards.columns reads them. Registered are mcr_<part> for every part, to be weighted by `--reward_weights`, and
mcr_total. Options come from the environment (`RewardOptions.from_environment`), and so does the task of samples that name none
(MCR_REWARD_TASK).
"""

import importlib
from collections.abc import Sequence
from typing import Any

from rewards.columns import read_task
from rewards.for_trl import PartReward
from rewards.options import RewardOptions, task_from_environment
from rewards.parts import PARTS


class _Alone:
    """The base class where ms-swift is not installed: the classes below work without it."""

    def __init__(self, args: Any = None, **_: Any) -> None:
        self.args = args


def _find_base() -> tuple[type, dict[str, type]]:
    """Return ms-swift's base class of rewards and its registry; newer versions keep them in another place."""
    for name in ("swift.rewards", "swift.plugin"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return module.ORM, module.orms
    return _Alone, {}


_BASE, _REGISTRY = _find_base()


class _PartOutcome:
    """One part of the score, or the weighted total, as ms-swift's outcome reward; subclasses name the part."""

    part = "total"

    def __call__(
        self,
        completions: Sequence[Any],
        gold: Sequence[Any],
        frame: Sequence[Any] | None = None,
        task: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[float]:
        """Return the part of each completion, in [0, 1]."""
        default, columns = task_from_environment(), [None] * len(completions) if task is None else task
        tasks = [read_task(one, column, default) for one, column in zip(gold, columns, strict=True)]
        return PartReward(self.part, RewardOptions.from_environment())(completions, gold, frame, tasks)


ORMS = {f"mcr_{part}": type(f"Mcr{part.title()}", (_PartOutcome, _BASE), {"part": part}) for part in (*PARTS, "total")}
_REGISTRY.update(ORMS)
