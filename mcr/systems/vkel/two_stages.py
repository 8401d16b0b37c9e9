"""VKEL's predictor: one process, one base, an adapter a stage (VKEL III-C 1, III-D 4).

Stage 1 names entities with coarse types; what it says is kept in the folder names/ inside the output folder, so that a stopped
run resumes there. Stage 2 is shown these names, knowledge of them and objects in the image, and answers with fine types and
boxes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.formats.sentences import read_kinds
from mcr.io.images import open_image
from mcr.io.predictions import Prediction, load_predictions
from mcr.knowledge.known_texts import read_knowledge
from mcr.prompts.context import KNOWLEDGE, OBJECTS
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample, collapse_space
from mcr.regions.proposed import Proposals, read_regions, regions_of
from mcr.rollouts import SamplingSettings
from mcr.rollouts.predictors import SamplerPredictor
from mcr.rollouts.request import RolloutRequest, Sampler
from mcr.rollouts.resumable import append_missing
from mcr.staged.stage_prompts import JOINT, NAMES, PLACES, names_settings
from mcr.staged.with_context import KnownEntities, known_entities, with_context
from mcr.systems.base import Predictor, PredictorInputs
from mcr.systems.vkel.adapter_flags import VkelSettings
from mcr.tasks import MNER


@dataclass(frozen=True, slots=True)
class NamesPredictor:
    """Stage 1: names with coarse types, read from "X is a person; ...".

    Attributes:
        sampler: draws the answers.
        prompts: of stage 1.
        sampling: greedy.
        image_root: the folder that image paths start from.
        batch_size: samples at a time.
    """

    sampler: Sampler
    prompts: PromptSettings
    sampling: SamplingSettings
    image_root: Path
    batch_size: int

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample, without boxes."""
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            groups = self.sampler.sample([self._request(sample) for sample in batch], self.sampling)
            for sample, group in zip(batch, groups, strict=True):
                yield self._read(sample, group[0].text)

    def _request(self, sample: Sample) -> RolloutRequest:
        asked = replace(sample, task=MNER, entities=(), knowledge=(), regions=(), proposed=())
        images = [open_image(self.image_root, image.path) for image in asked.images]
        return RolloutRequest(sample.id, self.prompts.prompt_for(asked), images)

    def _read(self, sample: Sample, text: str) -> Prediction:
        entities, problems = read_kinds(text, self.prompts.labels, sample.sentence)
        is_readable = bool(entities) or not problems
        return Prediction(sample.id, sample.sentence, tuple(entities), text, is_readable, tuple(problems))


