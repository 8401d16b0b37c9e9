"""A kind of finding in a predictions file: what looks wrong, how often, where, and what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcr.io.predictions import Prediction
from mcr.records import Sample

MAX_EXAMPLES = 5
Pairs = Sequence[tuple[Sample, Prediction]]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One kind of finding.

    Attributes:
        what: a sentence that says what was found and what to do.
        count: how often.
        examples: a few of them.
    """

    what: str
    count: int
    examples: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the form in metrics.json."""
        return asdict(self)

    def in_words(self) -> str:
        """Return it on one line."""
        return f"{self.count} x {self.what} For example: {'; '.join(self.examples)}."


def suspect(what: str, examples: Sequence[str]) -> list[Suspicion]:
    """Return one finding with all its examples; none where there is no example."""
    return [Suspicion(what, len(examples), tuple(examples[:MAX_EXAMPLES]))] if examples else []
