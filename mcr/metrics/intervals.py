"""How sure a score is: the bootstrap over samples, of one system and of the difference of two (Efron and Tibshirani 1993).

Every measure is a ratio of sums over samples (mcr.metrics.counts, mcr.metrics.scores), so a resample is a weighting of samples
and costs one product of matrices. K: counts. N: samples. R: resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcr.metrics.counts import Counts, Key, total
from mcr.metrics.scores import Ratio, measures_of

CHUNK = 500
NORMAL_975 = 1.960
# 97.5 % quantiles of Student's t distribution with 1, 2, 3 ... degrees of freedom.
STUDENT_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


def as_matrix(counts: Sequence[Counts], keys: Sequence[Key]) -> np.ndarray:
    """Return the counts of each sample as float64 [N, K]."""
    return np.array([[one.get(key, 0) for key in keys] for one in counts], dtype=np.float64).reshape(-1, len(keys))


def keys_of(measures: Mapping[str, Ratio]) -> list[Key]:
    """Return the counts that measures are made of, each once."""
    return list(dict.fromkeys(key for ratio in measures.values() for key in (*ratio.top, *ratio.bottom)))


def scores_of(sums: np.ndarray, keys: Sequence[Key], measures: Mapping[str, Ratio]) -> np.ndarray:
    """Return every measure of sums [..., K], [..., len(measures)]: fractions, 0 where a denominator is 0, and counts."""
    column = {key: index for index, key in enumerate(keys)}
    scores = np.zeros((*sums.shape[:-1], len(measures)))
    for index, ratio in enumerate(measures.values()):
        top, bottom = (sums[..., [column[key] for key in part]].sum(-1) for part in (ratio.top, ratio.bottom))
        if ratio.is_count:
            scores[..., index] = top
        else:
            np.divide(top, bottom, out=scores[..., index], where=bottom > 0)
    return scores


def resampled_sums(counts: np.ndarray, num_resamples: int, seed: int | Sequence[int]) -> np.ndarray:
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


@dataclass(frozen=True, slots=True)
class SeedsEstimate:
    """A score over seeds: mean, standard deviation of the sample (n - 1; None of one seed), 95 % interval, number of seeds."""

    mean: float
    deviation: float | None
    low: float
    high: float
    num_seeds: int


def estimate_over_seeds(
    counts_by_seed: Sequence[Sequence[Counts]], measures: Mapping[str, Ratio], *, num_resamples: int = 10_000, seed: int = 0
) -> dict[str, SeedsEstimate]:
    """Return measures over several seeds with the interval of the hierarchical bootstrap.

    A resample draws seeds with replacement, then for each of them samples with replacement; its score is the mean of the scores
    of its seeds (Davison and Hinkley 1997, 3.8). So the interval covers both what another seed and what other samples change.
    With one seed it is the bootstrap over samples.

    Args:
        counts_by_seed: for each seed the counts of each sample, at least one of both.
        measures: by name.
        num_resamples: R.
        seed: of the resampling.
    """
    keys = keys_of(measures)
    matrices = [as_matrix(counts, keys) for counts in counts_by_seed]
    return _over_seeds(matrices, lambda sums: scores_of(sums, keys, measures), tuple(measures), num_resamples, seed)


def difference_over_seeds(
    counts_a: Sequence[Sequence[Counts]],
    counts_b: Sequence[Sequence[Counts]],
    measures: Mapping[str, Ratio],
    *,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, SeedsEstimate]:
    """Return B minus A over several seeds, with the interval of the hierarchical bootstrap of both together (paired).

    Args:
        counts_a: for each seed the counts of each sample with the predictions of A.
        counts_b: for the same seeds those of the same samples in the same order with the predictions of B.
        measures: by name.
        num_resamples: R.
        seed: of the resampling.
    """
    keys = keys_of(measures)
    pairs = zip(counts_a, counts_b, strict=True)
    matrices = [np.concatenate([as_matrix(one, keys) for one in pair], axis=1) for pair in pairs]

    def changes(sums: np.ndarray) -> np.ndarray:
        return scores_of(sums[..., len(keys) :], keys, measures) - scores_of(sums[..., : len(keys)], keys, measures)

    return _over_seeds(matrices, changes, tuple(measures), num_resamples, seed)


def _over_seeds(
    matrices: Sequence[np.ndarray],
    measure: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str],
    num_resamples: int,
    seed: int,
) -> dict[str, SeedsEstimate]:
    """Return what `measure` makes of the sums [..., K] of each seed, one value a name, over the seeds."""
    scores, num_seeds = np.stack([measure(matrix.sum(0)) for matrix in matrices]), len(matrices)
    picks = np.random.default_rng(seed).integers(0, num_seeds, size=(num_resamples, num_seeds))
    drawn = np.zeros((num_resamples, len(names)))
    for place in range(num_seeds):
        for index, matrix in enumerate(matrices):
            chosen = np.flatnonzero(picks[:, place] == index)
            if len(chosen):
                drawn[chosen] += measure(resampled_sums(matrix, len(chosen), (seed, place, index))) / num_seeds
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    deviations = scores.std(0, ddof=1) if num_seeds > 1 else [None] * len(names)
    cells = zip(names, scores.mean(0), deviations, low, high, strict=True)
    return {
        name: SeedsEstimate(float(mean), None if spread is None else float(spread), float(lowest), float(highest), num_seeds)
        for name, mean, spread, lowest, highest in cells
    }


def estimate(counts: Sequence[Counts], *, num_resamples: int = 10_000, seed: int = 0) -> dict[str, Estimate]:
    """Return every measure of one system with its interval; nothing without samples or resamples.

    Args:
        counts: of each sample (`mcr.metrics.counts.count_rows`).
        num_resamples: R.
        seed: of the resampling.
    """
    if not counts or not num_resamples:
        return {}
    measures = measures_of(total(counts))
    keys = keys_of(measures)
    matrix = as_matrix(counts, keys)
    drawn = scores_of(resampled_sums(matrix, num_resamples, seed), keys, measures)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    cells = zip(measures, scores_of(matrix.sum(0), keys, measures), low, high, strict=True)
    return {name: Estimate(*map(float, values)) for name, *values in cells}


def mean_with_interval(values: Sequence[float]) -> Estimate:
    """Return the mean of one score over several seeds with the 95 % interval of that mean, by Student's t.

    The bootstrap of `estimate` says how sure a score is over other samples, this interval over other seeds. One value has no
    interval: both ends are the value. Beyond 31 values the quantile is approximated from the normal one.

    Args:
        values: one a seed, at least one.
    """
    count, mean = len(values), float(np.mean(values))
    if count == 1:
        return Estimate(mean, mean, mean)
    freedom = count - 1
    quantile = STUDENT_975[freedom - 1] if freedom <= len(STUDENT_975) else NORMAL_975 + 2.4 / freedom
    margin = quantile * float(np.std(values, ddof=1)) / count**0.5
    return Estimate(mean, mean - margin, mean + margin)


def difference(
    counts_a: Sequence[Counts], counts_b: Sequence[Counts], *, num_resamples: int = 10_000, seed: int = 0
) -> dict[str, Difference]:
    """Return B minus A for every measure, resampling the samples of both together (paired).

    Args:
        counts_a: of each sample with the predictions of A.
        counts_b: of the same samples in the same order with those of B.
        num_resamples: R.
        seed: of the resampling.
    """
    if not counts_a:
        return {}
    measures = measures_of(total([*counts_a, *counts_b]))
    keys = keys_of(measures)
    both = np.concatenate([as_matrix(counts, keys) for counts in (counts_a, counts_b)], axis=1)

    def changes(sums: np.ndarray) -> np.ndarray:
        return scores_of(sums[..., len(keys) :], keys, measures) - scores_of(sums[..., : len(keys)], keys, measures)

    drawn = changes(resampled_sums(both, num_resamples, seed))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    tail = np.minimum((drawn <= 0).sum(0), (drawn >= 0).sum(0))
    p = np.minimum(1.0, 2 * (tail + 1) / (num_resamples + 1))
    cells = zip(measures, changes(both.sum(0)), low, high, p, strict=True)
    return {name: Difference(*map(float, values)) for name, *values in cells}
