"""Entailers and grounders as predictors of phrases: verdicts with their probability, boxes in original pixels.

So predictions of phrases are written, resumed and scored as all predictions are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mcr.boxes import Box
from mcr.grounding.calibration import UNCALIBRATED, Calibration
from mcr.io.predictions import Prediction
from mcr.records import Entity, Sample


class Entailer(Protocol):
    """Anything that says how likely an image shows a phrase."""

    def log_odds(self, samples: Sequence[Sample]) -> list[float]:
        """Return log P(shown) / P(not shown) for each phrase, as the model has it, uncalibrated."""
        ...


class Grounder(Protocol):
    """Anything that finds a phrase in an image."""

    def ground(self, samples: Sequence[Sample]) -> list[Box | None]:
        """Return a box in pixels of the original image for each phrase; None where the model gives none."""
        ...


@dataclass(frozen=True, slots=True)
class EntailmentPredictor:
    """A predictor (`mcr.systems.base.Predictor`) of phrases of task ve.

    Attributes:
        entailer: that is asked.
        calibration: of its log odds; its threshold decides.
        batch_size: phrases at a time.
    """

    entailer: Entailer
    calibration: Calibration = UNCALIBRATED
    batch_size: int = 32

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one verdict a phrase; its uncertainty is the probability of the other verdict."""
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            for sample, log_odds in zip(batch, self.entailer.log_odds(batch), strict=True):
                chance = self.calibration.probability(log_odds)
                is_shown = chance >= self.calibration.threshold
                other = self.calibration.other_probability(log_odds) if is_shown else chance
                entity = Entity(sample.sentence, sample.entities[0].type, () if is_shown else None)
                yield Prediction(sample.id, sample.sentence, (entity,), uncertainties=(other,))


@dataclass(frozen=True, slots=True)
class GroundingPredictor:
    """A predictor (`mcr.systems.base.Predictor`) of phrases of task vg.

    Attributes:
        grounder: that is asked.
        batch_size: phrases at a time.
    """

    grounder: Grounder
    batch_size: int = 32

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a phrase."""
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            for sample, box in zip(batch, self.grounder.ground(batch), strict=True):
                entity = Entity(sample.sentence, sample.entities[0].type, None if box is None else (box,))
                yield Prediction(sample.id, sample.sentence, (entity,))
