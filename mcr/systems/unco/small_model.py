"""UnCo's predictor: the small model with its regions, which says how unsure it is of each part (UnCo 2.2)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from mcr.errors import ConfigError
from mcr.io.predictions import Prediction
from mcr.pointer.decoding import Estimate
from mcr.pointer.entropies import TEMPERATURE
from mcr.pointer.pointer_predictor import PointerPredictor
from mcr.pointer.seq2seq import load_pointer
from mcr.pointer.temperature import Temperatures
from mcr.records import Sample
from mcr.regions.crops import RegionEncoder, features_of
from mcr.regions.proposed import read_regions, regions_of
from mcr.systems.base import PredictorInputs
from mcr.systems.unco.small_flags import UncoSettings


class UncoPredictor:
    """A predictor (`mcr.systems.base.Predictor`).

    Args:
        settings: of the small model.
        image_root: the folder that image paths start from; None where no image is looked at.
        seed: of the dropout masks.

    Raises:
        ConfigError: no model, or images without a folder; or the model was trained with other vectors of regions.
    """

    def __init__(self, settings: UncoSettings, image_root: Path | None, seed: int) -> None:
        if not settings.unco_model:
            raise ConfigError("unco: which model? Give --unco_model, the folder model/ of a run of mcr train-pointer.")
        if settings.unco_regions and image_root is None:
            raise ConfigError("unco: the model looks at regions. Give --image_root, the folder that image paths start from.")
        self.settings, self.image_root = settings, image_root
        self.model = load_pointer(Path(settings.unco_model)).to("cuda" if torch.cuda.is_available() else "cpu")
        self.encoder = RegionEncoder(settings.unco_vision_encoder, image_root) if image_root and settings.unco_regions else None
        width = 1 if self.encoder is None else self.encoder.width
        if width != self.model.feature_width:
            raise ConfigError(
                f"unco: {settings.unco_model} was trained on regions of {self.model.feature_width} numbers, these have {width}. "
                "Give the vision encoder that it was trained with, or none where it had none."
            )
        kind, folder = settings.unco_estimate, Path(settings.unco_model)
        temperatures = Temperatures.load(folder) if kind == TEMPERATURE else Temperatures()
        self.estimate = Estimate(kind, settings.unco_passes, settings.unco_span, seed, temperatures)

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample with the uncertainties of its entities."""
        regions = read_regions(Path(self.settings.unco_regions)) if self.encoder else {}
        size = self.settings.unco_batch_size
        for start in range(0, len(samples), size):
            batch = samples[start : start + size]
            pairs = list(regions_of(batch, regions, self.settings.unco_top_k)) if self.encoder else [(one, ()) for one in batch]
            features = features_of(pairs, self.encoder) if self.encoder else {one.id: torch.zeros(1, 1) for one in batch}
            seen = {sample.id: proposals for sample, proposals in pairs}
            yield from PointerPredictor(self.model, seen, features, self.estimate, size).predict(batch)


def make_predictor(inputs: PredictorInputs) -> UncoPredictor:
    """Return UnCo's predictor."""
    return UncoPredictor(inputs.settings or UncoSettings(), inputs.image_root, inputs.seed)
