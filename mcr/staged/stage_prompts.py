"""How the two stages of VKEL are asked: names with coarse types first, then fine types and boxes (III-C 1, III-D 4)."""

from collections.abc import Sequence
from dataclasses import replace

from mcr.families import FrameSettings
from mcr.labels import LabelSet, labels_like
from mcr.prompts.settings import AXES_TEXT, PromptSettings
from mcr.records import Entity, Sample
from mcr.tasks import MNER

PLAIN, BRIEF = "plain", "brief"  # of mcr.prompts.settings.DETAILS
NAMES_ANSWER = "Write each as 'X is a person', joined by semicolons, or None."
PLACES_ANSWER = (
    "Write each as 'X is a(an) person and a(an) athlete, whose bounding boxes are ({axes})', joined by semicolons, or None."
)


def coarse_labels(labels: LabelSet) -> LabelSet:
    """Return the label set of the coarse types of a label set, or the set itself where it has one level."""
    return labels_like(dict.fromkeys(labels.coarse.values()), f"{labels.name}-coarse") if labels.coarse else labels


def names_alone(sample: Sample, labels: LabelSet) -> Sample:
    """Return a sample that asks for names with their coarse types."""
    entities = tuple(Entity(one.text, labels.coarse.get(labels.canonical(one.type), one.type)) for one in sample.entities)
    return replace(sample, task=MNER, entities=entities, knowledge=(), regions=(), proposed=())


def names_settings(labels: LabelSet, frame: FrameSettings, detail: str = PLAIN) -> PromptSettings:
    """Return the prompts of the first stage.

    Args:
        labels: with fine types, or coarse ones alone.
        frame: that boxes are written in.
        detail: PLAIN, or BRIEF: one line, without types and without the form of the answer.
    """
    answer = NAMES_ANSWER if detail == PLAIN else ""
    return PromptSettings(coarse_labels(labels), frame, detail, is_reasoned=False, answer=answer)


def places_settings(labels: LabelSet, frame: FrameSettings, shows: Sequence[str], detail: str = PLAIN) -> PromptSettings:
    """Return the prompts of the second stage.

    Args:
        labels: with fine types.
        frame: that boxes are written in.
        shows: of `mcr.prompts.context.CONTEXT`; nothing for a model that is tuned on text and image directly.
        detail: PLAIN, or BRIEF: one line, without types and without the form of the answer.
    """
    answer = PLACES_ANSWER.format(axes=AXES_TEXT[frame.axes]) if detail == PLAIN else ""
    return PromptSettings(labels, frame, detail, is_reasoned=False, shows=tuple(shows), answer=answer)
