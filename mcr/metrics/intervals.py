"""How sure a score is: the bootstrap over samples, of one system and of the difference of two (Efron and Tibshirani 1993).

Every measure is a function of sums over samples, so a resample is a weighting of samples and costs one product of matrices.
K: the columns of COUNTS. N: samples. R: resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.matching import is_same_type, match_exact
from mcr.metrics.scores import gmner_hit, grounding_ious, no_target_counts, num_invented
from mcr.records import ScoredSample

COUNTS = (
    *("mner", "named_pred", "named_gold", "invented"),  # over tasks gmner and mner
    *("gmner", "eeg", "pred", "gold", "nt_correct", "nt_pred", "nt_gold", "hit50", "hit75", "iou", "grounded"),
)
CHUNK = 500


def sample_counts(rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT) -> np.ndarray:
    """Return what each sample adds to the sums that the measures are made of, float64 [N, K]."""
    counts = [_counts(row, conventions) for row in unify_rows(rows, conventions)]
    return np.array(counts, dtype=np.float64).reshape(-1, len(COUNTS))


def _counts(row: ScoredSample, conventions: Conventions) -> list[float]:
    if not row.task.has_text:
        return [0.0] * len(COUNTS)
    names = [len(match_exact(row.predicted, row.gold, is_same_type)), len(row.predicted), len(row.gold), num_invented(row)]
    if not row.task.has_location:
        return [*names, *[0.0] * (len(COUNTS) - len(names))]
    hits = [
        len(match_exact(row.predicted, row.gold, is_hit)) for is_hit in (gmner_hit(conventions), conventions.agrees_on_location)
    ]
    ious = grounding_ious(row, conventions)
    found = [sum(value >= 0.5 for value in ious), sum(value >= 0.75 for value in ious), sum(ious), len(ious)]
    return [*names, *hits, len(row.predicted), len(row.gold), *no_target_counts(row, conventions), *found]


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Divide, 0 where the denominator is 0."""
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _f1(correct: str, pred: str = "pred", gold: str = "gold") -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda sums: _ratio(2 * sums[correct], sums[pred] + sums[gold])


MEASURES: dict[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]] = {
    "GMNER F1": _f1("gmner"),
    "GMNER precision": lambda sums: _ratio(sums["gmner"], sums["pred"]),
    "GMNER recall": lambda sums: _ratio(sums["gmner"], sums["gold"]),
    "MNER F1": _f1("mner", "named_pred", "named_gold"),
    "EEG F1": _f1("eeg"),
    "N-Rate": lambda sums: _ratio(sums["invented"], sums["named_pred"]),
    "N-Pre": lambda sums: _ratio(sums["nt_correct"], sums["nt_pred"]),
    "N-Rec": lambda sums: _ratio(sums["nt_correct"], sums["nt_gold"]),
    "N-F1": _f1("nt_correct", "nt_pred", "nt_gold"),
    "Acc@0.5": lambda sums: _ratio(sums["hit50"], sums["grounded"]),
    "Acc@0.75": lambda sums: _ratio(sums["hit75"], sums["grounded"]),
    "mean IoU": lambda sums: _ratio(sums["iou"], sums["grounded"]),
}


def scores_of(sums: np.ndarray) -> np.ndarray:
    """Return every measure of sums [..., K], as fractions [..., len(MEASURES)]."""
    by_name = {name: sums[..., column] for column, name in enumerate(COUNTS)}
    return np.stack([measure(by_name) for measure in MEASURES.values()], axis=-1)


def resampled_sums(counts: np.ndarray, num_resamples: int, seed: int) -> np.ndarray:
    """Return the sums of R resamples of the samples with replacement, [R, K'], for counts [N, K']."""
    rng, num = np.random.default_rng(seed), len(counts)
    sums = []
    for start in range(0, num_resamples, CHUNK):
        picks = rng.integers(0, num, size=(min(CHUNK, num_resamples - start), num))
        offsets = np.arange(len(picks))[:, None] * num
        weights = np.bincount((picks + offsets).ravel(), minlength=len(picks) * num).reshape(len(picks), num)
        sums.append(weights @ counts)
    return np.concatenate(sums)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score with its 95 % interval (percentiles of the bootstrap), as fractions."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Score of B minus score of A, with its 95 % interval and two-sided p value (bootstrap, at least 2/(R+1))."""

    value: float
    low: float
    high: float
    p: float


def estimate(
    rows: Sequence[ScoredSample], *, num_resamples: int = 10_000, seed: int = 0, conventions: Conventions = DEFAULT
) -> dict[str, Estimate]:
    """Return every measure of one system with its interval; nothing without samples."""
    if not rows:
        return {}
    counts = sample_counts(rows, conventions)
    drawn = scores_of(resampled_sums(counts, num_resamples, seed))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: Estimate(*map(float, cells)) for name, *cells in zip(MEASURES, scores_of(counts.sum(0)), low, high, strict=True)
    }


def difference(
    rows_a: Sequence[ScoredSample],
    rows_b: Sequence[ScoredSample],
    *,
    num_resamples: int = 10_000,
    seed: int = 0,
    conventions: Conventions = DEFAULT,
) -> dict[str, Difference]:
    """Return B minus A for every measure, resampling the samples of both together (paired).

    Args:
        rows_a: the samples with the predictions of A.
        rows_b: the same samples in the same order with those of B.
        num_resamples: R.
        seed: of the resampling.
        conventions: how hits are counted.
    """
    if not rows_a:
        return {}
    both = np.concatenate([sample_counts(rows, conventions) for rows in (rows_a, rows_b)], axis=1)
    size = len(COUNTS)
    observed = scores_of(both.sum(0)[size:]) - scores_of(both.sum(0)[:size])
    sums = resampled_sums(both, num_resamples, seed)
    drawn = scores_of(sums[:, size:]) - scores_of(sums[:, :size])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    tail = np.minimum((drawn <= 0).sum(0), (drawn >= 0).sum(0))
    p = np.minimum(1.0, 2 * (tail + 1) / (num_resamples + 1))
    cells = zip(MEASURES, observed, low, high, p, strict=True)
    return {name: Difference(*map(float, values)) for name, *values in cells}
