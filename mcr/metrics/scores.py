"""The measures of GMNER and of the two biases, each defined once (MCR E.3, Eqs. 19-31; E2E-GMNER App. A; RiVEG IV-A).

A prediction is correct when its text and type equal gold's and the location agrees: both None, or IoU >= 0.5 (MCR Eq. 21) of its
first box with any gold box (UnCo Eq. 13). Matching is one-to-one inside a sample; duplicates stay and cost precision. All boxes
in original pixels. mcr.metrics.conventions has what papers do otherwise.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mcr.labels import DEFAULT_LABELS
from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.grec import grec_scores
from mcr.metrics.matching import first_box_iou, is_same_type, match_best, match_exact
from mcr.metrics.uncertainty import uncertainty_auroc
from mcr.records import Entity, ScoredSample, collapse_space

CURVE_THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 11))
Hit = Callable[[Entity, Entity], bool]

__all__ = ["DEFAULT", "Conventions", "ScoredSample", "evaluate"]


def gmner_hit(conventions: Conventions = DEFAULT) -> Hit:
    """Return the test that type and location agree (texts are compared by the matching)."""
    return lambda pred, gold: is_same_type(pred, gold) and conventions.agrees_on_location(pred, gold)


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


def micro_scores(rows: Sequence[ScoredSample], is_hit: Hit) -> dict[str, float | int]:
    """Return micro scores over all samples for one notion of a hit (MCR Eqs. 23-24)."""
    correct = sum(len(match_exact(row.predicted, row.gold, is_hit)) for row in rows)
    return precision_recall_f1(correct, sum(len(row.predicted) for row in rows), sum(len(row.gold) for row in rows))


def no_target_scores(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, float | int]:
    """Return N-Pre, N-Rec and N-F1 over entities whose location is None, by text (MCR Eqs. 26-29)."""
    counts = [no_target_counts(row, conventions) for row in rows]
    return precision_recall_f1(*(sum(count[index] for count in counts) for index in range(3)))


def no_target_counts(row: ScoredSample, conventions: Conventions = DEFAULT) -> tuple[int, int, int]:
    """Return (correct, predicted, gold) of one sample's entities without a location."""
    pred, gold = _absent(row.predicted), _absent(row.gold)
    is_hit = is_same_type if conventions.no_target_by_type else lambda p, g: True
    return len(match_exact(pred, gold, is_hit)), len(pred), len(gold)


def num_invented(row: ScoredSample) -> int:
    """Return how many predictions of one sample do not occur in its sentence."""
    sentence = collapse_space(row.sentence)
    return sum(collapse_space(entity.text) not in sentence for entity in row.predicted)


