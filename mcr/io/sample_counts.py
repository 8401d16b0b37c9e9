"""What each sample adds to the sums of the measures, as a small file: tables, intervals and paired tests need no predictions.

A count that is below ten everywhere is one text with a digit a sample, others are lists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mcr.errors import DataError

Key = tuple[str, ...]
FRACTION_DIGITS = 5


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """The counts of the samples of one evaluation, in gold's order.

    Attributes:
        gold: SHA-256 of the ids in order: evaluations with the same one can be compared sample by sample.
        rows: the counts of each sample; what is absent is 0.
    """

    gold: str
    rows: Sequence[Mapping[Key, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return the form on disk.

        >>> SampleCounts("", ({("mner", "gold"): 2}, {("grounding", "iou"): 0.5})).to_dict()["counts"]
        {'mner/gold': '20', 'grounding/iou': [0, 0.5]}
        """
        keys = dict.fromkeys(key for row in self.rows for key in row)
        counts = {"/".join(key): _packed([row.get(key, 0) for row in self.rows]) for key in keys}
        return {"gold": self.gold, "num_samples": len(self.rows), "counts": counts}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "SampleCounts":
        """Return the counts of the form on disk.

        Raises:
            DataError: not that form.
        """
        try:
            columns = {tuple(name.split("/")): list(map(float, column)) for name, column in row["counts"].items()}
            num_samples = int(row["num_samples"])
            if any(len(column) != num_samples for column in columns.values()):
                raise ValueError("columns of different lengths")
            rows = [{key: column[index] for key, column in columns.items() if column[index]} for index in range(num_samples)]
            return cls(str(row["gold"]), rows)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"counts: not the counts of samples ({type(error).__name__} {error}). Evaluate again.") from error


def gold_hash(ids: Sequence[str]) -> str:
    """Return the SHA-256 of ids in order, in hexadecimal."""
    return sha256("\n".join(ids).encode()).hexdigest()


def _packed(column: Sequence[float]) -> str | list[float]:
    if all(value in range(10) for value in column):
        return "".join(str(int(value)) for value in column)
    return [int(value) if value == int(value) else round(value, FRACTION_DIGITS) for value in column]
