"""corrections.jsonl on disk: a line a question, `{"id", "entity", "part", "before", "after", "u", "status"}`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mcr.io.atomic_write import write_whole


@dataclass(frozen=True, slots=True)
class Correction:
    """One question about a part of an entity, and what came of it.

    Attributes:
        id: of the sample.
        entity: its number among the prediction's entities, from 0.
        part: span, type or region; "all" where a large model's own answer replaces the sample's.
        before: the part before, a region as JSON.
        after: the part after.
        u: its uncertainty in [0, 1], None where the system gave none.
        status: of `mcr.correction.corrector_replies.STATUSES`.
    """

    id: str
    entity: int
    part: str
    before: str
    after: str
    u: float | None
    status: str


def write_corrections(path: Path, corrections: Iterable[Correction]) -> None:
    """Write corrections, one a line."""
    rows = ({name: getattr(one, name) for name in Correction.__slots__} for one in corrections)
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
