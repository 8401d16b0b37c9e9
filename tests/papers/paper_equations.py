"""Slow reference versions of the equations of three papers on grounded multimodal named entity recognition.

MCR is "Beyond Unimodal Shortcuts" (arXiv 2602.04486), E2E-GMNER is "End-to-End Generative Grounded Multimodal Named
Entity Recognition", and UnCo is "Uncertainty-Driven Collaborative Framework of Large and Small Models". Every matching
is found by exhaustive search and compared with exact fractions, so use short lists only.

An entity is (text, type, box). The tokens of a text are text.split(). A box is (x1, y1, x2, y2) with the area
(x2 - x1) * (y2 - y1), or None where the entity is not in the image.
"""

import itertools
import math
import statistics
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

Box = tuple[float, float, float, float]
Entity = tuple[str, str, Box | None]
Pair = tuple[int, int]
Sample = tuple[list[Entity], list[Entity]]

PARTS = ("count", "span", "type", "grounding", "entailment")


# Helpers shared by several equations


def _exact_iou(a: Box, b: Box) -> Fraction:
    """MCR Eq. 22 (E.3) on exact fractions."""
    ax1, ay1, ax2, ay2 = (Fraction(value) for value in a)
    bx1, by1, bx2, by2 = (Fraction(value) for value in b)
    if ax2 <= ax1 or ay2 <= ay1 or bx2 <= bx1 or by2 <= by1:
        return Fraction(0)
    width = min(ax2, bx2) - max(ax1, bx1)
    height = min(ay2, by2) - max(ay1, by1)
    if width <= 0 or height <= 0:
        return Fraction(0)
    intersection = width * height
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection
    return intersection / union


def _exact_token_f1(pred_text: str, gold_text: str) -> Fraction:
    """MCR Eqs. 16 and 17 (D.2) on exact fractions."""
    pred_tokens = pred_text.split()
    gold_tokens = gold_text.split()
    n = len(pred_tokens)
    m = len(gold_tokens)
    longest = 0
    for start, end in itertools.combinations(range(n + 1), 2):
        length = end - start
        for gold_start in range(m - length + 1):
            if pred_tokens[start:end] == gold_tokens[gold_start : gold_start + length]:
                longest = max(longest, length)
    if longest == 0:
        return Fraction(0)
    precision = Fraction(longest, n)
    recall = Fraction(longest, m)
    return 2 * precision * recall / (precision + recall)


def _all_matchings(num_pred: int, num_gold: int, allowed: Collection[Pair]) -> Iterator[list[Pair]]:
    """Yield every one-to-one matching, full or partial, that uses allowed (prediction, gold) index pairs only."""

    def extend(i: int, taken: frozenset[int]) -> Iterator[list[Pair]]:
        if i == num_pred:
            yield []
            return
        yield from extend(i + 1, taken)
        for j in range(num_gold):
            if j not in taken and (i, j) in allowed:
                for rest in extend(i + 1, taken | {j}):
                    yield [(i, j), *rest]

    yield from extend(0, frozenset())


def _largest_matching(num_pred: int, num_gold: int, allowed: Collection[Pair]) -> int:
    """Return the highest number of allowed pairs that a one-to-one matching can hold."""
    return max(len(pairs) for pairs in _all_matchings(num_pred, num_gold, allowed))


def _precision_recall_f1(num_correct: int, num_pred: int, num_gold: int) -> tuple[float, float, float]:
    """MCR Eqs. 23, 24, 28 and 29 (E.3). A ratio with the denominator 0 is 0."""
    precision = num_correct / num_pred if num_pred else 0.0
    recall = num_correct / num_gold if num_gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    return precision, recall, f1


def _deviation(values: Sequence[float], ddof: int) -> float:
    """Return the standard deviation with the divisor n - ddof, or 0 where that divisor is not positive."""
    if ddof not in (0, 1):
        raise ValueError(f"ddof must be 0 or 1, not {ddof}")
    if len(values) - ddof <= 0:
        return 0.0
    return statistics.pstdev(values) if ddof == 0 else statistics.stdev(values)


