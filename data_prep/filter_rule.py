"""The rule of reward-statistics filtering (MCR D.3): which prompts have something left to learn.

MCR does not say whether the deviations of D.3 and Eq. 11 are those of a sample or of a population. Both are the sample standard
deviation here (divided by G - 1), which TRL's and ms-swift's GRPO take for Eq. 11: our choice.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mcr.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FilterRule:
    """Keep a sample when std >= min_std, max >= min_max and min_median <= median <= max_median over its G rewards."""

    min_std: float = 0.1
    min_max: float = 0.8
    min_median: float = 0.08
    max_median: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.min_median <= self.max_median <= 1 or self.min_std < 0 or not 0 <= self.min_max <= 1:
            raise ConfigError(f"filter rule: got {self}, expected thresholds in [0, 1] with min_median <= max_median.")


REASONS = ("kept", "no spread", "never good", "too hard", "too easy")


@dataclass(frozen=True, slots=True)
class RewardStatistics:
    """Mean, sample standard deviation (divided by G - 1), maximum and median of one group's total rewards."""

    mean: float
    std: float
    max: float
    median: float


def summarise(rewards: Sequence[float]) -> RewardStatistics:
    """Return the statistics of one group.

    >>> summarise([0.0, 1.0, 0.5])
    RewardStatistics(mean=0.5, std=0.5, max=1.0, median=0.5)

    Raises:
        ConfigError: fewer than two rewards, which have no deviation.
    """
    if len(rewards) < 2:
        raise ConfigError(
            f"filter: got a group of {len(rewards)}, expected at least 2 rewards. Set num_generations to 2 or more."
        )
    return RewardStatistics(statistics.fmean(rewards), statistics.stdev(rewards), max(rewards), statistics.median(rewards))


def apply_rule(stats: RewardStatistics, rule: FilterRule) -> str:
    """Return "kept" or the first reason, in the order of REASONS, why a sample is dropped."""
    if stats.std < rule.min_std:
        return "no spread"
    if stats.max < rule.min_max:
        return "never good"
    if stats.median < rule.min_median:
        return "too hard"
    if stats.median > rule.max_median:
        return "too easy"
    return "kept"
