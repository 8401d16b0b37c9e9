"""Generalized referring expression comprehension (GREC, gRefCOCO): one phrase, its boxes, or none in the image (MCR E.3)."""

from collections.abc import Mapping, Sequence

from mcr.boxes import Box, giou, iou
from mcr.metrics.assignment import Edge, best_assignment
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.metrics.matching import first_mask_iou
from mcr.records import Entity, ScoredSample


def grec_counts(row: ScoredSample, conventions: Conventions) -> dict[tuple[str, ...], float]:
    """Return what one phrase adds to the sums of GREC's measures, by measure and part (MCR E.3).

    none_said: no target, and none was said (MCR Eq. 25). some_said: a target, and a place was predicted. first_hit: a target, and
    the first box hits any gold box by IoU. exact: the boxes match gold's one to one, none unmatched on either side. A sample
    without a prediction, or with one that cannot be read, is right in none of them.

    """
    has_target, is_claimed = bool(_boxes(row.gold)), _claims_place(row)
    return {
        ("grec", "target"): has_target,
        ("grec", "no_target"): not has_target,
        ("grec", "none_said"): not has_target and row.is_answered and not is_claimed,
        ("grec", "some_said"): has_target and is_claimed,
        ("grec", "first_hit"): has_target and _hits(row, conventions),
        ("grec", "exact"): is_exact_place(row, conventions),
    } | _mask_counts(row)


def _mask_counts(row: ScoredSample) -> dict[tuple[str, ...], float]:
    """Return the IoU of the first mask with the best of gold's, of a phrase that has some (RiVEG Table XI, mIoU)."""
    masked = [entity for entity in row.gold if entity.masks]
    if not masked:
        return {}
    iou = max((first_mask_iou(row.predicted[0], entity) for entity in masked), default=0.0) if row.predicted else 0.0
    return {("phrase_masks", "iou"): iou, ("phrase_masks", "phrases"): 1}


def verdict_counts(row: ScoredSample) -> dict[tuple[str, ...], float]:
    """Return whether it was rightly said that the image shows a phrase, or that it does not (RiVEG Table X, VE Acc.)."""
    return {("verdict", "right"): is_right_verdict(row), ("verdict", "phrases"): 1}


def is_right_verdict(row: ScoredSample) -> bool:
    """Whether a place was claimed where gold has one, or none where it has none. No answer is no verdict."""
    return row.is_answered and _claims_place(row) == bool(_boxes(row.gold))


def is_exact_place(row: ScoredSample, conventions: Conventions = DEFAULT) -> bool:
    """Whether a sample's boxes match gold's one to one, none unmatched: F1 = 1 at the IoU threshold.

    `grec_overlap` "iou" compares boxes by IoU, as the measure is named, and takes the largest matching. "giou" does what the
    official evaluation code does (henghuiding/gRefCOCO, mdetr/datasets/refexp.py): it compares by GIoU and pairs greedily, the
    highest value first. That code also drops boxes with a score below 0.7; generated boxes have no score, and all of them count.
    """
    predicted, gold = _boxes(row.predicted), _boxes(row.gold)
    if not row.is_answered or len(predicted) != len(gold) or bool(predicted) != _claims_place(row):
        return False
    overlap = giou if conventions.grec_overlap == "giou" else iou
    values = {(p, g): overlap(a, b) for p, a in enumerate(predicted) for g, b in enumerate(gold)}
    hits = {pair: value for pair, value in values.items() if conventions.is_enough(value)}
    pairs = _pair_greedily(hits) if conventions.grec_overlap == "giou" else best_assignment(dict.fromkeys(hits, 1))
    return len(pairs) == len(gold)


def _pair_greedily(hits: Mapping[Edge, float]) -> list[Edge]:
    """Return one-to-one pairs, the highest value first."""
    pairs, left = [], dict(hits)
    while left:
        row, col = max(left, key=left.__getitem__)
        pairs.append((row, col))
        left = {(p, g): value for (p, g), value in left.items() if p != row and g != col}
    return pairs


def _claims_place(row: ScoredSample) -> bool:
    """Whether a place was written, readable or not."""
    return any(entity.boxes is not None for entity in row.predicted)


def _hits(row: ScoredSample, conventions: Conventions) -> bool:
    predicted = _boxes(row.predicted)
    return bool(predicted) and any(conventions.is_enough(iou(predicted[0], box)) for box in _boxes(row.gold))


def _boxes(entities: Sequence[Entity]) -> list[Box]:
    return [box for entity in entities for box in entity.boxes or ()]
