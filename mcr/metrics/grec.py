"""Generalized referring expression comprehension (GREC, gRefCOCO): one phrase, its boxes, or none in the image (MCR E.3)."""

from collections.abc import Mapping, Sequence

from mcr.boxes import Box, giou, iou
from mcr.metrics.assignment import Edge, best_assignment
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.records import Entity, ScoredSample


def grec_scores(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, float | int]:
    """Return GREC's measures over samples of task vg, as fractions; a zero denominator gives 0.

    n_acc: of the samples without a target, the share for which none was said (MCR Eq. 25). t_acc: of those with one, the share
    for which a place was predicted. precision: of those with one, the share whose first box hits any gold box by IoU (MCR E.3).
    pr@f1=1: of all, the share whose boxes match gold's one to one with none left over on either side. A sample without a
    prediction, or with one that cannot be read, is right in none of them.
    """
    absent = [row for row in rows if not _boxes(row.gold)]
    present = [row for row in rows if _boxes(row.gold)]
    return {
        "n_acc": sum(row.is_answered and not _claims_place(row) for row in absent) / max(1, len(absent)),
        "t_acc": sum(_claims_place(row) for row in present) / max(1, len(present)),
        "precision": sum(_hits(row, conventions) for row in present) / max(1, len(present)),
        "pr@f1=1": sum(is_exact_place(row, conventions) for row in rows) / max(1, len(rows)),
        "num_no_target": len(absent),
        "num_target": len(present),
    }


def is_exact_place(row: ScoredSample, conventions: Conventions = DEFAULT) -> bool:
    """Whether a sample's boxes match gold's one to one with none left over: F1 = 1 at the IoU threshold.

    `grec_overlap` "iou" compares boxes by IoU, as the measure is named, and takes the largest matching. "giou" does what the
    official evaluation code does (henghuiding/gRefCOCO, mdetr/datasets/refexp.py): it compares by GIoU and pairs greedily, the
    highest value first. That code also drops boxes with a score below 0.7; generated boxes have no score, and all of them count.
    """
    pred, gold = _boxes(row.predicted), _boxes(row.gold)
    if not row.is_answered or len(pred) != len(gold) or bool(pred) != _claims_place(row):
        return False
    overlap = giou if conventions.grec_overlap == "giou" else iou
    values = {(p, g): overlap(a, b) for p, a in enumerate(pred) for g, b in enumerate(gold)}
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
    pred = _boxes(row.predicted)
    return bool(pred) and any(conventions.is_enough(iou(pred[0], box)) for box in _boxes(row.gold))


def _boxes(entities: Sequence[Entity]) -> list[Box]:
    return [box for entity in entities for box in entity.boxes or ()]
