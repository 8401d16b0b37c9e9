"""From a model's log odds to a probability that the image shows a phrase, and the threshold above which it is grounded."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import write_json
from mcr.io.predictions import Prediction
from mcr.uncertainties import is_number

NUM_BINS = 10
LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(shown) = 1 / (1 + exp(-(slope * log odds + intercept))): Platt scaling.

    Attributes:
        threshold: a phrase is grounded where P(shown) is at least this.
    """

    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and 0 <= self.threshold <= 1):
            raise ConfigError(f"calibration: got {self}, expected finite numbers and a threshold from 0 to 1. Correct them.")

    def probability(self, log_odds: float) -> float:
        """Return P(shown).

        >>> Calibration().probability(0.0)
        0.5
        """
        return _sigmoid(self.slope * log_odds + self.intercept)

    def other_probability(self, log_odds: float) -> float:
        """Return P(not shown), which keeps its digits where it is tiny."""
        return _sigmoid(-(self.slope * log_odds + self.intercept))

    def save(self, path: Path) -> None:
        """Write the three numbers as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read what `save` wrote.

        Raises:
            ConfigError: there is no such file, or it holds something else.
        """
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(float(row[key]) for key in ("slope", "intercept", "threshold")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"calibration: {path} cannot be read ({error}). Write it with mcr calibrate-verdicts.") from error


UNCALIBRATED = Calibration()


def fit_calibration(log_odds: Sequence[float], is_shown: Sequence[bool]) -> Calibration:
    """Return the scaling that makes dev's verdicts most likely, and the threshold with the most right verdicts.

    The targets are Platt's: (n + 1) / (n + 2) and 1 / (n + 2) of n phrases of a kind, so that separable verdicts have a finite
    slope, too.

    Args:
        log_odds: of dev's phrases.
        is_shown: gold, one a phrase.

    Raises:
        DataError: all phrases are of one kind.
    """
    import numpy as np
    from scipy.optimize import minimize

    scores, shown = np.asarray(log_odds, dtype=float), np.asarray(is_shown, dtype=bool)
    num_shown, num_absent = int(shown.sum()), int((~shown).sum())
    if not num_shown or not num_absent:
        raise DataError(f"calibration: got {num_shown} phrases that are shown and {num_absent} that are not, expected both.")
    targets = np.where(shown, (num_shown + 1) / (num_shown + 2), 1 / (num_absent + 2))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = weights[0] * scores + weights[1]
        value = float(np.sum(np.logaddexp(0, logits) - targets * logits))
        error = 0.5 * (1 + np.tanh(logits / 2)) - targets
        return value, np.array([np.sum(error * scores), np.sum(error)])

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    fitted = Calibration(float(slope), float(intercept))
    chances = [fitted.probability(one) for one in scores]
    return Calibration(fitted.slope, fitted.intercept, best_threshold(chances, shown.tolist()))


def best_threshold(chances: Sequence[float], is_shown: Sequence[bool]) -> float:
    """Return the threshold with the most right verdicts; of equally good ones the nearest to 0.5.

    >>> best_threshold([0.2, 0.3, 0.9], [False, True, True])
    0.25
    """
    ordered = sorted(set(chances))
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    candidates = [0.0, 0.5, 1.0, *between]

    def num_right(threshold: float) -> int:
        return sum((chance >= threshold) == shown for chance, shown in zip(chances, is_shown, strict=True))

    return max(candidates, key=lambda one: (num_right(one), -abs(one - 0.5)))


def calibration_error(chances: Sequence[float], is_shown: Sequence[bool]) -> float:
    """Return the expected calibration error over NUM_BINS bins of equal width, from 0 to 1.

    >>> round(calibration_error([0.9, 0.9, 0.1], [True, False, False]), 4)
    0.3
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for chance, shown in zip(chances, is_shown, strict=True):
        bins.setdefault(min(int(chance * NUM_BINS), NUM_BINS - 1), []).append((chance, shown))
    gaps = (abs(sum(chance for chance, _ in rows) - sum(shown for _, shown in rows)) for rows in bins.values())
    return sum(gaps) / len(chances)


def probability_of(prediction: Prediction) -> float:
    """Return P(shown) of a verdict: its uncertainty is the probability of the other verdict."""
    is_claimed = any(entity.boxes is not None for entity in prediction.entities)
    uncertainty = next(iter(prediction.uncertainties), None)
    if not is_number(uncertainty):
        return float(is_claimed)
    return 1 - uncertainty if is_claimed else uncertainty


def log_odds_of(prediction: Prediction) -> float:
    """Return the log odds of a verdict that was made without calibration.

    Raises:
        DataError: the other verdict was the likelier one, so a threshold decided.
    """
    stated = next(iter(prediction.uncertainties), None)
    uncertainty = max(stated if is_number(stated) else 0.0, LEAST)
    if uncertainty > 0.5:
        raise DataError(
            f"verdict {prediction.id}: got uncertainty {uncertainty:.3f}, expected at most 0.5. Make the verdicts without "
            "--riveg_calibration."
        )
    away = math.log1p(-uncertainty) - math.log(uncertainty)
    return away if any(entity.boxes is not None for entity in prediction.entities) else -away


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
