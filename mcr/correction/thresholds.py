"""Which uncertainty is too much: thresholds chosen on dev by grid (UnCo 3.4, Fig. 4), or by a rate of errors to be kept."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mcr.correction.hierarchy import Corrected, CorrectionOptions
from mcr.errors import ConfigError, DataError
from mcr.metrics.conventions import DEFAULT
from mcr.metrics.evaluate import evaluate
from mcr.metrics.uncertainty import judged_part
from mcr.records import Sample, ScoredSample, collapse_space
from mcr.uncertainties import PARTS, PartUncertainties

GRID = tuple(round(0.1 * step, 1) for step in range(11))
OFF = 1.0  # no normalized uncertainty is above it


@dataclass(frozen=True, slots=True)
class GridPoint:
    """What one threshold of one part gives on dev.

    Attributes:
        part: whose threshold; the other parts are not corrected.
        threshold: in [0, 1].
        num_questions: that it asks.
        score: of the corrected predictions: GMNER F1, or MNER F1 where no sample asks for boxes.
    """

    part: str
    threshold: float
    num_questions: int
    score: float


def search_grid(
    dev: Sequence[Sample],
    run: Callable[[CorrectionOptions], Corrected],
    options: CorrectionOptions,
    grid: Sequence[float] = GRID,
) -> list[GridPoint]:
    """Return each part's scores over a grid of thresholds, the other parts left as they are, as Fig. 4 shows them.

    Args:
        dev: samples with gold.
        run: corrects the dev predictions with some options.
        options: whose thresholds are replaced.
        grid: of thresholds.
    """
    is_placed = any(sample.task.has_location for sample in dev)
    points = []
    for part in PARTS:
        for threshold in grid:
            corrected = run(replace(options, thresholds={one: threshold if one == part else OFF for one in PARTS}))
            metrics = evaluate(dev, corrected.predictions)
            score = (metrics.gmner if is_placed else metrics.mner).f1
            points.append(GridPoint(part, threshold, corrected.num_questions, score))
    return points


def best_thresholds(points: Sequence[GridPoint]) -> dict[str, float]:
    """Return each part's threshold of the best score; of equal ones the highest, which asks least."""
    best: dict[str, GridPoint] = {}
    for point in points:
        known = best.get(point.part)
        if known is None or (point.score, point.threshold) > (known.score, known.threshold):
            best[point.part] = point
    return {part: point.threshold for part, point in best.items()}


def conformal_threshold(right: Sequence[float], wrong: Sequence[float], rate: float) -> float:
    """Return the highest threshold below which, in expectation, at most a share `rate` of predictions is kept and wrong.

    Conformal risk control (Angelopoulos et al., 2024) with the loss "not asked about and wrong" of a prediction: the highest t
    with (number of wrong ones of at most t + 1) / (n + 1) <= rate. It holds for new predictions that are exchangeable with these.
    Not in the paper.

    Args:
        right: uncertainties in [0, 1] of right predictions.
        wrong: of wrong ones.
        rate: in (0, 1).

    Returns:
        A threshold in [0, 1], above which a prediction is asked about. Where even 0 does not keep the rate, -1: ask about all.

    >>> [round(conformal_threshold([0.1] * 17, [0.2, 0.6], rate), 6) for rate in (0.2, 0.1, 0.05, 0.01)]
    [1.0, 0.6, 0.2, -1.0]
    """
    if not 0 < rate < 1:
        raise ConfigError(f"rate: got {rate}, expected a share between 0 and 1. Correct it.")
    total = len(right) + len(wrong) + 1
    allowed = int(rate * total + 1e-9) - 1  # wrong ones that may be kept
    if allowed < 0:
        return -1.0
    ordered = sorted(wrong)
    return math.nextafter(ordered[allowed], -1.0) if allowed < len(ordered) else OFF


def normalized_rows(rows: Sequence[ScoredSample]) -> list[ScoredSample]:
    """Return scored samples whose uncertainties are of parts, in [0, 1]; one number an entity counts for every part."""
    return [replace(row, uncertainties=tuple(map(_normalized, row.uncertainties))) for row in rows]


def _normalized(given: float | PartUncertainties | None) -> float | PartUncertainties | None:
    if given is None:
        return None
    if not isinstance(given, PartUncertainties):
        return PartUncertainties(dict.fromkeys(PARTS, float(given)))
    values = {part: value for part in PARTS if (value := given.normalized(part)) is not None}
    return PartUncertainties(values)


def conformal_thresholds(rows: Sequence[ScoredSample], rate: float) -> Mapping[str, float]:
    """Return the threshold of each part that keeps a rate of errors; a part without uncertainties is left out."""
    normalized = normalized_rows(rows)
    found = {}
    for part in PARTS:
        right, wrong = judged_part(normalized, part, DEFAULT)
        if right or wrong:
            found[part] = conformal_threshold(right, wrong, rate)
    return found


def not_evaluated(dev: Sequence[Sample], evaluated: Sequence[Sample]) -> list[Sample]:
    """Return the dev samples without those whose sentence is evaluated, too, such as retweets (Twitter-GMNER has one).

    Raises:
        DataError: some are the same by id, or none is left.
    """
    ids, sentences = {one.id for one in evaluated}, {collapse_space(one.sentence) for one in evaluated}
    same = [one.id for one in dev if one.id in ids]
    kept = [one for one in dev if collapse_space(one.sentence) not in sentences]
    if same or not kept:
        told = (
            f"{len(same)} dev samples are evaluated, {same[0]} first" if same else "the sentence of each dev sample is evaluated"
        )
        raise DataError(f"thresholds: {told}. Choose them on samples that no table scores.")
    return kept
