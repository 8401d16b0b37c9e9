"""What one sample adds to the sums that every measure is made of (MCR E.3; E2E-GMNER App. A; RiVEG IV-A).

A prediction is correct when its text and type equal gold's and the location agrees: both None, or IoU >= 0.5 (MCR Eq. 21) of its
first box with any gold box (UnCo Eq. 13). Matching is one-to-one inside a sample; duplicates stay and cost precision. All boxes
in original pixels. mcr.metrics.conventions has what papers do otherwise.

mcr.metrics.scores has the scores as functions of the sums; mcr.metrics.intervals resamples the same counts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.grec import grec_counts, verdict_counts
from mcr.metrics.matching import Hit, first_box_iou, first_mask_iou, match_best, match_exact
from mcr.records import Entity, ScoredSample, collapse_space

Key = tuple[str, ...]  # the measure, which of several where there are several (a type, a threshold), and the part
Counts = Mapping[Key, float]  # what is absent is 0
Entities = Sequence[Entity]
CURVE_THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 11))


def count_rows(
    rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT, seen_texts: frozenset[str] | None = None
) -> list[Counts]:
    """Return the counts of each sample.

    Args:
        rows: the samples.
        conventions: how hits are counted.
        seen_texts: entity texts of the training samples, white space collapsed, in lower case where the conventions are not
            case-sensitive; None counts nothing by them.
    """
    return [sample_counts(row, conventions, seen_texts) for row in unify_rows(rows, conventions)]


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sums over samples."""
    sums: dict[Key, float] = {}
    for one in counts:
        for key, value in one.items():
            sums[key] = sums.get(key, 0) + value
    return sums


def sample_counts(row: ScoredSample, conventions: Conventions = DEFAULT, seen_texts: frozenset[str] | None = None) -> Counts:
    """Return the counts of one sample as `Conventions.unify` gives it. What its task asks for decides what is counted.

    >>> counts = sample_counts(ScoredSample("Ann in Rome", (Entity("Ann", "PER"),), (Entity("Ann", "PER"), Entity("Bo", "PER"))))
    >>> [counts["gmner", part] for part in ("correct", "predicted", "gold")], counts["names", "invented"]
    ([1, 2, 1], 1)
    """
    task = row.task
    if not task.has_text:
        return verdict_counts(row) if task.is_verdict else grec_counts(row, conventions)
    placed = conventions.by_box(row)
    counts = _name_counts(placed)
    if task.has_type:
        counts |= _triple("mner", row.predicted, row.gold, conventions.agrees_on_type) | _folded_types(row, conventions)
        if seen_texts is not None:
            counts |= _seen_counts("seen_names", row, seen_texts, conventions.agrees_on_type)
    if task.has_location:
        counts |= _triple("eeg", placed.predicted, placed.gold, conventions.agrees_on_location)
        counts |= _no_target_counts(placed, conventions) | _grounding_counts(placed, conventions)
    if task.has_type and task.has_location:
        counts |= _triple("gmner", placed.predicted, placed.gold, conventions.agrees_on_type_and_location)
        counts |= _counts_by_type("per_type", placed, conventions.labels.canonical, conventions)
        counts |= _fmner_counts(row, conventions) | _fine_counts(placed, conventions)
        counts |= _curve_counts(placed, conventions) | _mask_counts(row, conventions)
        if seen_texts is not None:
            counts |= _seen_counts("seen", placed, seen_texts, conventions.agrees_on_type_and_location)
    return counts


def main_counts(row: ScoredSample, conventions: Conventions) -> Counts:
    """Return the counts of GMNER and MNER alone, of a sample as `Conventions.unify` gives it."""
    task, placed = row.task, conventions.by_box(row)
    counts: dict[Key, float] = {}
    if task.has_text and task.has_type:
        counts |= _triple("mner", row.predicted, row.gold, conventions.agrees_on_type)
        if task.has_location:
            counts |= _triple("gmner", placed.predicted, placed.gold, conventions.agrees_on_type_and_location)
    return counts


