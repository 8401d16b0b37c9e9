"""RiVEG's predictor: names, what they are, which of them the image shows, where, and their masks. Stage by stage.

Each stage appends what it makes to a folder of its own inside the output folder: names/, verdicts/, places/. A run that is
stopped resumes there. places/ holds the entities that were let through, and no other: only what is entailed is grounded
(RiVEG IV-C 1).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mcr.errors import ConfigError
from mcr.grounding.calibration import UNCALIBRATED, Calibration
from mcr.grounding.entity_phrases import Expansions, expansions_of, has_usable_image, phrases_of, with_boxes, with_region_doubts
from mcr.grounding.phrase_models import PhraseModel, make_entailer, make_grounder
from mcr.io.predictions import Prediction, load_predictions
from mcr.knowledge.known_texts import Knowledge, by_sample, read_knowledge, write_knowledge
from mcr.records import Sample, collapse_space
from mcr.rollouts.resumable import append_missing
from mcr.segment.masked import with_masks
from mcr.segment.segmenters import make_segmenter
from mcr.systems.base import Predictor, PredictorInputs
from mcr.systems.riveg.stage_flags import NONE, RivegSettings
from mcr.tasks import VE, VG

Found = dict[str, Prediction]


class RivegPredictor:
    """A predictor (`mcr.systems.base.Predictor`). Samples of task ve and vg go to the entailer and to the grounder as they are.

    Args:
        settings: of the stages.
        image_root: the folder that image paths start from; None where no stage sees images.
        out: the folder of what the stages make.

    Raises:
        ConfigError: a stage that sees images, and no folder of them.
    """

    def __init__(self, settings: RivegSettings, image_root: Path | None, out: Path) -> None:
        sees = [settings.riveg_entailer, settings.riveg_grounder, settings.riveg_segmenter]
        if image_root is None and set(sees) != {NONE}:
            raise ConfigError("riveg: its stages see images. Give --image_root, the folder that image paths start from.")
        self.settings, self.image_root, self.out = settings, image_root or Path(), out
        kind, model = settings.riveg_segmenter, settings.riveg_segmenter_model
        self.segmenter = None if kind == NONE else make_segmenter(kind, model)

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample; each stage is made for all of them before the next one begins."""
        sentences = [sample for sample in samples if sample.task.has_text]
        entailed, grounded = ([sample for sample in samples if sample.task == task] for task in (VE, VG))
        found = self._entities(sentences) | self._verdicts(entailed) | self._places(grounded)
        for sample in samples:
            yield self._masked(found[sample.id], sample)

    def _entities(self, samples: Sequence[Sample]) -> Found:
        """Return the named entities of sentences, with boxes where a grounder is set."""
        if not samples:
            return {}
        names = self._names(samples)
        if self.settings.riveg_grounder == NONE and not self.settings.riveg_places:
            self._check_names_alone()
            return names
        asked = [sample for sample in samples if has_usable_image(sample)]
        expansions = self._expansions(asked, names)
        self._tell_unknown(asked, names, expansions)
        form = self.settings.riveg_form
        phrases = [one for sample in asked for one in phrases_of(sample, names[sample.id].entities, expansions, form, VE)]
        verdicts = self._asked_verdicts(phrases)
        places = self._places([replace(phrase, task=VG) for phrase in phrases if _is_let_through(phrase, verdicts)])
        found = {sample_id: with_boxes(prediction, places) for sample_id, prediction in names.items()}
        return {sample_id: with_region_doubts(prediction, verdicts) for sample_id, prediction in found.items()}

    def _check_names_alone(self) -> None:
        """Raise ConfigError where a stage is set that does nothing to names alone."""
        later = {"riveg_entailer": self.settings.riveg_entailer, "riveg_segmenter": self.settings.riveg_segmenter}
        idle = [name for name, kind in later.items() if kind != NONE] + ["riveg_verdicts"] * bool(self.settings.riveg_verdicts)
        if idle:
            raise ConfigError(f"riveg: {' and '.join(idle)} without a grounder change no name. Give --riveg_grounder.")

    def _names(self, samples: Sequence[Sample]) -> Found:
        """Return names and types, from the tagger or from a file."""
        if self.settings.riveg_names:
            found = _read(self.settings.riveg_names, samples)
            return {sample_id: _without_places(prediction) for sample_id, prediction in found.items()}
        if not self.settings.riveg_tagger:
            raise ConfigError("riveg: who finds the names? Give --riveg_tagger or --riveg_names.")
        return self._stage("names", samples, partial(self._tagger, samples))

    def _tagger(self, samples: Sequence[Sample]) -> Predictor:
        from mcr.tagging.predictor import TaggerPredictor
        from mcr.tagging.tagger import load_tagger

        tagger, given = load_tagger(Path(self.settings.riveg_tagger)), self.settings.riveg_knowledge
        if tagger.reads_knowledge != bool(given):
            told = "with knowledge. Give" if tagger.reads_knowledge else "without knowledge. Leave out"
            raise ConfigError(f"riveg: the tagger {self.settings.riveg_tagger} was trained {told} --riveg_knowledge.")
        known = by_sample(read_knowledge(Path(given)) if given else [])
        if given and not any(sample.id in known for sample in samples):
            raise ConfigError(f"riveg: {given} knows nothing of any of these samples. Give the knowledge of their split.")
        estimate = self.settings.riveg_uncertainty
        return TaggerPredictor(tagger, known, self.settings.riveg_batch_size, estimate=estimate)

    def _expansions(self, samples: Sequence[Sample], names: Mapping[str, Prediction]) -> Expansions:
        """Return the expansions of the named entities: from a file, or asked for."""
        if self.settings.riveg_expansions:
            return expansions_of(read_knowledge(Path(self.settings.riveg_expansions)))
        if not self.settings.riveg_expansions_url:
            return {}
        from mcr.knowledge.questions import asked_expansions

        entities = {sample.id: names[sample.id].entities for sample in samples}
        address = (self.settings.riveg_expansions_url, self.settings.riveg_expansions_model)
        found = asked_expansions(samples, entities, *address, cache=self.out / "expansions.sqlite")
        self._keep(found)
        return expansions_of(found)

    def _keep(self, found: Sequence[Knowledge]) -> None:
        """Write expansions beside those of an earlier start; each process has a file of its own."""
        from accelerate import PartialState

        part = PartialState().process_index
        path = self.out / ("expansions.jsonl" if part == 0 else f"expansions-{part:03d}.jsonl")
        before = read_knowledge(path) if path.is_file() else []
        asked = {one.id for one in found}
        write_knowledge(path, [*(one for one in before if one.id not in asked), *found])

    def _tell_unknown(self, samples: Sequence[Sample], names: Mapping[str, Prediction], expansions: Expansions) -> None:
        """Print how many entities have no expansion. With a file on gold's entities, having one would tell who is right."""
        if self.settings.riveg_form == "name":
            return
        keys = [(sample.id, one.text, one.type) for sample in samples for one in names[sample.id].entities]
        num_unknown = sum(key not in expansions for key in keys)
        if num_unknown:
            told = "Ask about the predicted entities (mcr ask-knowledge expansions --predictions), not about gold's."
            print(f"warning: riveg: {num_unknown} of {len(keys)} entities have no expansion, so name and type alone. {told}")

    def _asked_verdicts(self, phrases: Sequence[Sample]) -> Found:
        """Return what the entailer says of each phrase; nothing without an entailer."""
        if self.settings.riveg_entailer == NONE and not self.settings.riveg_verdicts:
            return {}
        return self._verdicts(phrases)

    def _verdicts(self, phrases: Sequence[Sample]) -> Found:
        calibration = Path(self.settings.riveg_calibration) if self.settings.riveg_calibration else None

        def make() -> Predictor:
            model = self._model(self.settings.riveg_entailer, self.settings.riveg_entailer_model, "verdicts")
            return make_entailer(model, Calibration.load(calibration) if calibration else UNCALIBRATED)

        return self._phrase_stage("verdicts", phrases, self.settings.riveg_verdicts, make)

    def _places(self, phrases: Sequence[Sample]) -> Found:
        def make() -> Predictor:
            return make_grounder(self._model(self.settings.riveg_grounder, self.settings.riveg_grounder_model, "places"))

        return self._phrase_stage("places", phrases, self.settings.riveg_places, make)

    def _model(self, kind: str, name_or_path: str, stage: str) -> PhraseModel:
        settings = self.settings
        return PhraseModel(
            kind,
            name_or_path,
            self.image_root,
            family=settings.riveg_family,
            base_url=settings.riveg_base_url if kind == "endpoint" else "",
            dtype=settings.riveg_dtype,
            batch_size=settings.riveg_batch_size,
            replies_path=self.out / stage / "replies.sqlite",
        )

    def _phrase_stage(self, name: str, phrases: Sequence[Sample], given: str, make: Callable[[], Predictor]) -> Found:
        """Return the predictions of phrases from a file, or from a model."""
        if not given:
            return self._stage(name, phrases, make)
        return _read(given, phrases)

    def _stage(self, name: str, samples: Sequence[Sample], make: Callable[[], Predictor]) -> Found:
        from accelerate import PartialState

        return append_missing(samples, make, out=self.out / name, part=PartialState().process_index, title=f"riveg: {name}")

    def _masked(self, prediction: Prediction, sample: Sample) -> Prediction:
        if self.segmenter is None or sample.task == VE:
            return prediction
        return with_masks(prediction, sample, self.image_root, self.segmenter)


