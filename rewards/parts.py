"""The rewards, each a function of values, each in [0, 1] (MCR 4.2.1 and D.1-D.2), and the registry that names them.

`num` is what a sum over matched pairs is divided by: the number of pairs in the paper's rule, the larger of the two counts in the
stricter one (`RewardOptions.normalization`). Where it is 0, so is the reward.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.metrics.matching import first_box_iou, is_entailed_alike, is_same_type
from mcr.records import Entity

if TYPE_CHECKING:
    from rewards.options import RewardOptions

Pair = tuple[Entity, Entity]
TENTHS_OVER = ((2, 4), (4, 2))  # MCR Eq. 13: (most gold entities, w_o in tenths), else 1
TENTHS_UNDER = ((2, 5), (4, 3))  # MCR Eq. 14: (most predicted entities, w_u in tenths), else 2


@dataclass(frozen=True, slots=True)
class Matching:
    """What a reward part is computed from.

    Attributes:
        num_predicted, num_gold: entities on each side.
        pairs: the matched (predicted, gold) entities.
        span_f1s: token F1 of each pair, in (0, 1].
        num: what sums over pairs are divided by.
    """

    num_predicted: int
    num_gold: int
    pairs: Sequence[Pair]
    span_f1s: Sequence[float]
    num: int


def count_reward(num_predicted: int, num_gold: int, rule: str = "stepwise") -> float:
    """Return R_c for two numbers of entities.

    "stepwise" is the paper's (MCR D.1, Eqs. 13-15): 1 for equal numbers, 0 where one of them alone is 0, and else 1 less a weight
    for each entity too many or too few, never below 0. "f1" is our option: the harmonic mean of min/predicted and min/gold.

    >>> count_reward(2, 2), count_reward(2, 3), count_reward(4, 2), count_reward(1, 3), count_reward(0, 2), count_reward(0, 0)
    (1.0, 0.5, 0.2, 0.0, 0.0, 1.0)
    >>> count_reward(1, 3, "f1")
    0.5
    """
    if num_predicted == num_gold:
        return 1.0
    if not num_predicted or not num_gold:
        return 0.0
    if rule == "f1":
        return 2 * min(num_predicted, num_gold) / (num_predicted + num_gold)
    if num_predicted > num_gold:
        weight = next((tenths for most, tenths in TENTHS_OVER if num_gold <= most), 1)
    else:
        weight = next((tenths for most, tenths in TENTHS_UNDER if num_predicted <= most), 2)
    return max(0, 10 - abs(num_predicted - num_gold) * weight) / 10


def span_reward(f1_of_pairs: Sequence[float], num: int) -> float:
    """Return R_s: summed span F1 of the matched pairs over `num` (MCR Eqs. 6, 18).

    >>> span_reward([1.0, 0.5], 2), span_reward([1.0, 0.5], 3), span_reward([], 0)
    (0.75, 0.5, 0.0)
    """
    return _mean(f1_of_pairs, num)


def type_reward(pairs: Sequence[Pair], num: int, labels: LabelSet = DEFAULT_LABELS) -> float:
    """Return R_t: how many matched pairs (predicted, gold) agree in type, over `num` (MCR Eq. 7).

    >>> type_reward([(Entity("Ann", "person"), Entity("Ann", "PER")), (Entity("Rome", "ORG"), Entity("Rome", "LOC"))], 2)
    0.5
    """
    return _mean([p.type == g.type or is_same_type(p, g, labels) for p, g in pairs], num)


def entailment_reward(pairs: Sequence[Pair], num: int) -> float:
    """Return R_e: how many matched pairs agree on being in the image, over `num` (MCR Eq. 9).

    A location that could not be read agrees with nothing.

    >>> entailment_reward([(Entity("Ann", "PER", None), Entity("Ann", "PER", [(0, 0, 1, 1)]))], 1)
    0.0
    """
    return _mean([is_entailed_alike(predicted, gold) for predicted, gold in pairs], num)


def grounding_reward(pairs: Sequence[Pair], num: int, *, sigma: float = 0.5, two_nones: str = "one") -> float:
    """Return R_u: summed `grounding_score` of the matched pairs over `num` (MCR Eq. 8).

    Eq. 8 has no value for a pair in which neither side has a box. Our choice is 1 ("one"); "zero" gives 0, and "left_out" takes
    such pairs out of both the sum and `num`; where nothing remains, the reward is 1.

    >>> absent, shown = Entity("Ann", "PER"), Entity("Bob", "PER", [(0, 0, 4, 4)])
    >>> pairs = [(absent, absent), (Entity("Bob", "PER", [(0, 0, 4, 3)]), shown)]
    >>> [grounding_reward(pairs, 2, two_nones=rule) for rule in ("one", "zero", "left_out")]
    [0.75, 0.25, 0.5]
    """
    scores = [grounding_score(p, g, sigma) for p, g in pairs if p.boxes is not None or g.boxes is not None]
    num_absent = len(pairs) - len(scores)
    if two_nones == "left_out":
        return 1.0 if num_absent and num == num_absent else _mean(scores, num - num_absent)
    return _mean([*scores, *[float(two_nones == "one")] * num_absent], num)


def grounding_score(predicted: Entity, gold: Entity, sigma: float) -> float:
    """Return max(0, (IoU - sigma)/(1 - sigma)) for the first predicted and the best gold box; both None 1, one None 0.

    >>> grounding_score(Entity("a", "PER", [(0, 0, 4, 3)]), Entity("a", "PER", [(0, 0, 4, 4)]), 0.5)
    0.5
    """
    if predicted.boxes is None or gold.boxes is None:
        return float(predicted.boxes is None and gold.boxes is None)
    return max(0.0, (first_box_iou(predicted, gold) - sigma) / (1 - sigma))


def _mean(values: Sequence[float], num: int) -> float:
    return math.fsum(values) / num if num else 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One reward in the registry.

    Attributes:
        compute: the reward of matched entities, in [0, 1].
        weight: its default lambda in MCR Eq. 10. The paper states none; 0.2 for each of its five rewards is our choice, and a
            reward of your own weighs 0 until somebody asks for it.
    """

    compute: Callable[[Matching, "RewardOptions"], float]
    weight: float = 0.0


PART_TABLE: Mapping[str, Part] = {
    "count": Part(lambda m, options: count_reward(m.num_predicted, m.num_gold, options.count), weight=0.2),
    "span": Part(lambda m, options: span_reward(m.span_f1s, m.num), weight=0.2),
    "type": Part(lambda m, options: type_reward(m.pairs, m.num, options.labels), weight=0.2),
    "entailment": Part(lambda m, options: entailment_reward(m.pairs, m.num), weight=0.2),
    "grounding": Part(
        lambda m, options: grounding_reward(m.pairs, m.num, sigma=options.sigma, two_nones=options.two_nones), weight=0.2
    ),
}
PARTS = tuple(PART_TABLE)