def _triple(measure: str | Key, predicted: Entities, gold: Entities, is_hit: Hit) -> dict[Key, float]:
    """Return correct, predicted and gold entities for one notion of a hit (MCR Eqs. 23-24)."""
    measure = (measure,) if isinstance(measure, str) else measure
    num_correct = len(match_exact(predicted, gold, is_hit))
    return {(*measure, "correct"): num_correct, (*measure, "predicted"): len(predicted), (*measure, "gold"): len(gold)}


def _name_counts(row: ScoredSample) -> dict[Key, float]:
    """Return the predictions, and those whose text does not occur in the sentence: exact, white space collapsed (MCR E.3)."""
    sentence = collapse_space(row.sentence)
    num_invented = sum(collapse_space(entity.text) not in sentence for entity in row.predicted)
    return {("names", "invented"): num_invented, ("names", "predicted"): len(row.predicted)}


def _no_target_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Count the entities whose location is None, matched by text (MCR Eqs. 26-29)."""
    predicted, gold = ([entity for entity in part if entity.boxes is None] for part in (row.predicted, row.gold))
    return _triple("no_target", predicted, gold, _type_hit(row, conventions, is_by_type=conventions.no_target_by_type))


def _grounding_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Count the gold entities with a box by the IoU of the prediction that is paired with them (E2E-GMNER Eqs. 11-12).

    The paper counts "matched pairs" and does not say whether their types must agree. Our choice: a gold entity is paired with a
    prediction of the same text and type, one to one, so that the summed IoU is highest. With `grounding_by_type` off, or where
    the task asks for no types, the same text is enough. Without a pair the IoU is 0. With several gold boxes it is that of the
    best one.
    """
    grounded = [entity for entity in row.gold if entity.boxes]
    is_pair = _type_hit(row, conventions, is_by_type=conventions.grounding_by_type)
    pairs = match_best(row.predicted, grounded, is_pair, first_box_iou)
    ious = [first_box_iou(row.predicted[p], grounded[g]) for p, g in pairs]
    return {
        ("grounding", "hits@0.5"): sum(value >= 0.5 for value in ious),
        ("grounding", "hits@0.75"): sum(value >= 0.75 for value in ious),
        ("grounding", "iou"): sum(ious),
        ("grounding", "gold"): len(grounded),
    }


def _type_hit(row: ScoredSample, conventions: Conventions, *, is_by_type: bool) -> Hit:
    """Return whether types must agree; they need not where the task asks for none."""
    return conventions.agrees_on_type if is_by_type and row.task.has_type else _always


def _always(predicted: Entity, gold: Entity) -> bool:
    return True


def _counts_by_type(measure: str, row: ScoredSample, name_of: Callable[[str], str], conventions: Conventions) -> dict[Key, float]:
    """Return GMNER's counts of each type in the sample; `name_of` gives a type's name (its one spelling, its coarse type)."""
    counts: dict[Key, float] = {}
    for name in sorted({name_of(entity.type) for entity in (*row.gold, *row.predicted)}):
        predicted, gold = ([one for one in part if name_of(one.type) == name] for part in (row.predicted, row.gold))
        counts |= _triple((measure, name), predicted, gold, conventions.agrees_on_type_and_location)
    return counts


def _curve_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return the correct entities at IoU thresholds 0.1 to 1.0 (as RiVEG Fig. 9; VKEL Table IX has six of them)."""
    return {
        ("iou_curve", threshold, "correct"): len(match_exact(row.predicted, row.gold, at.agrees_on_type_and_location))
        for threshold, at in _conventions_by_threshold(conventions).items()
    }


@lru_cache(maxsize=8)
def _conventions_by_threshold(conventions: Conventions) -> Mapping[str, Conventions]:
    return {f"{threshold:.1f}": replace(conventions, iou_threshold=threshold) for threshold in CURVE_THRESHOLDS}


def _fmner_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return what FMNER needs: MNER of these samples, and by coarse types (Twitter-FMNERG)."""
    coarse = _with_coarse_types(row, conventions)
    return {
        **_triple(("fmner", "fine"), row.predicted, row.gold, conventions.agrees_on_type),
        **_triple(("fmner", "coarse"), coarse.predicted, coarse.gold, conventions.agrees_on_type),
    }


