"""How well a system's uncertainty tells its wrong predictions from its right ones (UnCo, App. B.4)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from mcr.metrics.conventions import Conventions
from mcr.metrics.matching import Hit, match_exact
from mcr.records import Entity, ScoredSample, collapse_space
from mcr.uncertainties import PARTS, PartUncertainties, is_number


def uncertainty_auroc(rows: Sequence[ScoredSample], is_hit: Hit, ties: str) -> float | None:
    """Return the area under the ROC curve of uncertainty as a test for wrong predictions (UnCo Eq. 16).

    Here a prediction has one uncertainty and is right or wrong as a whole; `part_aurocs` is for systems that have one a part.

    Args:
        rows: the samples; predictions without one number as uncertainty are left out.
        is_hit: whether type and location make a prediction right (texts are compared by the matching). Of predictions that say
            the same, the least uncertain one is the right one.
        ties: "half" or "none", see `auroc`.

    Returns:
        A value in [0, 1]; None if there is no right or no wrong prediction with an uncertainty.
    """
    right, wrong = [], []
    for row in rows:
        if not row.uncertainties:
            continue
        values = [value if is_number(value) else None for value in row.uncertainties]
        found = _sorted_out(row.predicted, values, row.gold, is_hit)
        right += found[0]
        wrong += found[1]
    return auroc(right, wrong, ties) if right and wrong else None


def part_aurocs(rows: Sequence[ScoredSample], conventions: Conventions) -> dict[str, float]:
    """Return the AUROC of each part's uncertainty as a test for that part being wrong (UnCo Fig. 3).

    A span is right if gold has an entity of its text. Type and region are judged where the span is right, since gold says nothing
    of others (our choice).

    Args:
        rows: the samples; predictions without uncertainties of parts are left out.
        conventions: when types and locations agree, and what a tie counts.

    Returns:
        Values in [0, 1] by part; a part that is never right or never wrong is left out.
    """
    found: dict[str, float] = {}
    for part in PARTS:
        right, wrong = judged_part(rows, part, conventions)
        if right and wrong:
            found[part] = auroc(right, wrong, conventions.auroc_ties)
    return found


def part_aurocs_by_names(rows: Sequence[ScoredSample], conventions: Conventions, seen_texts: frozenset[str]) -> dict[str, float]:
    """Return `part_aurocs` of the predictions whose text is among the training samples' entities, and of the others.

    Args:
        rows: the samples.
        conventions: when types and locations agree, and what a tie counts.
        seen_texts: as for `mcr.metrics.counts.count_rows`.

    Returns:
        Values in [0, 1] by part and "seen" or "unseen", e.g. "span, seen".
    """
    return {
        f"{part}, {name}": value
        for name, is_seen in (("seen", True), ("unseen", False))
        for part, value in part_aurocs([_of_names(row, seen_texts, is_seen) for row in rows], conventions).items()
    }


def _of_names(row: ScoredSample, seen_texts: frozenset[str], is_seen: bool) -> ScoredSample:
    """Return a sample with those predictions alone whose text is in `seen_texts`, or is not."""
    said = zip(row.predicted, row.uncertainties, strict=True) if row.uncertainties else ()
    kept = [(one, value) for one, value in said if (collapse_space(one.text) in seen_texts) == is_seen]
    return replace(row, predicted=tuple(one for one, _ in kept), uncertainties=tuple(value for _, value in kept))


def judged_part(rows: Sequence[ScoredSample], part: str, conventions: Conventions) -> tuple[list[float], list[float]]:
    """Return the uncertainties of a part where it is right, and where it is wrong; arguments as for `part_aurocs`.

    Samples whose task does not ask for the part are left out.
    """
    agrees: dict[str, Callable[[Entity, Entity], bool]] = {
        "span": lambda p, g: True,
        "type": conventions.agrees_on_type,
        "region": conventions.agrees_on_location,
    }
    right, wrong = [], []
    for row in rows:
        if not row.uncertainties or not _asks_for(row, part):
            continue
        predicted, values = row.predicted, [_value_of(one, part) for one in row.uncertainties]
        if part != "span":
            spans = {index for index, _ in match_exact(predicted, row.gold, agrees["span"])}
            values = [value if index in spans else None for index, value in enumerate(values)]
        found = _sorted_out(predicted, values, row.gold, agrees[part])
        right += found[0]
        wrong += found[1]
    return right, wrong


def _asks_for(row: ScoredSample, part: str) -> bool:
    return {"span": row.task.has_text, "type": row.task.has_type, "region": row.task.has_location}[part]


def _value_of(uncertainty: float | PartUncertainties | None, part: str) -> float | None:
    return uncertainty.values.get(part) if isinstance(uncertainty, PartUncertainties) else None


def _sorted_out(
    predicted: Sequence[Entity], values: Sequence[float | None], gold: Sequence[Entity], is_hit: Hit
) -> tuple[list[float], list[float]]:
    """Return the values of right predictions and of wrong ones; of predictions that say the same the least uncertain is right."""
    said = sorted(zip(predicted, values, strict=True), key=lambda one: (one[1] is None, one[1]))
    said = [one for one in said if one[1] is not None]
    hits = {index for index, _ in match_exact([entity for entity, _ in said], gold, is_hit)}
    right, wrong = [], []
    for index, (_, value) in enumerate(said):
        if value is not None:
            (right if index in hits else wrong).append(value)
    return right, wrong


def auroc(right: Sequence[float], wrong: Sequence[float], ties: str) -> float:
    """Return the mean over all pairs (right, wrong) of 1[u(right) < u(wrong)] (UnCo Eq. 16), counted by ranks.

    Args:
        right: uncertainties of right predictions, at least one.
        wrong: uncertainties of wrong predictions, at least one.
        ties: what a pair of equal values counts: "half" of one, as is usual for the AUROC, or "none", as Eq. 16 is written.

    >>> auroc([0.1, 0.4, 0.35], [0.8, 0.4], "half") == 11 / 12, auroc([0.1, 0.4, 0.35], [0.8, 0.4], "none") == 5 / 6
    (True, True)
    """
    tie_value = {"half": 0.5, "none": 0.0}[ties]
    ordered = sorted([*((value, False) for value in right), *((value, True) for value in wrong)])
    total, num_right_below = 0.0, 0
    for _, group in groupby(ordered, key=lambda one: one[0]):
        labels = [is_wrong for _, is_wrong in group]
        num_wrong, num_right = sum(labels), len(labels) - sum(labels)
        total += num_wrong * (num_right_below + tie_value * num_right)
        num_right_below += num_right
    return total / (len(right) * len(wrong))
