"""How unsure a system is of each part of an entity: its span, its type, its region (UnCo Eq. 7).

Values are entropies in nats, as the paper defines them, or any number that grows with doubt. `num_choices` says among how many
the distribution chose, so that entropies can be compared with thresholds in [0, 1].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from mcr.errors import DataError

PARTS = ("span", "type", "region")
CHOICES = "num_choices"


@dataclass(frozen=True, slots=True)
class PartUncertainties:
    """One entity's uncertainties.

    Attributes:
        values: by part, at least 0; a part that the system says nothing of is left out.
        num_choices: how many choices the part's distribution has, by part; of a part without a number the value is in [0, 1]
            already.
    """

    values: Mapping[str, float]
    num_choices: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [part for part in (*self.values, *self.num_choices) if part not in PARTS]
        wrong = [value for value in self.values.values() if not is_number(value) or not value >= 0 or math.isinf(value)]
        few = [num for num in self.num_choices.values() if isinstance(num, bool) or not isinstance(num, int) or num < 1]
        if unknown or wrong or few:
            raise DataError(
                f"uncertainty: got {str(self.to_dict())[:120]}, expected numbers of at least 0 for {', '.join(PARTS)} and "
                "numbers of choices of at least 1. Correct it."
            )

    def normalized(self, part: str) -> float | None:
        """Return a part's uncertainty in [0, 1]: the entropy over its largest value, the logarithm of the number of choices.

        >>> PartUncertainties({"type": math.log(2)}, {"type": 4}).normalized("type")
        0.5
        """
        value, num = self.values.get(part), self.num_choices.get(part)
        if value is None or num is None:
            return value
        return min(1.0, value / math.log(num)) if num > 1 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the form on disk."""
        return {**self.values, **({CHOICES: dict(self.num_choices)} if self.num_choices else {})}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "PartUncertainties":
        """Build the uncertainties from their form on disk; null is a part that nothing is said of.

        Raises:
            DataError: an unknown part, or a value that is no number of at least 0.
        """
        choices = row.get(CHOICES) or {}
        if not isinstance(choices, Mapping):
            raise DataError(f"uncertainty: got {CHOICES} {choices!r}, expected an object. Correct it.")
        return cls({part: value for part, value in row.items() if part != CHOICES and value is not None}, dict(choices))


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


Uncertainty = float | PartUncertainties  # of an entity as a whole, or of its parts
