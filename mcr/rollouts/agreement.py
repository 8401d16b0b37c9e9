"""How unsure a model is of each part of its answer, by how far answers that are drawn agree with it.

UnCo's correctors take such uncertainties of any system (UnCo 2.2); the paper measures them by dropout, which a served model has
not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mcr.io.predictions import Prediction, predict_from_completion
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.records import Entity, Sample, collapse_space
from mcr.rollouts.predictors import SamplerPredictor
from mcr.rollouts.request import SamplingSettings
from mcr.uncertainties import PartUncertainties


def part_uncertainties(
    entity: Entity, drawn: Sequence[Sequence[Entity]], parts: Sequence[str], conventions: Conventions = DEFAULT
) -> PartUncertainties:
    """Return how unsure an entity's parts are, 0 to 1.

    The span's is the share of drawn answers that do not name it. Type's and region's are shares of those that name it, 1 where
    none does.

    Args:
        entity: of the answer.
        drawn: the entities of each drawn answer, at least one.
        parts: of "span", "type", "region": those that the task has.
        conventions: when types and places agree.

    >>> ann, other = Entity("Ann", "PER"), Entity("Ann", "LOC")
    >>> part_uncertainties(ann, [[ann], [other], [], []], ("span", "type")).values
    {'span': 0.5, 'type': 0.5}
    """
    same = [[one for one in answer if collapse_space(one.text) == collapse_space(entity.text)] for answer in drawn]
    naming = [named for named in same if named]
    agrees = {"type": conventions.agrees_on_type, "region": conventions.agrees_on_location}
    values = {"span": 1 - len(naming) / len(drawn)}
    for part, is_same in agrees.items():
        agreeing = sum(any(is_same(entity, one) for one in named) for named in naming)
        values[part] = 1 - agreeing / len(naming) if naming else 1.0
    return PartUncertainties({part: values[part] for part in parts})


@dataclass(frozen=True, slots=True)
class AgreementPredictor:
    """A predictor (`mcr.systems.base.Predictor`) whose entities have uncertainties.

    Attributes:
        answers: gives the answers.
        drawn: how the answers are drawn that they are compared with; its temperature is above 0.
    """

    answers: SamplerPredictor
    drawn: SamplingSettings

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample: its answer, with the uncertainties of its entities."""
        size = self.answers.batch_size
        for start in range(0, len(samples), size):
            batch = samples[start : start + size]
            groups = self.answers.sampler.sample([self.answers.request_of(sample) for sample in batch], self.drawn)
            for sample, answer, group in zip(batch, self.answers.predict(batch), groups, strict=True):
                drawn = [self._read(sample, rollout.text, rollout.opened, rollout.is_complete) for rollout in group]
                yield replace(answer, uncertainties=self._uncertainties(sample, answer, drawn))

    def _read(self, sample: Sample, text: str, opened: str, is_complete: bool) -> Sequence[Entity]:
        prompts = self.answers.prompts
        known = {"opened": opened, "is_complete": is_complete}
        return predict_from_completion(sample, text, prompts.frame.frame_of(sample), prompts.labels, **known).entities

    def _uncertainties(
        self, sample: Sample, answer: Prediction, drawn: Sequence[Sequence[Entity]]
    ) -> tuple[PartUncertainties, ...]:
        has = {"span": True, "type": sample.task.has_type, "region": sample.task.has_location and bool(sample.images)}
        parts = [part for part, is_there in has.items() if is_there]
        conventions = replace(DEFAULT, labels=self.answers.prompts.labels)
        return tuple(part_uncertainties(entity, drawn, parts, conventions) for entity in answer.entities)
