"""The rewards for ms-swift: `--external_plugins .../rewards/for_swift.py --reward_funcs mcr_total`. No scoring of its own.

ms-swift hands the dataset's columns over by name: `gold` and, where boxes need converting, `frame`, as rewards.columns reads
them. Registered are mcr_count, mcr_span, mcr_type, mcr_entailment and mcr_grounding, to be weighted by `--reward_weights`, and
mcr_total. Options come from the environment (`rewards.columns.environment_options`).
"""

from collections.abc import Sequence
from typing import Any

from rewards.columns import environment_options
from rewards.for_trl import PartReward

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
    """One part of the score as ms-swift's outcome reward; subclasses name the part."""

    part = "total"

    def __call__(
        self, completions: Sequence[Any], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
    ) -> list[float]:
        """Return the part of each completion, in [0, 1]."""
        return PartReward(self.part, **environment_options())(completions, gold, frame)


class McrTotal(PartORM):
    """The sum of the five with the default weights."""


class McrCount(PartORM):
    """R_c."""

    part = "count"


class McrSpan(PartORM):
    """R_s."""

    part = "span"


class McrType(PartORM):
    """R_t."""

    part = "type"


class McrEntailment(PartORM):
    """R_e."""

    part = "entailment"


class McrGrounding(PartORM):
    """R_u."""

    part = "grounding"


ORMS = {f"mcr_{cls.part}": cls for cls in (McrTotal, McrCount, McrSpan, McrType, McrEntailment, McrGrounding)}
orms.update(ORMS)