class VkelPredictor:
    """A predictor (`mcr.systems.base.Predictor`).

    Args:
        settings: of the stages.
        image_root: the folder that image paths start from.
        out: the folder for what stage 1 names.

    Raises:
        ConfigError: neither vkel_names nor vkel_named is given, an adapter was trained for another stage, or stage 2 was
            trained with another context.
    """

    def __init__(self, settings: VkelSettings, image_root: Path, out: Path) -> None:
        self.settings, self.image_root, self.out = settings, image_root, out
        if not (settings.vkel_names or settings.vkel_named):
            raise ConfigError("vkel: who names the entities? Give --vkel_names or --vkel_named.")
        self.places = PromptSettings.load(Path(settings.vkel_places)) if settings.vkel_places else None
        if settings.vkel_names:
            check_stage("vkel_names", settings.vkel_names, PromptSettings.load(Path(settings.vkel_names)), NAMES)
        if self.places is not None:
            check_stage("vkel_places", settings.vkel_places, self.places, PLACES)
            self._check_context(self.places.shows)
        self._model: Any = None

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample; stage 1 answers all of them before stage 2 begins."""
        named = self._named(samples)
        if self.places is None:
            yield from (named[sample.id] for sample in samples)
            return
        known = known_entities(read_knowledge(Path(self.settings.vkel_knowledge))) if self.settings.vkel_knowledge else {}
        if self.settings.vkel_knowledge:
            tell_unknown(samples, named, known)
        objects, top_k = self._objects(samples), self.settings.vkel_top_k
        asked = [with_context(sample, named[sample.id].entities, known, objects.get(sample.id, ()), top_k) for sample in samples]
        sampler = self._sampler(PLACES)
        yield from SamplerPredictor(
            sampler, self.places, self._sampling(), self.image_root, self.settings.vkel_batch_size
        ).predict(asked)

    def _named(self, samples: Sequence[Sample]) -> Mapping[str, Prediction]:
        """Return what stage 1 names, from its adapter or from a file."""
        if self.settings.vkel_named:
            return read_named(Path(self.settings.vkel_named), samples)
        from accelerate import PartialState

        part = PartialState().process_index
        return append_missing(samples, self._names_predictor, out=self.out / NAMES, part=part, title="vkel: names")

    def _names_predictor(self) -> Predictor:
        saved = PromptSettings.load(Path(self.settings.vkel_names))
        prompts = names_settings(saved.labels, saved.frame, saved.detail) if saved.stage == JOINT else saved
        batch_size = self.settings.vkel_batch_size
        return NamesPredictor(self._sampler(NAMES), prompts, self._sampling(), self.image_root, batch_size)

    def _sampler(self, stage: str) -> Sampler:
        """Return a sampler over the one model, with the adapter of a stage in use."""
        from accelerate import PartialState

        from mcr.models.load import load_adapters, load_processor
        from mcr.rollouts.transformers_sampler import TransformersSampler

        folders = {NAMES: self.settings.vkel_names, PLACES: self.settings.vkel_places}
        given = {name: folder for name, folder in folders.items() if folder}
        if self._model is None:
            self._model = load_adapters(given, dtype=self.settings.vkel_dtype).to(PartialState().device)
        self._model.set_adapter(stage)
        return TransformersSampler(self._model, load_processor(given[stage]), batch_size=self.settings.vkel_batch_size)

    def _sampling(self) -> SamplingSettings:
        return SamplingSettings(num_generations=1, temperature=0.0, max_new_tokens=self.settings.vkel_max_new_tokens, seed=0)

    def _check_context(self, shows: Sequence[str]) -> None:
        """Raise ConfigError if stage 2 is shown more or less than in its training."""
        given = {KNOWLEDGE: self.settings.vkel_knowledge, OBJECTS: self.settings.vkel_regions}
        faults = [
            f"{part}: give --vkel_{flag}" if part in shows else f"{part}: leave out --vkel_{flag}"
            for part, flag in ((KNOWLEDGE, "knowledge"), (OBJECTS, "regions"))
            if (part in shows) != bool(given[part])
        ]
        trained, given_k = self.places.top_k if self.places else None, self.settings.vkel_top_k
        if trained is not None and self.settings.vkel_regions and trained != given_k:
            faults.append(f"objects: got --vkel_top_k {given_k}, expected {trained}")
        if faults:
            raise ConfigError(f"vkel: {self.settings.vkel_places} was trained with other prompts. {'; '.join(faults)}.")

    def _objects(self, samples: Sequence[Sample]) -> Mapping[str, Proposals]:
        if not self.settings.vkel_regions:
            return {}
        found = regions_of(samples, read_regions(Path(self.settings.vkel_regions)), self.settings.vkel_top_k)
        return {sample.id: proposals for sample, proposals in found}


def check_stage(flag: str, folder: str, saved: PromptSettings, wanted: str) -> None:
    """Raise ConfigError if a model was trained for another stage than the one that it is given for."""
    if saved.stage not in (wanted, JOINT):
        learned = f"stage {saved.stage}" if saved.stage else "none of the stages"
        raise ConfigError(f"--{flag}: {folder} learned {learned}, expected {wanted} or {JOINT}. Name a model of that stage.")


def read_named(path: Path, samples: Sequence[Sample]) -> dict[str, Prediction]:
    """Return the names of a file for samples.

    Raises:
        ConfigError: the file lacks a sample, or has another sentence for it.
    """
    found = {prediction.id: prediction for prediction in load_predictions(path)}
    lacking = [sample.id for sample in samples if sample.id not in found]
    if lacking:
        raise ConfigError(f"vkel: {path} lacks {len(lacking)} of {len(samples)}, {lacking[0]} first. Make it for these samples.")
    others = [one.id for one in samples if collapse_space(found[one.id].sentence) != collapse_space(one.sentence)]
    if others:
        raise ConfigError(f"vkel: {path} has another sentence for {others[0]}. Make it for these samples.")
    return {sample.id: found[sample.id] for sample in samples}


def tell_unknown(samples: Sequence[Sample], named: Mapping[str, Prediction], known: KnownEntities) -> None:
    """Print how many named entities have no knowledge. Knowledge of gold names only would reveal which names are correct."""
    keys = [(sample.id, collapse_space(entity.text)) for sample in samples for entity in named[sample.id].entities]
    num_unknown = sum(key not in known for key in keys)
    if num_unknown:
        told = "Ask about the named entities (mcr ask-appearance --predictions), not about gold's."
        print(f"vkel: nothing is known of {num_unknown} of {len(keys)} named entities. {told}")


def make_predictor(inputs: PredictorInputs) -> VkelPredictor:
    """Return VKEL's predictor.

    Raises:
        ConfigError: there are no images, or no folder for what stage 1 names.
    """
    if inputs.image_root is None or inputs.output_dir is None:
        raise ConfigError("vkel: both stages see images, and stage 1 writes a file. Give --image_root and --output_dir.")
    return VkelPredictor(inputs.settings or VkelSettings(), inputs.image_root, inputs.output_dir)