# MCR: boxes, rewards, advantages and the CVO objective


def iou(a: Box, b: Box) -> float:
    """MCR Eq. 22 (E.3): the intersection area over the union area.

    The result is 0 where a box has a side of no length or a reversed side.
    """
    return float(_exact_iou(a, b))


def count_reward(num_pred: int, num_gold: int) -> float:
    """MCR Eqs. 13 to 15 (D.1): p is the number of predicted entities and q the number of gold ones.

    The weight for too many depends on q, the weight for too few on p. Equal counts give 1, so two empty lists give 1.
    Where exactly one count is 0, the last line of Eq. 15 gives 0.
    """
    p, q = num_pred, num_gold
    if p == q:
        return 1.0
    if p > q > 0:
        if q <= 2:
            weight = Fraction(4, 10)
        elif q <= 4:
            weight = Fraction(2, 10)
        else:
            weight = Fraction(1, 10)
        return float(max(Fraction(0), 1 - (p - q) * weight))
    if 0 < p < q:
        if p <= 2:
            weight = Fraction(5, 10)
        elif p <= 4:
            weight = Fraction(3, 10)
        else:
            weight = Fraction(2, 10)
        return float(max(Fraction(0), 1 - (q - p) * weight))
    return 0.0


def token_f1(pred_text: str, gold_text: str) -> float:
    """MCR Eqs. 16 and 17 (D.2): F1 from the length of the longest run of tokens that both texts share.

    Precision divides that length by the predicted token count, recall by the gold token count. No shared token gives 0.
    """
    return float(_exact_token_f1(pred_text, gold_text))


def best_matchings(pred: list[Entity], gold: list[Entity]) -> list[list[Pair]]:
    """MCR Section 4.2.1 and D.2: every one-to-one matching with the highest summed token F1.

    Only pairs with F1 above 0 count as matched. Sums are compared exactly. Each matching is a list of
    (prediction index, gold index) in order of the prediction. The answer is [[]] where nothing can be matched.
    """
    f1 = {(i, j): _exact_token_f1(p[0], g[0]) for i, p in enumerate(pred) for j, g in enumerate(gold)}
    positive = {pair for pair, value in f1.items() if value > 0}
    best_sum = Fraction(-1)
    best: list[list[Pair]] = []
    for pairs in _all_matchings(len(pred), len(gold), positive):
        total = sum((f1[pair] for pair in pairs), Fraction(0))
        if total > best_sum:
            best_sum = total
            best = [pairs]
        elif total == best_sum:
            best.append(pairs)
    return sorted(best)


def part_rewards(
    pred: list[Entity],
    gold: list[Entity],
    pairs: list[Pair],
    sigma: float = 0.5,
    two_nones: str = "one",
) -> dict[str, float]:
    """MCR Eqs. 6 to 9 and 18 (Section 4.2.1, D.2), with the count reward of Eq. 15, for one given matching.

    The paper gives Eq. 8 no value for a pair without boxes. With exactly one box the pair scores 0. With none,
    two_nones decides: "one" scores 1, "zero" scores 0, "left_out" takes the pair out of the mean, and the reward is 1
    where this takes out every pair. Without any matched pair, the four rewards other than the count are 1 if both lists
    are empty and 0 otherwise.
    """
    if two_nones not in ("one", "zero", "left_out"):
        raise ValueError(f"unknown two_nones: {two_nones}")
    parts = {"count": count_reward(len(pred), len(gold))}
    if not pairs:
        value = 1.0 if not pred and not gold else 0.0
        return parts | dict.fromkeys(("span", "type", "grounding", "entailment"), value)

    k = len(pairs)
    parts["span"] = float(sum((_exact_token_f1(pred[i][0], gold[j][0]) for i, j in pairs), Fraction(0)) / k)
    parts["type"] = sum(pred[i][1] == gold[j][1] for i, j in pairs) / k
    parts["entailment"] = sum((pred[i][2] is None) == (gold[j][2] is None) for i, j in pairs) / k

    grounding: list[float] = []
    for i, j in pairs:
        pred_box, gold_box = pred[i][2], gold[j][2]
        if pred_box is None and gold_box is None:
            if two_nones == "one":
                grounding.append(1.0)
            elif two_nones == "zero":
                grounding.append(0.0)
        elif pred_box is None or gold_box is None:
            grounding.append(0.0)
        else:
            grounding.append(max(0.0, (iou(pred_box, gold_box) - sigma) / (1 - sigma)))
    parts["grounding"] = math.fsum(grounding) / len(grounding) if grounding else 1.0
    return parts


