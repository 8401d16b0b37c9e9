"""The rewards for ms-swift: `--external_plugins .../rewards/for_swift.py --reward_funcs mcr_total`. No scoring of its own.

ms-swift hands the dataset's columns over by name: `gold` and, where boxes need converting, `frame`, as rewards.columns reads
them. Registered are mcr_count, mcr_span, mcr_type, mcr_entailment and mcr_grounding, to be weighted by `--reward_weights`, and
mcr_total.
"""

from collections.abc import Sequence
from typing import Any

from rewards.for_trl import PartReward
from rewards.score import PARTS

try:
    from swift.rewards import ORM, orms
except ImportError:
    try:
        from swift.plugin import ORM, orms
    except ImportError:  # ms-swift is not there: the classes work alone
        ORM, orms = object, {}


class PartORM(ORM):
    """One part of the score as ms-swift's outcome reward; subclasses name the part."""

    part = "total"

    def __call__(
        self, completions: Sequence[Any], gold: Sequence[Any], frame: Sequence[Any] | None = None, **_: Any
    ) -> list[float]:
        """Return the part of each completion, in [0, 1]."""
        return PartReward(self.part)(completions, gold, frame)


def register(names: Sequence[str] = (*PARTS, "total")) -> dict[str, type[PartORM]]:
    """Register one class a part with ms-swift and return them by name."""
    classes = {f"mcr_{name}": type(f"Mcr{name.title()}", (PartORM,), {"part": name}) for name in names}
    orms.update(classes)
    return classes


ORMS = register()
