"""Predictions of a sampler for samples: prompt, sample, read back in original pixels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcr.io.images import open_image
from mcr.io.predictions import Prediction, predict_from_completion
from mcr.prompts.baselines import Prompter
from mcr.records import Sample
from mcr.rollouts.request import RolloutRequest, Sampler, SamplingSettings


def predict_samples(
    samples: Sequence[Sample], sampler: Sampler, settings: SamplingSettings, prompts: Prompter, image_root: Path
) -> list[Prediction]:
    """Return one prediction a sample, from the first rollout."""
    requests = [
        RolloutRequest(s.id, prompts.prompt_for(s), [open_image(image_root, image.path) for image in prompts.images_of(s)])
        for s in samples
    ]
    groups = sampler.sample(requests, settings)
    found = []
    for sample, group in zip(samples, groups, strict=True):
        prediction = predict_from_completion(sample, group[0].text, prompts.frame.frame_of(sample))
        found.append(replace(prediction, problems=(group[0].fault,)) if group[0].fault else prediction)
    return found
