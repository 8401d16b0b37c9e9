"""The measures of GMNER and of the two biases, each defined once (MCR 5.1 and B; E2E-GMNER Eqs. 11-12).

A prediction is correct when its text and type equal gold's and the location agrees: both None, or IoU >= 0.5 of its first box
with any gold box. Matching is one-to-one inside a sample; duplicates stay and cost precision. All boxes in original pixels.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mcr.labels import canonical_type
from mcr.matching import first_box_iou, is_same_type, match_best, match_exact
from mcr.records import Entity, collapse_space

IOU_THRESHOLD = 0.5
Hit = Callable[[Entity, Entity], bool]


@dataclass(frozen=True, slots=True)
class Scored:
    """One sample's gold beside what was predicted for it."""

    sentence: str
    gold: tuple[Entity, ...]
    pred: tuple[Entity, ...]


def agrees_on_location(pred: Entity, gold: Entity) -> bool:
    """Whether both are None, or the first predicted box has IoU >= 0.5 with any gold box."""
    if pred.boxes is None or gold.boxes is None:
        return pred.boxes is None and gold.boxes is None
    return first_box_iou(pred, gold) >= IOU_THRESHOLD


def is_gmner_hit(pred: Entity, gold: Entity) -> bool:
    """Type and location agree (texts are compared by the matching)."""
    return is_same_type(pred, gold) and agrees_on_location(pred, gold)


def precision_recall_f1(num_correct: int, num_pred: int, num_gold: int) -> dict[str, float | int]:
    """Return micro precision, recall and F1 as fractions with their counts. A zero denominator gives 0.

    >>> precision_recall_f1(1, 2, 4)["f1"]
    0.3333333333333333
    """
    return {
        "precision": num_correct / num_pred if num_pred else 0.0,
        "recall": num_correct / num_gold if num_gold else 0.0,
        "f1": 2 * num_correct / (num_pred + num_gold) if num_pred + num_gold else 0.0,
        "num_correct": num_correct,
        "num_pred": num_pred,
        "num_gold": num_gold,
    }


def micro_scores(rows: Sequence[Scored], is_hit: Hit) -> dict[str, float | int]:
    """Return micro scores over all samples for one notion of a hit."""
    correct = sum(len(match_exact(row.pred, row.gold, is_hit)) for row in rows)
    return precision_recall_f1(correct, sum(len(row.pred) for row in rows), sum(len(row.gold) for row in rows))


def no_target_scores(rows: Sequence[Scored]) -> dict[str, float | int]:
    """Return N-Pre, N-Rec, N-F1 (MCR 5.1): over entities whose location is None, by text."""
    counts = [no_target_counts(row) for row in rows]
    return precision_recall_f1(*(sum(count[index] for count in counts) for index in range(3)))


def no_target_counts(row: Scored) -> tuple[int, int, int]:
    """Return (correct, predicted, gold) of one sample's entities without a location."""
    pred, gold = _absent(row.pred), _absent(row.gold)
    return len(match_exact(pred, gold, lambda p, g: True)), len(pred), len(gold)


def num_invented(row: Scored) -> int:
    """Return how many predictions of one sample do not stand in its sentence."""
    sentence = collapse_space(row.sentence)
    return sum(collapse_space(entity.text) not in sentence for entity in row.pred)


def _absent(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(entity for entity in entities if entity.boxes is None)


def hallucinations(rows: Sequence[Scored]) -> tuple[int, float]:
    """Return N-Count and N-Rate: predictions whose text does not stand in the sentence, and their share.

    Exact and case-sensitive, white space collapsed.
    Differs: MCR Eq. 30 divides twice; its Table 4 shows the raw count. We give the count and the plain share.
    """
    num_pred = sum(len(row.pred) for row in rows)
    invented = sum(map(num_invented, rows))
    return invented, invented / num_pred if num_pred else 0.0


def grounding_scores(rows: Sequence[Scored]) -> dict[str, float]:
    """Return Acc@0.5, Acc@0.75 and mean IoU over gold entities with a box (E2E-GMNER Eqs. 11-12).

    A gold entity is paired with a prediction of the same text and type, one to one, so that the summed IoU is highest;
    without one its IoU is 0.
    """
    ious: list[float] = []
    for row in rows:
        grounded = [entity for entity in row.gold if entity.boxes]
        pairs = match_best(row.pred, grounded, is_same_type, first_box_iou)
        ious += [first_box_iou(row.pred[p], grounded[g]) for p, g in pairs]
        ious += [0.0] * (len(grounded) - len(pairs))
    if not ious:
        return {"acc@0.5": 0.0, "acc@0.75": 0.0, "mean_iou": 0.0}
    return {
        "acc@0.5": sum(value >= 0.5 for value in ious) / len(ious),
        "acc@0.75": sum(value >= 0.75 for value in ious) / len(ious),
        "mean_iou": sum(ious) / len(ious),
    }


def per_type_scores(rows: Sequence[Scored]) -> dict[str, dict[str, float | int]]:
    """Return GMNER scores of each type that gold or predictions hold."""
    names = Counter(canonical_type(entity.type) for row in rows for entity in (*row.gold, *row.pred))
    scores = {}
    for name in sorted(names):
        of_type = [Scored(row.sentence, _of_type(row.gold, name), _of_type(row.pred, name)) for row in rows]
        scores[name] = micro_scores(of_type, is_gmner_hit)
    return scores


def _of_type(entities: Sequence[Entity], name: str) -> tuple[Entity, ...]:
    return tuple(entity for entity in entities if canonical_type(entity.type) == name)


def evaluate(rows: Sequence[Scored]) -> dict[str, Any]:
    """Return every measure by name: the content of metrics.json."""
    n_count, n_rate = hallucinations(rows)
    return {
        "gmner": micro_scores(rows, is_gmner_hit),
        "mner": micro_scores(rows, is_same_type),
        "eeg": micro_scores(rows, agrees_on_location),
        "no_target": no_target_scores(rows),
        "n_count": n_count,
        "n_rate": n_rate,
        "grounding": grounding_scores(rows),
        "per_type": per_type_scores(rows),
        "num_samples": len(rows),
    }
