"""How many gold boxes the regions of an image cover: what a method that chooses among them can reach (RiVEG Table II)."""

from collections.abc import Iterable, Sequence

from mcr.boxes import iou
from mcr.records import Sample
from mcr.regions.proposed import Proposals


def recall_at(pairs: Iterable[tuple[Sample, Proposals]], tops: Sequence[int], min_iou: float = 0.5) -> dict[int, float]:
    """Return, for each number K, the share of gold boxes that one of the K best regions covers.

    Args:
        pairs: samples with their regions, highest score first.
        tops: the numbers K.
        min_iou: from which on a region covers a box.

    Returns:
        A share in [0, 1] for each K; 0 where there is no gold box.
    """
    firsts = [_first_cover(box, regions, min_iou) for sample, regions in pairs for box in _gold_boxes(sample)]
    return {top: sum(first is not None and first < top for first in firsts) / len(firsts) if firsts else 0.0 for top in tops}


def _gold_boxes(sample: Sample) -> list[tuple[float, float, float, float]]:
    return [box for entity in sample.entities for box in entity.boxes or ()]


def _first_cover(box: Sequence[float], regions: Proposals, min_iou: float) -> int | None:
    """Return the rank, from 0, of the first region that covers a box; None where none does."""
    return next((rank for rank, region in enumerate(regions) if iou(region.box, box) >= min_iou), None)
