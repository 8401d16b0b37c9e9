"""Generalised referring expression comprehension (GREC, gRefCOCO): one phrase, its boxes, or none in the image."""

from collections.abc import Sequence

from mcr.assignment import best_assignment
from mcr.boxes import iou
from mcr.conventions import DEFAULT, Conventions, Scored
from mcr.records import Box, Entity


def grec_scores(rows: Sequence[Scored], conventions: Conventions = DEFAULT) -> dict[str, float | int]:
    """Return GREC's measures over samples of task vg, as fractions; a zero denominator gives 0.

    n_acc: of the samples without a target, the share for which none was said. t_acc: of those with one, the share for which a
    place was predicted. precision: of those with one, the share whose first box hits any gold box. pr@f1=1: of all, the share
    whose boxes match gold's one to one with none left over on either side, the official measure. A sample without a
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


def is_exact_place(row: Scored, conventions: Conventions = DEFAULT) -> bool:
    """Whether a sample's boxes match gold's one to one at the IoU threshold with none left over."""
    pred, gold = _boxes(row.pred), _boxes(row.gold)
    if not row.is_answered or len(pred) != len(gold) or bool(pred) != _claims_place(row):
        return False
    hits = {(p, g): 1 for p, a in enumerate(pred) for g, b in enumerate(gold) if conventions.is_enough(iou(a, b))}
    return len(best_assignment(hits)) == len(gold)


def _claims_place(row: Scored) -> bool:
    """Whether a place was written, readable or not."""
    return any(entity.boxes is not None for entity in row.pred)


def _hits(row: Scored, conventions: Conventions) -> bool:
    pred = _boxes(row.pred)
    return bool(pred) and any(conventions.is_enough(iou(pred[0], box)) for box in _boxes(row.gold))


def _boxes(entities: Sequence[Entity]) -> list[Box]:
    return [box for entity in entities for box in entity.boxes or ()]
