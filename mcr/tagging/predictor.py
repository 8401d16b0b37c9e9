"""A trained tagger as a predictor of named entities; it says of no entity where the image shows it."""

from collections.abc import Iterator, Mapping, Sequence

from mcr.io.predictions import Prediction
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Sample
from mcr.tagging.bio import entities_of
from mcr.tagging.tag_uncertainty import NONE, uncertainties_of
from mcr.tagging.tagger import Tagger
from mcr.tagging.texts import TaggedText, texts_to_tag
from mcr.uncertainties import PartUncertainties


class TaggerPredictor:
    """A predictor (`mcr.systems.base.Predictor`).

    Args:
        tagger: that is asked.
        knowledge: on whole samples, by their ids; the tagger reads it behind the sentence.
        batch_size: samples at a time.
        estimate: of how unsure it is of spans and types, of `mcr.tagging.tag_uncertainty.ESTIMATES`.
        seed: of dropout, where the estimate drops units.
    """

    def __init__(
        self,
        tagger: Tagger,
        knowledge: Mapping[str, Sequence[Knowledge]],
        batch_size: int = 32,
        *,
        estimate: str = NONE,
        seed: int = 0,
    ) -> None:
        self.tagger, self.knowledge, self.batch_size = tagger, knowledge, batch_size
        self.estimate, self.seed = estimate, seed

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample, its entities without boxes."""
        self.tagger.eval()
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            texts = texts_to_tag(batch, self.knowledge)
            paths = self.tagger.tag(texts) if texts else []
            found = {text.id: entities_of(text.words, path) for text, path in zip(texts, paths, strict=True)}
            uncertainties = {} if self.estimate == NONE or not texts else self._uncertainties(texts, paths)
            for sample in batch:
                entities = found.get(sample.id, ())
                yield Prediction(sample.id, sample.sentence, entities, uncertainties=uncertainties.get(sample.id, ()))

    def _uncertainties(
        self, texts: Sequence[TaggedText], paths: Sequence[Sequence[str]]
    ) -> dict[str, tuple[PartUncertainties, ...]]:
        found = uncertainties_of(self.tagger, texts, paths, estimate=self.estimate, seed=self.seed)
        return {text.id: row for text, row in zip(texts, found, strict=True)}
