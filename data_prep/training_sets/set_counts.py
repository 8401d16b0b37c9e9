"""The counts of D_R that summary.json holds: schemas by set, style and route, and where the two tagged routes coincide."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mcr.io.samples import hash_id


@dataclass(slots=True)
class SetCounts:
    """Counts what was written.

    Attributes:
        samples: hashes of ids by set; a split by schema puts a sample into both.
        schemas, styles, routes: how many by set, style and route.
        num_coinciding: samples whose image is not described in any way, so that the two tagged routes take the same steps.
    """

    samples: dict[str, set[int]] = field(default_factory=lambda: {"d1": set(), "d2": set()})
    schemas: Counter = field(default_factory=Counter)
    styles: Counter = field(default_factory=Counter)
    routes: Counter = field(default_factory=Counter)
    num_coinciding: int = 0

    def add(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Count rows of D1 or D2."""
        for row in rows:
            self.samples[name].add(hash_id(row["sample_id"]))
            self.schemas[name] += 1
            self.styles[row["style"]] += 1
            self.routes[row["route"] or "none"] += 1

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        sizes = {f"{name}_{what}": count for name in ("d1", "d2") for what, count in self._sizes(name).items()}
        by = {"schemas_by_style": self.styles, "schemas_by_route": self.routes}
        sorted_by = {name: dict(sorted(counts.items())) for name, counts in by.items()}
        return {**sizes, **sorted_by, "samples_whose_tagged_routes_coincide": self.num_coinciding}

    def _sizes(self, name: str) -> dict[str, int]:
        return {"samples": len(self.samples[name]), "schemas": self.schemas[name]}
