"""The five rewards, each a function of values, each in [0, 1] (MCR 4.2.1 and D.1-D.2)."""

from collections.abc import Sequence

from mcr.matching import first_box_iou, is_entailed_alike, is_same_type
from mcr.records import Entity

Pair = tuple[Entity, Entity]


def count_reward(num_pred: int, num_gold: int) -> float:
    """Return R_c: the harmonic mean of how much of each count the other covers (MCR Eqs. 6, 13-15). Both zero: 1.

    Precision min(p, g)/p, recall min(p, g)/g, F1 of the two.

    >>> count_reward(2, 2), count_reward(1, 3), count_reward(0, 2), count_reward(0, 0)
    (1.0, 0.5, 0.0, 1.0)
    """
    if num_pred == num_gold:
        return 1.0
    return 2 * min(num_pred, num_gold) / (num_pred + num_gold)


def span_reward(f1_of_pairs: Sequence[float]) -> float:
    """Return R_s: mean span F1 over the matched pairs (MCR Eq. 18); 0 without a pair."""
    return _mean(f1_of_pairs)


def type_reward(pairs: Sequence[Pair]) -> float:
    """Return R_t: the share of matched pairs (pred, gold) whose types agree (MCR Eq. 7); 0 without a pair."""
    return _mean([float(is_same_type(pred, gold)) for pred, gold in pairs])


def entailment_reward(pairs: Sequence[Pair]) -> float:
    """Return R_e: the share of matched pairs that agree on being in the image (MCR Eq. 9); 0 without a pair.

    A location that could not be read agrees with nothing.
    """
    return _mean([float(is_entailed_alike(pred, gold)) for pred, gold in pairs])


def grounding_reward(pairs: Sequence[Pair], sigma: float) -> float:
    """Return R_u: mean of `grounding_score` over the matched pairs (MCR Eq. 8); 0 without a pair."""
    return _mean([grounding_score(pred, gold, sigma) for pred, gold in pairs])


def grounding_score(pred: Entity, gold: Entity, sigma: float) -> float:
    """Return max(0, (IoU - sigma)/(1 - sigma)) for the first predicted and the best gold box; both None 1, one None 0.

    >>> grounding_score(Entity("a", "PER", [(0, 0, 4, 3)]), Entity("a", "PER", [(0, 0, 4, 4)]), 0.5)
    0.5
    """
    if pred.boxes is None or gold.boxes is None:
        return float(pred.boxes is None and gold.boxes is None)
    return max(0.0, (first_box_iou(pred, gold) - sigma) / (1 - sigma))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