def total_reward(parts: dict[str, float], weights: dict[str, float]) -> float:
    """MCR Eq. 10 (Section 4.2.1): the weighted sum of the count, span, type, grounding and entailment rewards."""
    return math.fsum(weights[name] * parts[name] for name in PARTS)


def advantages(rewards: list[float], ddof: int) -> list[float]:
    """MCR Eq. 11 (Section 4.2.2): each reward less the group mean, over the group standard deviation.

    Nothing is added to the divisor. All advantages are 0 where the deviation is 0.
    """
    deviation = _deviation(rewards, ddof)
    if deviation == 0:
        return [0.0] * len(rewards)
    mean = statistics.mean(rewards)
    return [(reward - mean) / deviation for reward in rewards]


def cvo_loss(
    logprobs: list[list[float]],
    old_logprobs: list[list[float]],
    ref_logprobs: list[list[float]],
    advantages: list[float],
    eps_low: float,
    eps_high: float,
    beta: float,
) -> float:
    """MCR Eq. 12 (Section 4.2.2), negated so that it is to be minimized, with the two clip thresholds of E.4.

    Each sequence is averaged over its own tokens, then the sequences are averaged. All tokens of a sequence share one
    advantage. Eq. 12 has no KL term; a nonzero beta (E.4) adds beta times exp(ref - cur) - (ref - cur) - 1 to the loss
    of every token, inside the same averages. A sequence without tokens adds 0.
    """
    if not logprobs:
        return 0.0
    sequence_losses: list[float] = []
    for current, old, reference, advantage in zip(logprobs, old_logprobs, ref_logprobs, advantages, strict=True):
        token_losses: list[float] = []
        for t in range(len(current)):
            ratio = math.exp(current[t] - old[t])
            clipped = min(max(ratio, 1 - eps_low), 1 + eps_high)
            token_loss = -min(ratio * advantage, clipped * advantage)
            if beta != 0:
                gap = reference[t] - current[t]
                token_loss += beta * (math.exp(gap) - gap - 1)
            token_losses.append(token_loss)
        sequence_losses.append(math.fsum(token_losses) / len(token_losses) if token_losses else 0.0)
    return math.fsum(sequence_losses) / len(sequence_losses)


def keep_for_cvo(rewards: list[float], ddof: int) -> bool:
    """MCR D.3: keep a prompt by the deviation, the maximum and the median of its group of rewards.

    The deviation is at least 0.1, the maximum at least 0.8, and the median from 0.08 to 0.6 (both ends included).
    An even group's median is the mean of its two middle values.
    """
    if not rewards:
        return False
    return _deviation(rewards, ddof) >= 0.1 and max(rewards) >= 0.8 and 0.08 <= statistics.median(rewards) <= 0.6


# MCR: evaluation metrics


def correct(pred_entity: Entity, gold_entity: Entity, kind: str = "gmner") -> bool:
    """MCR Eqs. 19 to 22 (E.3): whether a prediction is right for a gold entity.

    "gmner" needs text, type and location, "mner" text and type, "eeg" text and location. The location is right where
    both are None or both are boxes with an IoU of at least 0.5.
    """
    if kind not in ("gmner", "mner", "eeg"):
        raise ValueError(f"unknown kind: {kind}")
    pred_text, pred_type, pred_box = pred_entity
    gold_text, gold_type, gold_box = gold_entity
    if pred_box is None or gold_box is None:
        right_location = pred_box is None and gold_box is None
    else:
        right_location = _exact_iou(pred_box, gold_box) >= Fraction(1, 2)
    right_type = pred_type == gold_type
    return pred_text == gold_text and (kind == "eeg" or right_type) and (kind == "mner" or right_location)


