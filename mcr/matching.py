"""Matching predicted to gold entities: the soft span match of the rewards and the exact one-to-one match of the metrics."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from mcr.boxes import iou
from mcr.labels import canonical_type
from mcr.records import Entity, collapse_space

# The tie-breaks stand far enough below span F1, and below each other, that a higher one always decides.
TIE_TYPE, TIE_ENTAILMENT, TIE_GROUNDING, TIE_PAIR = 1e-5, 1e-7, 1e-9, 1e-12


def longest_overlap(tokens_a: Sequence[str], tokens_b: Sequence[str]) -> int:
    """Return the length of the longest contiguous run of tokens that both hold (MCR D.1)."""
    if len(tokens_a) > len(tokens_b):
        tokens_a, tokens_b = tokens_b, tokens_a
    best, previous = 0, [0] * (len(tokens_a) + 1)
    for token_b in tokens_b:
        current = [0] * (len(tokens_a) + 1)
        for index, token_a in enumerate(tokens_a):
            if token_a == token_b:
                current[index + 1] = previous[index] + 1
        best = max(best, max(current))
        previous = current
    return best


def span_f1(pred_text: str, gold_text: str) -> float:
    """Return token-level F1 from the longest contiguous overlap (MCR Eqs. 16-17); 0 where either is empty.

    >>> round(span_f1("the New York Times", "New York"), 4)
    0.6667
    """
    if pred_text == gold_text and pred_text.strip():
        return 1.0
    pred_tokens, gold_tokens = pred_text.split(), gold_text.split()
    if not pred_tokens or not gold_tokens or set(pred_tokens).isdisjoint(gold_tokens):
        return 0.0
    return 2 * longest_overlap(pred_tokens, gold_tokens) / (len(pred_tokens) + len(gold_tokens))


def first_box_iou(pred: Entity, gold: Entity) -> float:
    """Return the IoU of the prediction's first box with the best of gold's; 0 where either has no readable box."""
    if not pred.boxes or not gold.boxes:
        return 0.0
    return max(iou(pred.boxes[0], box) for box in gold.boxes)


def is_same_type(pred: Entity, gold: Entity) -> bool:
    """Whether two types are the same label, spellings of the coarse types folded."""
    return pred.type == gold.type or canonical_type(pred.type) == canonical_type(gold.type)


def is_entailed_alike(pred: Entity, gold: Entity) -> bool:
    """Whether both say that the entity is in the image, or both that it is not."""
    if pred.boxes is None or gold.boxes is None:
        return pred.boxes is None and gold.boxes is None
    return bool(pred.boxes)


def assign_spans(
    pred: Sequence[Entity], gold: Sequence[Entity], grounding: Callable[[Entity, Entity], float]
) -> list[tuple[int, int, float]]:
    """Return the one-to-one pairs (pred index, gold index, span F1 > 0) with the highest summed span F1 (MCR D.1).

    Ties go to the pairing that agrees in type, then in entailment, then in `grounding`, then to fewer pairs, so that the
    order of either list never decides a score.
    """
    if not pred or not gold:
        return []
    f1 = np.array([[span_f1(p.text, g.text) for g in gold] for p in pred])
    profit = f1.copy()
    for row, col in zip(*np.nonzero(f1), strict=True):
        p, g = pred[row], gold[col]
        profit[row, col] += TIE_TYPE * is_same_type(p, g) + TIE_ENTAILMENT * is_entailed_alike(p, g)
        profit[row, col] += TIE_GROUNDING * grounding(p, g) - TIE_PAIR
    rows, cols = linear_sum_assignment(profit, maximize=True)
    return [(int(r), int(c), float(f1[r, c])) for r, c in zip(rows, cols, strict=True) if f1[r, c] > 0]


def match_exact(
    pred: Sequence[Entity], gold: Sequence[Entity], is_hit: Callable[[Entity, Entity], bool]
) -> list[tuple[int, int]]:
    """Return the largest set of one-to-one pairs whose texts are equal (white space collapsed) and that `is_hit` accepts."""
    return match_best(pred, gold, is_hit, lambda p, g: 0.0)


def match_best(
    pred: Sequence[Entity],
    gold: Sequence[Entity],
    is_hit: Callable[[Entity, Entity], bool],
    value: Callable[[Entity, Entity], float],
) -> list[tuple[int, int]]:
    """Return the pairs of `match_exact`, among equally large sets the one with the highest summed `value` in [0, 1]."""
    texts: dict[str, list[int]] = {}
    for col, entity in enumerate(gold):
        texts.setdefault(collapse_space(entity.text), []).append(col)
    edges = [[col for col in texts.get(collapse_space(entity.text), ()) if is_hit(entity, gold[col])] for entity in pred]
    wanted = [col for cols in edges for col in cols]
    if all(len(cols) <= 1 for cols in edges) and len(set(wanted)) == len(wanted):
        return [(row, col) for row, cols in enumerate(edges) for col in cols]
    hits = np.zeros((len(pred), len(gold)))
    for row, cols in enumerate(edges):
        for col in cols:
            hits[row, col] = len(gold) + 1 + value(pred[row], gold[col])
    rows, cols = linear_sum_assignment(hits, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, cols, strict=True) if hits[r, c]]