def _fine_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return what FMNERG needs beside GMNER: both by coarse types, and whether any type is a fine one (Twitter-FMNERG)."""
    labels, coarse = conventions.labels, _with_coarse_types(row, conventions)
    return {
        **_triple(("fmnerg", "coarse"), coarse.predicted, coarse.gold, conventions.agrees_on_type_and_location),
        **_counts_by_type("per_coarse_type", row, labels.coarse_of, conventions),
        ("fmnerg", "fine_types"): sum(labels.is_fine(entity.type) for entity in (*row.gold, *row.predicted)),
    }


def _with_coarse_types(row: ScoredSample, conventions: Conventions) -> ScoredSample:
    """Return a sample with the coarse type of each entity."""
    coarse_of = conventions.labels.coarse_of
    predicted, gold = (tuple(replace(one, type=coarse_of(one.type)) for one in part) for part in (row.predicted, row.gold))
    return replace(row, predicted=predicted, gold=gold)


def _mask_counts(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return SMNER's and EES's counts: GMNER and EEG with the IoU of masks in the place of boxes (RiVEG IV-A, V-B)."""
    is_hit = partial(_agrees_on_type_and_mask, conventions)
    num_with_masks = sum(bool(entity.masks) for entity in row.gold)
    counts = {
        **_triple("smner", row.predicted, row.gold, is_hit),
        **_triple("ees", row.predicted, row.gold, conventions.agrees_on_mask),
        ("smner", "with_masks"): num_with_masks,
    }
    if num_with_masks:
        return counts | _mask_overlaps(row, conventions)
    # Without a mask all thresholds agree: what is right is None in both.
    curve = {("smner_curve", name, "correct"): counts["smner", "correct"] for name in _conventions_by_threshold(conventions)}
    return {**counts, **curve, ("smner", "iou"): 0, ("smner", "masked"): 0}


def _mask_overlaps(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return the IoU of masks, summed over gold entities that have some (RiVEG Table XI, mIoU), and SMNER's curve (its Fig. 9).

    As for boxes, a gold entity is paired with a prediction of the same text and type; without one its IoU is 0.
    """
    masked = [entity for entity in row.gold if entity.masks]
    pairs = match_best(row.predicted, masked, conventions.agrees_on_type, first_mask_iou)
    curve: dict[Key, float] = {}
    for threshold, at in _conventions_by_threshold(conventions).items():
        is_hit = partial(_agrees_on_type_and_mask, at)
        curve["smner_curve", threshold, "correct"] = len(match_exact(row.predicted, row.gold, is_hit))
    iou = sum(first_mask_iou(row.predicted[p], masked[g]) for p, g in pairs)
    return {**curve, ("smner", "iou"): iou, ("smner", "masked"): len(masked)}


def _agrees_on_type_and_mask(conventions: Conventions, predicted: Entity, gold: Entity) -> bool:
    return conventions.agrees_on_type(predicted, gold) and conventions.agrees_on_mask(predicted, gold)


def _seen_counts(measure: str, row: ScoredSample, seen_texts: frozenset[str], is_hit: Hit) -> dict[Key, float]:
    """Return a measure's counts of the entities whose text is in `seen_texts`, and of the others."""
    counts: dict[Key, float] = {}
    for name, is_seen in (("seen", True), ("unseen", False)):
        predicted, gold = (
            [one for one in part if (collapse_space(one.text) in seen_texts) == is_seen] for part in (row.predicted, row.gold)
        )
        counts |= _triple((measure, name), predicted, gold, is_hit)
    return counts


def _folded_types(row: ScoredSample, conventions: Conventions) -> dict[Key, float]:
    """Return how often each type was written otherwise than the label set does, as (..., as written, label, whose)."""
    counts: Counter[Key] = Counter()
    for whose, entities in (("gold", row.gold), ("predicted", row.predicted)):
        for entity in entities:
            label = conventions.labels.canonical(entity.type)
            if label != entity.type:
                counts["folded_types", entity.type, label, whose] += 1
    return dict(counts)