def gmner_scores(samples: list[Sample], kind: str) -> tuple[float, float, float]:
    """MCR Eqs. 19 to 24 (E.3): micro precision, recall and F1 over (predictions, gold entities) samples.

    Within a sample the pairing is one to one and chosen for the highest number of correct pairs.
    """
    num_correct = num_pred = num_gold = 0
    for pred, gold in samples:
        right = {(i, j) for i, p in enumerate(pred) for j, g in enumerate(gold) if correct(p, g, kind)}
        num_correct += _largest_matching(len(pred), len(gold), right)
        num_pred += len(pred)
        num_gold += len(gold)
    return _precision_recall_f1(num_correct, num_pred, num_gold)


def no_target_scores(samples: list[Sample]) -> tuple[float, float, float]:
    """MCR Eqs. 26 to 29 (E.3): N-Pre, N-Rec and N-F1 over the entities without a location.

    The denominators count the predicted and the gold entities whose box is None. A pair is right where the texts are
    equal and both boxes are None; the type plays no part. The pairing is one to one.
    """
    num_correct = num_pred = num_gold = 0
    for pred, gold in samples:
        pred_texts = [entity[0] for entity in pred if entity[2] is None]
        gold_texts = [entity[0] for entity in gold if entity[2] is None]
        right = {(i, j) for i, p in enumerate(pred_texts) for j, g in enumerate(gold_texts) if p == g}
        num_correct += _largest_matching(len(pred_texts), len(gold_texts), right)
        num_pred += len(pred_texts)
        num_gold += len(gold_texts)
    return _precision_recall_f1(num_correct, num_pred, num_gold)


def visual_bias(samples_with_sentence: list[tuple[str, list[Entity]]]) -> tuple[int, float]:
    """MCR Eqs. 30 and 31 (E.3), read as in Section 5.5 and Table 4: N-Count and N-Rate.

    N-Count is the raw number of predicted entities whose text is not a substring of the sentence, N-Rate its share of
    all predicted entities (0 without predictions). Taken literally, Eq. 30 already divides the number by k2, the count
    of predictions, and Eq. 31 divides by k2 once more; the counts of Table 4 rule this out. The line after Eq. 31 also
    describes the indicator the wrong way round.
    """
    num_absent = num_pred = 0
    for sentence, pred in samples_with_sentence:
        num_absent += sum(entity[0] not in sentence for entity in pred)
        num_pred += len(pred)
    return num_absent, num_absent / num_pred if num_pred else 0.0


def grec_scores(samples: list[tuple[Box | None, Box | None]]) -> dict[str, float]:
    """MCR Eq. 25 and the VG part of E.3: N-acc and precision over (predicted box, gold box) samples.

    "n_acc" is the share of samples without a gold box that get no predicted box. "precision" is the share of samples
    with a gold box that get a box with an IoU of at least 0.5. A share of no samples is 0.
    """
    no_target = [pred for pred, gold in samples if gold is None]
    one_target = [(pred, gold) for pred, gold in samples if gold is not None]
    num_none = sum(pred is None for pred in no_target)
    num_right = sum(pred is not None and _exact_iou(pred, gold) >= Fraction(1, 2) for pred, gold in one_target)
    return {
        "n_acc": num_none / len(no_target) if no_target else 0.0,
        "precision": num_right / len(one_target) if one_target else 0.0,
    }


# E2E-GMNER


