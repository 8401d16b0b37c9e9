"""The rewards for ms-swift: `--external_plugins .../rewards/for_swift.py --reward_funcs mcr_total`. No scoring of its own.

ms-swift hands the dataset's columns over by name: `gold`, where boxes need converting `frame`, and for other tasks than gmner
`task`, as rewards.columns reads them. Registered are mcr_<part> for every part, to be weighted by `--reward_weights`, and
mcr_total. Options come from the environment (`RewardOptions.from_environment`), and so does the task of samples that name none
(MCR_REWARD_TASK).
"""

from collections.abc import Sequence
from typing import Any

from rewards.columns import read_task
from rewards.for_trl import PartReward
from rewards.options import RewardOptions, task_from_environment
from rewards.parts import PARTS

try:
    from swift.rewards import ORM, orms
except ImportError:
    try:
        from swift.plugin import ORM, orms
    except ImportError:  # ms-swift is not there: the classes work alone
        orms = {}

        class ORM:
            """Stands in for ms-swift's base class."""

            def __init__(self, args: Any = None, **_: Any) -> None:
                self.args = args


class PartORM(ORM):
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


ORMS = {f"mcr_{part}": type(f"Mcr{part.title()}", (PartORM,), {"part": part}) for part in (*PARTS, "total")}
orms.update(ORMS)
