"""How the two stages of VKEL are asked: names with coarse types first, then fine types and boxes (III-C 1, III-D 4)."""

from collections.abc import Sequence
from dataclasses import replace

from mcr.families import FrameSettings
from mcr.formats.sentences import types_of
from mcr.labels import LabelSet, labels_like
from mcr.prompts.context import OBJECTS
from mcr.prompts.settings import AXES_TEXT, PromptSettings
from mcr.records import Entity, Sample
from mcr.staged.with_context import TOP_K
from mcr.tasks import MNER

PLAIN, BRIEF = "plain", "brief"  # of mcr.prompts.settings.DETAILS
NAMES, PLACES, DIRECT, JOINT = "names", "places", "direct", "joint"
NAMES_ANSWER = "Write each as 'X is a {type}', joined by semicolons, or None."
PLACES_ANSWER = "Write each as 'X is a(an) {types}, whose bounding boxes are ({axes})', joined by semicolons, or None."


def coarse_labels(labels: LabelSet) -> LabelSet:
    """Return the label set of the coarse types of a label set, or the set itself where it has one level."""
    return labels_like(dict.fromkeys(labels.coarse.values()), f"{labels.name}-coarse") if labels.coarse else labels


def names_alone(sample: Sample, labels: LabelSet) -> Sample:
    """Return a sample that asks for names with their coarse types."""
    coarse = coarse_labels(labels)
    types = (labels.coarse.get(labels.canonical(one.type)) or coarse.canonical(one.type) for one in sample.entities)
    entities = tuple(Entity(one.text, type_) for one, type_ in zip(sample.entities, types, strict=True))
    return replace(sample, task=MNER, entities=entities, knowledge=(), regions=(), proposed=())


def names_settings(labels: LabelSet, frame: FrameSettings, detail: str = PLAIN) -> PromptSettings:
    """Return the prompts of the first stage.

    Args:
        labels: with fine types, or coarse ones alone.
        frame: that boxes are written in.
        detail: PLAIN, or BRIEF: one line, without types and without the form of the answer.
    """
    coarse = coarse_labels(labels)
    answer = NAMES_ANSWER.format(type=coarse.labels[0]) if detail == PLAIN else ""
    return PromptSettings(coarse, frame, detail, is_reasoned=False, answer=answer, stage=NAMES)


def places_settings(
    labels: LabelSet, frame: FrameSettings, shows: Sequence[str], detail: str = PLAIN, stage: str = PLACES, top_k: int = TOP_K
) -> PromptSettings:
    """Return the prompts of the second stage.

    Args:
        labels: with fine types.
        frame: that boxes are written in.
        shows: of `mcr.prompts.context.CONTEXT`; nothing for a model that is tuned on text and image directly.
        detail: PLAIN, or BRIEF: one line, without types and without the form of the answer.
        stage: PLACES, DIRECT, or JOINT for one adapter that learns the first stage as well.
        top_k: objects that are shown at most, if objects are.
    """
    types = types_of(labels.labels[0], labels)
    answer = PLACES_ANSWER.format(types=types, axes=AXES_TEXT[frame.axes]) if detail == PLAIN else ""
    num_shown = top_k if OBJECTS in shows else None
    stated = {"shows": tuple(shows), "answer": answer, "stage": stage, "top_k": num_shown}
    return PromptSettings(labels, frame, detail, is_reasoned=False, **stated)
