"""Predictors: what answers samples. A sampler with its prompt (a model or an endpoint), or a predictions file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcr.io.completions import NOT_STATED, CompletionForm, read_predictions
from mcr.io.images import open_image
from mcr.io.predictions import Prediction, predict_from_completion
from mcr.prompts.baselines import Prompter
from mcr.records import Sample
from mcr.rollouts.request import RolloutRequest, Sampler, SamplingSettings


@dataclass(frozen=True, slots=True)
class SamplerPredictor:
    """Asks a sampler: a model through transformers or vLLM, or an endpoint.

    Attributes:
        sampler: draws the completions; the first of each sample is read.
        prompts: how a sample is asked, and the frame in which its boxes come back.
        settings: of sampling.
        image_root: the folder that image paths start from.
        batch_size: samples asked at once.
    """

    sampler: Sampler
    prompts: Prompter
    settings: SamplingSettings
    image_root: Path
    batch_size: int = 64

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield one prediction a sample, as the batches are answered."""
        for start in range(0, len(samples), self.batch_size):
            yield from self._predict_batch(samples[start : start + self.batch_size])

    def _predict_batch(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        groups = self.sampler.sample([self.request_of(sample) for sample in samples], self.settings)
        for sample, group in zip(samples, groups, strict=True):
            rollout, frame = group[0], self.prompts.frame.frame_of(sample)
            known = {"opened": rollout.opened, "is_complete": rollout.is_complete}
            prediction = predict_from_completion(sample, rollout.text, frame, self.prompts.labels, **known)
            yield replace(prediction, problems=(rollout.fault,)) if rollout.fault else prediction

    def request_of(self, sample: Sample) -> RolloutRequest:
        """Return what is asked about a sample."""
        images = [open_image(self.image_root, image.path) for image in self.prompts.images_of(sample)]
        return RolloutRequest(sample.id, self.prompts.prompt_for(sample), images)


@dataclass(frozen=True, slots=True)
class FilePredictor:
    """Answers from predictions that any system wrote before.

    Attributes:
        predictions: by sample id.
    """

    predictions: dict[str, Prediction]

    @classmethod
    def read(cls, path: Path, samples: Sequence[Sample], form: CompletionForm = NOT_STATED) -> "FilePredictor":
        """Read a predictions file for the samples of a gold file; `form` is that of completions without entities.

        Raises:
            DataError: lists every line that cannot be used, and every prediction for a sample that gold does not have.
        """
        predictions = read_predictions(path, samples, form)
        return cls({prediction.id: prediction for prediction in predictions})

    def predict(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        """Yield the predictions of the samples; those that the file lacks are left out."""
        return (self.predictions[sample.id] for sample in samples if sample.id in self.predictions)
