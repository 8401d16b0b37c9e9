"""Prompting baselines for models that were not trained here: direct, chain of thought, with demonstrations (MCR E.2, Table 1).

Unlike a trained model's prompt they spell out how the answer is to be written. All wording is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from mcr.errors import ConfigError, closest
from mcr.families import FrameSettings
from mcr.labels import LabelSet
from mcr.prompts.settings import AXES_TEXT, what_is_asked, write_prompt
from mcr.records import ImageRef, Sample
from mcr.tasks import Task

STYLES = ("direct", "cot", "cot_demonstrations")
DIRECT = "Give the answer at once, without any reasoning."
STEPWISE = "Think step by step first, between <think> and </think>, then answer."


class Prompter(Protocol):
    """What turns a sample into a prompt and tells in which frame its boxes will come back."""

    @property
    def frame(self) -> FrameSettings:
        """The frame that the model writes boxes in."""
        ...

    @property
    def labels(self) -> LabelSet:
        """The label set that is asked for."""
        ...

    def prompt_for(self, sample: Sample) -> list[dict[str, Any]]:
        """Return the conversation, with a place for each image."""
        ...

    def images_of(self, sample: Sample) -> tuple[ImageRef, ...]:
        """Return the images for those places, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A training sample with the completion that a model should have written for it."""

    sample: Sample
    completion: str


@dataclass(frozen=True, slots=True)
class PromptingBaseline:
    """One of MCR's ways to ask a model that was not trained for the task (E.2).

    Attributes:
        style: one of STYLES.
        labels: the label set that is shown.
        frame: how the model writes boxes.
        demonstrations: shown as turns before the question; needed by "cot_demonstrations" and by no other.
    """

    style: str
    labels: LabelSet
    frame: FrameSettings
    demonstrations: tuple[Demonstration, ...] = ()

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ConfigError(f"prompting: got {self.style!r}{closest(self.style, STYLES)}, expected one of {', '.join(STYLES)}.")
        if bool(self.demonstrations) != (self.style == "cot_demonstrations"):
            raise ConfigError(
                f"prompting: got {self.style!r} with {len(self.demonstrations)} demonstrations; cot_demonstrations needs some, "
                "the others take none."
            )

    def instruction(self, task: Task) -> str:
        """Return what is asked before the sentence."""
        parts = what_is_asked(self.labels, self.frame, task)
        parts += [DIRECT] if self.style == "direct" else [task.checks, task.caution, STEPWISE]
        return " ".join([*parts, task.row_rule.format(axes=AXES_TEXT[self.frame.axes])])

    def prompt_for(self, sample: Sample) -> list[dict[str, Any]]:
        """Return the demonstrations as turns, then the question."""
        turns = []
        for shown in self.demonstrations:
            turns += write_prompt(shown.sample.sentence, len(shown.sample.images), self.instruction(shown.sample.task))
            turns.append({"role": "assistant", "content": [{"type": "text", "text": shown.completion}]})
        return turns + write_prompt(sample.sentence, len(sample.images), self.instruction(sample.task))

    def images_of(self, sample: Sample) -> tuple[ImageRef, ...]:
        """Return the images of the demonstrations, then the sample's."""
        return (*(image for shown in self.demonstrations for image in shown.sample.images), *sample.images)


def draw_demonstrations(pool: Sequence[Sample], evaluated: Sequence[Sample], *, num: int, seed: int) -> list[Sample]:
    """Draw samples to demonstrate, by seed, never one that is evaluated (by id or by sentence), each with an image that is there.

    Raises:
        ConfigError: the pool holds too few.
    """
    ids, sentences = {sample.id for sample in evaluated}, {sample.sentence for sample in evaluated}
    fitting = [
        sample
        for sample in pool
        if sample.id not in ids and sample.sentence not in sentences and not any(image.is_missing for image in sample.images)
    ]
    if num < 1 or len(fitting) < num:
        raise ConfigError(
            f"demonstrations: got {num} to draw from {len(fitting)} samples that are not evaluated, expected at least one and at "
            "most as many. Give other samples."
        )
    return Random(f"demonstrations/{seed}").sample(fitting, num)
