"""A trained pointer model as a predictor: entities with types, boxes of regions, and uncertainties."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from mcr.io.predictions import Prediction
from mcr.pointer.decoding import Estimate, WrittenEntity, write_entities
from mcr.pointer.seq2seq import PointerModel, SeenSample
from mcr.pointer.sequences import PlacedSample
from mcr.records import Entity, Sample, collapse_space
from mcr.regions.proposed import Proposals
from mcr.tagging.bio import words_of

MC_DROPOUT = Estimate()


class PointerPredictor:
    """A predictor (`mcr.systems.base.Predictor`).

    Args:
        model: that writes.
        regions: of the samples' images, by sample id.
        features: of these regions and of the whole images, by sample id, float [K+1, F].
        estimate: of uncertainty.
        batch_size: samples at a time.
    """

    def __init__(
        self,
        model: PointerModel,
        regions: Mapping[str, Proposals],
        features: Mapping[str, torch.Tensor],
        estimate: Estimate = MC_DROPOUT,
        batch_size: int = 32,
    ) -> None:
        self.model, self.regions, self.features = model, regions, features
        self.estimate, self.batch_size = estimate, batch_size

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample; gold is not looked at."""
        self.model.eval()
        device = self.model.special.weight.device
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            seen = [self._seen(sample) for sample in batch if words_of(sample.sentence)]
            written: list[list[WrittenEntity]] = []
            if seen:
                read = self.model.read(seen)
                inputs = {name: value.to(device) for name, value in read.items() if name not in ("written", "ious", "spans")}
                written = write_entities(self.model, inputs, self.estimate, [one.placed.sample.id for one in seen])
            found = {one.placed.sample.id: (one, row) for one, row in zip(seen, written, strict=True)}
            for sample in batch:
                yield _prediction(sample, *found[sample.id]) if sample.id in found else Prediction(sample.id, sample.sentence)

    def _seen(self, sample: Sample) -> SeenSample:
        bare = replace(sample, entities=())
        placed = PlacedSample(bare, words_of(sample.sentence), (), ())
        return SeenSample(placed, self.regions.get(sample.id, ()), self.features[sample.id])


def _prediction(sample: Sample, seen: SeenSample, written: Sequence[WrittenEntity]) -> Prediction:
    entities, uncertainties = [], []
    for one in written:
        text = collapse_space(" ".join(seen.placed.words[one.start : one.end]))
        boxes = None if one.region is None else (seen.proposals[one.region].box,)
        entities.append(Entity(text, one.type, boxes))
        uncertainties.append(one.uncertainties)
    return Prediction(sample.id, sample.sentence, tuple(entities), uncertainties=tuple(uncertainties))
