"""How well a system's uncertainty tells its wrong predictions from its right ones (UnCo, App. B.4)."""

from collections.abc import Sequence
from itertools import groupby

from mcr.metrics.matching import Hit, match_exact
from mcr.records import ScoredSample


def uncertainty_auroc(rows: Sequence[ScoredSample], is_hit: Hit, ties: str) -> float | None:
    """Return the area under the ROC curve of uncertainty as a test for wrong predictions (UnCo Eq. 16).

    Differs: UnCo has an uncertainty for span, region and type each and reports three values (Fig. 3). Here a prediction has one
    uncertainty and is right or wrong as a whole.

    Args:
        rows: the samples; predictions without an uncertainty are left out.
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
        said = sorted(zip(row.predicted, row.uncertainties, strict=True), key=lambda one: (one[1] is None, one[1]))
        hits = {index for index, _ in match_exact([entity for entity, _ in said], row.gold, is_hit)}
        for index, (_, value) in enumerate(said):
            if value is not None:
                (right if index in hits else wrong).append(value)
    return auroc(right, wrong, ties) if right and wrong else None


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