def _read(path: str, samples: Sequence[Sample]) -> Found:
    """Return the predictions of a file for samples or phrases; it may have others.

    Raises:
        ConfigError: it lacks one, or says of one that it has another text: then it is of other names.
    """
    found = {prediction.id: prediction for prediction in load_predictions(path)}
    lacking = [sample.id for sample in samples if sample.id not in found]
    if lacking:
        raise ConfigError(f"riveg: {path} lacks {len(lacking)} of {len(samples)}, {lacking[0]} first. Make it for the same ones.")
    others = [one for one in samples if collapse_space(found[one.id].sentence) != collapse_space(one.sentence)]
    if others:
        told = f"{found[others[0].id].sentence[:60]!r} where {others[0].sentence[:60]!r} is asked"
        raise ConfigError(f"riveg: {path} is of other texts: {others[0].id} is {told}. Make it for the same ones.")
    return {sample.id: found[sample.id] for sample in samples}


def _is_let_through(phrase: Sample, verdicts: Found) -> bool:
    """Whether a phrase is entailed; each is without an entailer."""
    return not verdicts or any(entity.boxes is not None for entity in verdicts[phrase.id].entities)


def _without_places(prediction: Prediction) -> Prediction:
    """Return names and types alone."""
    return replace(prediction, entities=tuple(replace(entity, boxes=None, masks=None) for entity in prediction.entities))


def make_predictor(inputs: PredictorInputs) -> RivegPredictor:
    """Return RiVEG's predictor.

    Raises:
        ConfigError: there is no folder for what its stages make.
    """
    if inputs.output_dir is None:
        raise ConfigError("riveg: its stages write files. Give an output folder.")
    return RivegPredictor(inputs.settings or RivegSettings(), inputs.image_root, inputs.output_dir)
