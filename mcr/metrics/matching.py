"""Matching predicted to gold entities: the soft span match of the rewards and the exact one-to-one match of the metrics."""

import math
from collections.abc import Callable, Sequence

from mcr.boxes import iou
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.masks import mask_iou
from mcr.metrics.assignment import best_assignment
from mcr.records import Entity, collapse_space

Hit = Callable[[Entity, Entity], bool]  # whether a predicted entity and a gold one of the same text agree
FIXED_POINT = 1 << 30  # what a value in [0, 1] is counted in where integers are compared


def longest_overlap(tokens_a: Sequence[str], tokens_b: Sequence[str]) -> int:
    """Return the length of the longest contiguous run of tokens that both hold (MCR D.2)."""
    if len(tokens_a) > len(tokens_b):
        tokens_a, tokens_b = tokens_b, tokens_a
    if len(tokens_a) == 1:
        return int(tokens_a[0] in tokens_b)
    held, none = set(tokens_a), [0] * (len(tokens_a) + 1)
    best, previous = 0, none
    for token_b in tokens_b:
        if token_b not in held:
            previous = none
            continue
        current = none.copy()
        for index, token_a in enumerate(tokens_a):
            if token_a == token_b:
                current[index + 1] = previous[index] + 1
        best = max(best, max(current))
        previous = current
    return best


def span_f1(predicted_text: str, gold_text: str) -> float:
    """Return token-level F1 from the longest contiguous overlap (MCR Eqs. 16-17); 0 where either is empty.

    >>> round(span_f1("the New York Times", "New York"), 4)
    0.6667
    """
    numerator, denominator = _overlap_fraction(predicted_text.split(), gold_text.split())
    return numerator / denominator if numerator else 0.0


def _overlap_fraction(predicted_tokens: Sequence[str], gold_tokens: Sequence[str]) -> tuple[int, int]:
    """Return span F1 as (numerator, denominator)."""
    overlap = len(predicted_tokens) if predicted_tokens == gold_tokens else longest_overlap(predicted_tokens, gold_tokens)
    return 2 * overlap, len(predicted_tokens) + len(gold_tokens)


def first_box_iou(predicted: Entity, gold: Entity) -> float:
    """Return the IoU of the prediction's first box with the best of gold's; 0 where either has no readable box."""
    if not predicted.boxes or not gold.boxes:
        return 0.0
    if len(gold.boxes) == 1:
        return iou(predicted.boxes[0], gold.boxes[0])
    return max(iou(predicted.boxes[0], box) for box in gold.boxes)


def first_mask_iou(predicted: Entity, gold: Entity) -> float:
    """Return the IoU of the prediction's first mask with the best of gold's; 0 where either has none."""
    if not predicted.masks or not gold.masks:
        return 0.0
    return max(mask_iou(predicted.masks[0], mask) for mask in gold.masks)


def is_same_type(predicted: Entity, gold: Entity, labels: LabelSet = DEFAULT_LABELS) -> bool:
    """Whether two types are one label of the set, by its aliases.

    >>> is_same_type(Entity("Ann", "person"), Entity("Ann", "PER"))
    True
    >>> is_same_type(Entity("Ann", "person"), Entity("Ann", "PER"), DEFAULT_LABELS.without_aliases())
    False
    """
    return labels.is_same(predicted.type, gold.type)


def is_entailed_alike(predicted: Entity, gold: Entity) -> bool:
    """Whether both say that the entity is in the image, or both that it is not."""
    if predicted.boxes is None or gold.boxes is None:
        return predicted.boxes is None and gold.boxes is None
    return bool(predicted.boxes)


