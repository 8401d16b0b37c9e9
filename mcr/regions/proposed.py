"""regions/{split}.jsonl on disk: `{"id", "regions": [{"label", "box", "score"}]}`, boxes in pixels of the original image."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.boxes import Box
from mcr.errors import DataError, raise_faults
from mcr.io.atomic_write import whole_file
from mcr.io.samples import iter_json_lines
from mcr.records import Sample, check_box, check_inside

UNNAMED = "object"  # the label of a region whose category is not known


@dataclass(frozen=True, slots=True)
class Proposal:
    """A region that may hold something.

    Attributes:
        box: pixels of the original image, inside it.
        score: in [0, 1].
        label: its category, as the proposer names it.
    """

    box: Box
    score: float
    label: str = UNNAMED

    def to_dict(self) -> dict[str, Any]:
        """Return the form on disk."""
        return {"label": self.label, "box": list(self.box), "score": round(self.score, 4)}


Proposals = tuple[Proposal, ...]


def region_line(sample_id: str, proposals: Sequence[Proposal]) -> str:
    """Return the line of a sample's regions."""
    return json.dumps({"id": sample_id, "regions": [one.to_dict() for one in proposals]}, ensure_ascii=False) + "\n"


def write_regions(path: Path, rows: Iterable[tuple[str, Sequence[Proposal]]]) -> None:
    """Write the regions of samples, by id, the file complete or not at all."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.writelines(region_line(sample_id, proposals) for sample_id, proposals in rows)


def read_regions(path: Path) -> dict[str, Proposals]:
    """Return the regions of samples by id, in the order of the file.

    Raises:
        DataError: lists the lines that are not JSON, lack a key, have a wrong value or an id that occurred before.
    """
    regions: dict[str, Proposals] = {}
    faults: list[str] = []
    for number, row in iter_json_lines(path):
        try:
            sample_id, proposals = _read_row(row)
            if sample_id in regions:
                raise DataError(f"regions: id {sample_id!r} occurs twice. Keep one.")
            regions[sample_id] = proposals
        except DataError as error:
            faults.append(f"{path.name}:{number}: {error}")
    raise_faults(f"{len(faults)} lines of {path} cannot be used", faults)
    return regions


def _read_row(row: Mapping[str, Any] | DataError) -> tuple[str, Proposals]:
    if isinstance(row, DataError):
        raise row
    if not isinstance(row.get("id"), str) or not isinstance(row.get("regions"), list):
        raise DataError(f"regions: got {str(row)[:80]}, expected an id and a list of regions. Correct the line.")
    return row["id"], tuple(_read_proposal(one, row["id"]) for one in row["regions"])


def _read_proposal(row: Any, sample_id: str) -> Proposal:
    if not isinstance(row, dict) or "box" not in row:
        raise DataError(f"region: got {str(row)[:80]}, expected an object with a box (sample {sample_id}). Correct it.")
    score, label = row.get("score", 1.0), row.get("label", UNNAMED)
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score) or not isinstance(label, str):
        raise DataError(
            f"region: got score {score!r} and label {label!r}, expected a number and a text (sample {sample_id}). Correct them."
        )
    return Proposal(check_box(row["box"], f"sample {sample_id}"), float(score), label)


def regions_of(samples: Iterable[Sample], regions: Mapping[str, Proposals], top_k: int) -> Iterator[tuple[Sample, Proposals]]:
    """Yield each sample with its `top_k` regions of the highest scores.

    Raises:
        DataError: lists the samples with an image that the regions lack, and the regions that lie outside their image.
    """
    found, faults = [], []
    for sample in samples:
        shown = [image for image in sample.images if not image.is_missing]
        if sample.id not in regions and shown:
            faults.append(f"sample {sample.id} has no regions")
        best = sorted(regions.get(sample.id, ()), key=lambda one: -one.score)[:top_k] if shown else []
        for one in best:
            try:
                check_inside(one.box, sample.images, f"sample {sample.id}")
            except DataError as error:
                faults.append(str(error))
        found.append((sample, tuple(best)))
    raise_faults("regions do not fit the samples. Give the regions of these samples", faults)
    yield from found
