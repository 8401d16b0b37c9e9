"""Generalised referring expression comprehension (GREC, gRefCOCO): one phrase, its boxes, or none in the image."""

from collections.abc import Sequence

from mcr.assignment import best_assignment
from mcr.boxes import iou
from mcr.conventions import DEFAULT, Conventions, Scored
from mcr.records import Box, Entity


def grec_scores(rows: Sequence[Scored], conventions: Conventions = DEFAULT) -> dict[str, float | int]:
    """Return GREC's measures over samples of task vg, as fractions; a zero denominator gives 0.

    n_acc: of the samples without a target, the share for which no place was predicted. t_acc: of those with one, the share for
    which a place was. precision@0.5: of those with one, the share whose first box hits any gold box. pr@f1=1: of all, the share
    whose boxes match gold's one to one with none left over on either side, the official measure.
    """
    gold = [_boxes(row.gold) for row in rows]
    pred = [_boxes(row.pred) for row in rows]
    is_asked = [bool(boxes) for boxes in gold]
    claims = [any(entity.boxes is not None for entity in row.pred) for row in rows]
    absent, present = is_asked.count(False), is_asked.count(True)
    hits = [bool(p) and any(conventions.is_enough(iou(p[0], box)) for box in g) for p, g in zip(pred, gold, strict=True)]
    exact = [_is_exact(p, g, conventions) and bool(p) == c for p, g, c in zip(pred, gold, claims, strict=True)]
    return {
        "n_acc": sum(not c for c, asked in zip(claims, is_asked, strict=True) if not asked) / max(1, absent),
        "t_acc": sum(c for c, asked in zip(claims, is_asked, strict=True) if asked) / max(1, present),
        "precision@0.5": sum(hits) / max(1, present),
        "pr@f1=1": sum(exact) / max(1, len(rows)),
        "num_no_target": absent,
        "num_target": present,
    }


def _boxes(entities: Sequence[Entity]) -> list[Box]:
    return [box for entity in entities for box in entity.boxes or ()]


def _is_exact(pred: Sequence[Box], gold: Sequence[Box], conventions: Conventions) -> bool:
    """Whether a one-to-one matching at the IoU threshold leaves no box over."""
    if len(pred) != len(gold):
        return False
    hits = {(p, g): 1 for p, a in enumerate(pred) for g, b in enumerate(gold) if conventions.is_enough(iou(a, b))}
    return len(best_assignment(hits)) == len(gold)