def overlapping_pairs(predicted: Sequence[Entity], gold: Sequence[Entity]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return, for every pair (predicted index, gold index) that shares a token, its span F1 as (numerator, denominator)."""
    gold_tokens = [entity.text.split() for entity in gold]
    holders: dict[str, list[int]] = {}
    for col, tokens in enumerate(gold_tokens):
        for token in tokens:
            if token in holders:
                holders[token].append(col)
            else:
                holders[token] = [col]
    pairs: dict[tuple[int, int], tuple[int, int]] = {}
    for row, entity in enumerate(predicted):
        tokens = entity.text.split()
        for token in tokens:
            for col in holders.get(token, ()):
                if (row, col) not in pairs:
                    pairs[row, col] = _overlap_fraction(tokens, gold_tokens[col])
    return pairs


def assign_spans(
    predicted: Sequence[Entity],
    gold: Sequence[Entity],
    grounding: Callable[[Entity, Entity], float],
    labels: LabelSet = DEFAULT_LABELS,
) -> list[tuple[int, int, float]]:
    """Return the one-to-one pairs (predicted index, gold index, span F1 > 0) with the highest summed span F1 (MCR D.2).

    Pairs that share no token are left out: our reading of "successfully matched" (MCR 4.2.1). The paper has no rule for ties. Our
    choice: ties go to the pairing that agrees in type, then in entailment, then in `grounding`, then to fewer pairs, so that the
    order of either list never decides a score. Sums of F1 are compared as exact fractions.
    """
    pairs = overlapping_pairs(predicted, gold)
    chosen = list(pairs)
    rows, cols = zip(*chosen, strict=True) if chosen else ((), ())
    if len(set(rows)) < len(chosen) or len(set(cols)) < len(chosen):
        chosen = best_assignment(_span_weights(pairs, predicted, gold, grounding, labels))
    return [(row, col, pairs[row, col][0] / pairs[row, col][1]) for row, col in chosen]


def _span_weights(
    pairs: dict[tuple[int, int], tuple[int, int]],
    predicted: Sequence[Entity],
    gold: Sequence[Entity],
    grounding: Callable[[Entity, Entity], float],
    labels: LabelSet,
) -> dict[tuple[int, int], int]:
    """Return one integer a pair that orders pairs by F1, then type, entailment, grounding and "one pair less".

    No sum of a lower criterion reaches a higher one.
    """
    whole = math.lcm(*{denominator for _, denominator in pairs.values()})
    room = min(len(predicted), len(gold)) + 1
    weights = {}
    for (row, col), (numerator, denominator) in pairs.items():
        p, g = predicted[row], gold[col]
        weight = numerator * (whole // denominator)
        weight = (weight * room + is_same_type(p, g, labels)) * room + is_entailed_alike(p, g)
        weights[row, col] = (weight * room * FIXED_POINT + round(grounding(p, g) * FIXED_POINT)) * room - 1
    return weights


def match_exact(predicted: Sequence[Entity], gold: Sequence[Entity], is_hit: Hit) -> list[tuple[int, int]]:
    """Return the largest set of one-to-one pairs whose texts are equal (white space collapsed) and that `is_hit` accepts."""
    return match_best(predicted, gold, is_hit, lambda p, g: 0.0)


def match_best(
    predicted: Sequence[Entity],
    gold: Sequence[Entity],
    is_hit: Hit,
    value: Callable[[Entity, Entity], float],
) -> list[tuple[int, int]]:
    """Return the pairs of `match_exact`, among equally large sets the one with the highest summed `value` in [0, 1]."""
    texts: dict[str, list[int]] = {}
    for col, entity in enumerate(gold):
        texts.setdefault(collapse_space(entity.text), []).append(col)
    edges = [[col for col in texts.get(collapse_space(entity.text), ()) if is_hit(entity, gold[col])] for entity in predicted]
    wanted = [col for cols in edges for col in cols]
    if all(len(cols) <= 1 for cols in edges) and len(set(wanted)) == len(wanted):
        return [(row, col) for row, cols in enumerate(edges) for col in cols]
    room = (min(len(predicted), len(gold)) + 1) * FIXED_POINT
    weights = {
        (row, col): room + round(value(predicted[row], gold[col]) * FIXED_POINT) for row, cols in enumerate(edges) for col in cols
    }
    return best_assignment(weights)