def e2e_grounding(samples: list[Sample], match_type: bool) -> tuple[float, float, float]:
    """E2E-GMNER Eqs. 11 and 12 (Appendix A): accuracy at IoU 0.5 and 0.75, and the mean IoU.

    All three are means over the gold entities with a box. Such a gold entity may be paired with a prediction of the
    same text (and the same type if match_type is set). The pairing is one to one with the highest summed IoU; among
    equal sums, the one with more pairs at 0.5, then at 0.75. A gold entity without a pair, or paired with a prediction
    without a box, has the IoU 0. All three are 0 where no gold entity has a box.
    """
    num_gold = num_50 = num_75 = 0
    sum_iou = Fraction(0)
    for pred, gold in samples:
        boxed = [(text, kind, box) for text, kind, box in gold if box is not None]
        num_gold += len(boxed)
        ious: dict[Pair, Fraction] = {}
        for i, (pred_text, pred_type, pred_box) in enumerate(pred):
            for j, (gold_text, gold_type, gold_box) in enumerate(boxed):
                same = pred_text == gold_text and (pred_type == gold_type or not match_type)
                if same and pred_box is not None:
                    ious[i, j] = _exact_iou(pred_box, gold_box)
        best = (Fraction(0), 0, 0)
        for pairs in _all_matchings(len(pred), len(boxed), ious):
            values = [ious[pair] for pair in pairs]
            at_50 = sum(value >= Fraction(1, 2) for value in values)
            at_75 = sum(value >= Fraction(3, 4) for value in values)
            best = max(best, (sum(values, Fraction(0)), at_50, at_75))
        sum_iou += best[0]
        num_50 += best[1]
        num_75 += best[2]
    if num_gold == 0:
        return 0.0, 0.0, 0.0
    return num_50 / num_gold, num_75 / num_gold, float(sum_iou / num_gold)


def grbp(
    box: Box,
    width: float,
    height: float,
    beta: float,
    gamma: float,
    tau: float,
    max_tries: int,
    min_size: float,
    s_min: float,
    s_max: float,
    normals: Iterator[float],
) -> Box:
    """E2E-GMNER Algorithm 1 (Section 3.2.2): Gaussian box perturbation with an IoU guard.

    The draws come from normals, standard normal and in the order delta_x, delta_y, eps_w, eps_h for each try. Section
    3.2.2 has perturbed boxes clipped to the image, which Algorithm 1 does not show; the clip here comes after line 13,
    before the guard of line 14. The two returns of the original box (lines 3 and 16) leave it as it is.
    """
    x1, y1, x2, y2 = box
    center_x, center_y, w, h = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1  # line 1
    if w < min_size or h < min_size:  # lines 2 and 3
        return box
    for _ in range(max_tries):  # line 4
        delta_x = beta * next(normals)  # line 5
        delta_y = beta * next(normals)
        new_center_x = center_x + delta_x * w  # line 6
        new_center_y = center_y + delta_y * h  # line 7
        eps_w = gamma * next(normals)  # line 8
        eps_h = gamma * next(normals)
        a_w = min(s_max, max(s_min, 1 + eps_w))  # line 9
        a_h = min(s_max, max(s_min, 1 + eps_h))  # line 10
        new_w = max(min_size, w * a_w)  # line 11
        new_h = max(min_size, h * a_h)  # line 12
        perturbed = (  # line 13, then the clip of Section 3.2.2
            min(max(new_center_x - new_w / 2, 0.0), width),
            min(max(new_center_y - new_h / 2, 0.0), height),
            min(max(new_center_x + new_w / 2, 0.0), width),
            min(max(new_center_y + new_h / 2, 0.0), height),
        )
        if iou(perturbed, box) >= tau:  # lines 14 and 15
            return perturbed
    return box  # line 16


# UnCo


def unco_auroc(right: list[float], wrong: list[float], ties: str) -> float:
    """UnCo Eq. 16 (Appendix B.4): the share of (right, wrong) prediction pairs in which the right one is less uncertain.

    With ties "none", as Eq. 16 is written, a pair of equal uncertainties counts 0; with "half" it counts one half.
    The result is not a number where either list is empty.
    """
    if ties not in ("none", "half"):
        raise ValueError(f"unknown ties: {ties}")
    if not right or not wrong:
        return math.nan
    tie_value = Fraction(1, 2) if ties == "half" else Fraction(0)
    total = Fraction(0)
    for u0, u1 in itertools.product(right, wrong):
        if u0 < u1:
            total += 1
        elif u0 == u1:
            total += tie_value
    return float(total / (len(right) * len(wrong)))
