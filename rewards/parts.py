"""The five rewards, each a function of values, each in [0, 1] (MCR 4.2.1 and D.1-D.2).

`num` is what a sum over matched pairs is divided by: the number of pairs in the paper's rule, the larger of the two counts in the
stricter one (rewards.score.NORMALIZATIONS). Where it is 0, so is the reward.
"""

import math
from collections.abc import Iterable, Sequence

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


def span_reward(f1_of_pairs: Sequence[float], num: int) -> float:
    """Return R_s: summed span F1 of the matched pairs over `num` (MCR Eq. 18).

    >>> span_reward([1.0, 0.5], 2), span_reward([1.0, 0.5], 3), span_reward([], 0)
    (0.75, 0.5, 0.0)
    """
    return _mean(f1_of_pairs, num)


def type_reward(pairs: Sequence[Pair], num: int) -> float:
    """Return R_t: how many matched pairs (pred, gold) agree in type, over `num` (MCR Eq. 7).

    >>> type_reward([(Entity("Ann", "person"), Entity("Ann", "PER")), (Entity("Rome", "ORG"), Entity("Rome", "LOC"))], 2)
    0.5
    """
    return _mean([is_same_type(pred, gold) for pred, gold in pairs], num)


def entailment_reward(pairs: Sequence[Pair], num: int) -> float:
    """Return R_e: how many matched pairs agree on being in the image, over `num` (MCR Eq. 9).

    A location that could not be read agrees with nothing.

    >>> entailment_reward([(Entity("Ann", "PER", None), Entity("Ann", "PER", [(0, 0, 1, 1)]))], 1)
    0.0
    """
    return _mean([is_entailed_alike(pred, gold) for pred, gold in pairs], num)


def grounding_reward(scores_of_pairs: Sequence[float], num: int) -> float:
    """Return R_u: summed `grounding_score` of the matched pairs over `num` (MCR Eq. 8).

    >>> grounding_reward([1.0, 0.0], 2)
    0.5
    """
    return _mean(scores_of_pairs, num)


def grounding_score(pred: Entity, gold: Entity, sigma: float) -> float:
    """Return max(0, (IoU - sigma)/(1 - sigma)) for the first predicted and the best gold box; both None 1, one None 0.

    >>> grounding_score(Entity("a", "PER", [(0, 0, 4, 3)]), Entity("a", "PER", [(0, 0, 4, 4)]), 0.5)
    0.5
    """
    if pred.boxes is None or gold.boxes is None:
        return float(pred.boxes is None and gold.boxes is None)
    return max(0.0, (first_box_iou(pred, gold) - sigma) / (1 - sigma))


def _mean(values: Iterable[float], num: int) -> float:
    return math.fsum(values) / num if num else 0.0