def _absent(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(entity for entity in entities if entity.boxes is None)


def hallucinations(rows: Sequence[ScoredSample]) -> tuple[int, float]:
    """Return N-Count and N-Rate: predictions whose text does not occur in the sentence, and their share (MCR E.3, Table 4).

    Exact and case-sensitive, white space collapsed.
    Differs: MCR divides the count by the number of predictions in Eq. 30 (N-Count) and once more in Eq. 31 (N-Rate). Its Table 4
    shows the count itself and its share of the predictions. We follow the table.
    """
    num_pred = sum(len(row.predicted) for row in rows)
    invented = sum(map(num_invented, rows))
    return invented, invented / num_pred if num_pred else 0.0


def grounding_ious(row: ScoredSample, conventions: Conventions = DEFAULT) -> list[float]:
    """Return one IoU for each gold entity with a box (E2E-GMNER Eqs. 11-12).

    The paper counts "matched pairs" and does not say whether their types must agree. Our choice: a gold entity is paired with a
    prediction of the same text and type, one to one, so that the summed IoU is highest. With `grounding_by_type` off, the same
    text is enough. Without a pair the IoU is 0. With several gold boxes it is that of the best one.
    """
    grounded = [entity for entity in row.gold if entity.boxes]
    is_pair = is_same_type if conventions.grounding_by_type else lambda p, g: True
    pairs = match_best(row.predicted, grounded, is_pair, first_box_iou)
    return [first_box_iou(row.predicted[p], grounded[g]) for p, g in pairs] + [0.0] * (len(grounded) - len(pairs))


def grounding_scores(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, float]:
    """Return Acc@0.5, Acc@0.75 and mean IoU over gold entities with a box (E2E-GMNER Eqs. 11-12); 0 where gold has none."""
    ious = [value for row in rows for value in grounding_ious(row, conventions)]
    num = max(1, len(ious))
    return {
        "acc@0.5": sum(value >= 0.5 for value in ious) / num,
        "acc@0.75": sum(value >= 0.75 for value in ious) / num,
        "mean_iou": sum(ious) / num,
    }


def scores_by_type(
    rows: Sequence[ScoredSample], is_hit: Hit, name_of: Callable[[str], str] = DEFAULT_LABELS.canonical
) -> dict[str, dict[str, float | int]]:
    """Return micro scores of each type that gold or predictions hold; `name_of` folds types (coarse types, spellings)."""
    names = Counter(name_of(entity.type) for row in rows for entity in (*row.gold, *row.predicted))
    scores = {}
    for name in sorted(names):
        parts = [
            replace(row, gold=_of_type(row.gold, name, name_of), predicted=_of_type(row.predicted, name, name_of)) for row in rows
        ]
        scores[name] = micro_scores(parts, is_hit)
    return scores


def _of_type(entities: Sequence[Entity], name: str, name_of: Callable[[str], str]) -> tuple[Entity, ...]:
    return tuple(entity for entity in entities if name_of(entity.type) == name)


def iou_curve(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, float]:
    """Return GMNER F1 at IoU thresholds 0.1 to 1.0 (as RiVEG Fig. 9; VKEL Table IX has six of them)."""
    return {
        f"{threshold:.1f}": micro_scores(rows, gmner_hit(replace(conventions, iou_threshold=threshold)))["f1"]
        for threshold in CURVE_THRESHOLDS
    }


def with_coarse_types(row: ScoredSample) -> ScoredSample:
    """Return a sample whose fine types are folded to coarse ones (Twitter-FMNERG)."""
    gold, pred = (
        tuple(replace(entity, type=DEFAULT_LABELS.coarse_of(entity.type)) for entity in part)
        for part in (row.gold, row.predicted)
    )
    return replace(row, gold=gold, predicted=pred)


def fine_scores(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, Any]:
    """Return FMNERG and FMNER, fine and coarse, and FMNERG of each coarse type (Twitter-FMNERG)."""
    coarse = [with_coarse_types(row) for row in rows]
    hit = gmner_hit(conventions)
    return {
        "fmnerg": {"fine": micro_scores(rows, hit), "coarse": micro_scores(coarse, hit)},
        "fmner": {"fine": micro_scores(rows, is_same_type), "coarse": micro_scores(coarse, is_same_type)},
        "per_coarse_type": scores_by_type(rows, hit, DEFAULT_LABELS.coarse_of),
    }


def mask_scores(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> dict[str, Any]:
    """Return SMNER and EES: as GMNER and EEG, with the IoU of masks in the place of boxes (RiVEG IV-A, V-B)."""
    return {
        "smner": micro_scores(rows, lambda p, g: is_same_type(p, g) and conventions.agrees_on_mask(p, g)),
        "ees": micro_scores(rows, conventions.agrees_on_mask),
    }


def seen_scores(rows: Sequence[ScoredSample], seen_texts: frozenset[str], conventions: Conventions = DEFAULT) -> dict[str, Any]:
    """Return GMNER scores of entities whose text is in `seen_texts` (those of the training samples) and of the others.

    Args:
        rows: the samples.
        seen_texts: entity texts, white space collapsed, in lower case where the conventions are not case-sensitive.
        conventions: how hits are counted.
    """

    def part(entities: Sequence[Entity], is_seen: bool) -> tuple[Entity, ...]:
        return tuple(entity for entity in entities if (collapse_space(entity.text) in seen_texts) == is_seen)

    scores = {}
    for name, is_seen in (("seen", True), ("unseen", False)):
        parts = [replace(row, gold=part(row.gold, is_seen), predicted=part(row.predicted, is_seen)) for row in rows]
        scores[name] = micro_scores(parts, gmner_hit(conventions))
    return scores


def evaluate(
    rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT, seen_texts: frozenset[str] | None = None
) -> dict[str, Any]:
    """Return every measure by name: the content of metrics.json.

    Args:
        rows: the samples. What asks for a location is scored on task gmner, names on gmner and mner, grec on vg.
        conventions: how hits are counted.
        seen_texts: entity texts of the training samples; without them there is no `seen`.
    """
    rows = unify_rows(rows, conventions)
    named = [row for row in rows if row.task.has_text and row.task.has_type]
    placed = [row for row in named if row.task.has_location]
    n_count, n_rate = hallucinations(named)
    metrics = {
        "gmner": micro_scores(placed, gmner_hit(conventions)),
        "mner": micro_scores(named, is_same_type),
        "eeg": micro_scores(placed, conventions.agrees_on_location),
        "no_target": no_target_scores(placed, conventions),
        "n_count": n_count,
        "n_rate": n_rate,
        "grounding": grounding_scores(placed, conventions),
        "per_type": scores_by_type(placed, gmner_hit(conventions)),
        "iou_curve": iou_curve(placed, conventions),
        "conventions": conventions.to_dict(),
        "num_samples": len(rows),
    }
    entities = [entity for row in placed for entity in (*row.gold, *row.predicted)]
    if any(DEFAULT_LABELS.is_fine(entity.type) for entity in entities):
        metrics |= fine_scores(placed, conventions)
    if any(entity.masks for entity in entities):
        metrics |= mask_scores(placed, conventions)
    if any(row.uncertainties for row in placed):
        metrics["uncertainty_auroc"] = uncertainty_auroc(placed, gmner_hit(conventions), conventions.auroc_ties)
    if seen_texts is not None:
        metrics["seen"] = seen_scores(placed, seen_texts, conventions)
    if any(not row.task.has_text for row in rows):
        metrics["grec"] = grec_scores([row for row in rows if not row.task.has_text], conventions)
    return metrics
