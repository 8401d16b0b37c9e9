"""What the model is asked: the task, the labels, how to answer, and (unless left out) the checks and cautions.

The stepwise checks and the cautions are what the row "w/o Inst" of MCR's Table 3 leaves out. All wording is ours.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.families import FrameSettings
from mcr.io.atomic_write import write_json
from mcr.records import ImageRef, Sample

SETTINGS_FILE = "mcr_prompt.json"

TASK = "Find every named entity in the text, its type, and its box in the image."
LABELS = "Types: {labels}."
ANSWER = "Reason first, then give one answer with text, type and box of each entity. Write None for what is not in the image."
ANSWER_ONLY = "Give one answer with text, type and box of each entity, nothing else. Write None for what is not in the image."
BOX_RULES = {
    "absolute": "A box is [x1, y1, x2, y2] in pixels of the image as you see it.",
    "norm1000": "A box is [x1, y1, x2, y2] from 0 to 1000 across the image.",
    "norm1": "A box is [x1, y1, x2, y2] from 0.000 to 1.000 across the image.",
}
CHECKS = (
    "Check step by step: (1) span: copy each name from the text exactly, take none that only the image suggests; "
    "(2) type: decide it from the text; (3) entailment: ask whether the image really shows what the text names; "
    "(4) grounding: give the box of what the image shows, and None for the rest."
)
CAUTIONS = "Caution: a name in the text may be absent from the image, and the image may show things that the text does not name."
BRIEF_TASKS = {"gmner": "Name the entities and boxes.", "mner": "Name the entities.", "vg": "Give the box."}
NAMES_TASK = "Find every named entity in the text and its type."
NAMES_ANSWER = "Reason first, then give one answer with text and type of each entity."
NAMES_ONLY = "Give one answer with text and type of each entity, nothing else."
NAMES_CHECKS = (
    "Check step by step: (1) span: copy each name from the text exactly, take none that only the image suggests; "
    "(2) type: decide it from the text."
)
NAMES_CAUTION = "Caution: the image may show things that the text does not name."
PLACE_TASK = "Find what the text describes in the image."
PLACE_ANSWER = "Reason first, then give one answer: its box, or None if the image does not show it."
PLACE_ONLY = "Give one answer, nothing else: its box, or None if the image does not show it."
PLACE_CHECKS = (
    "Check step by step: (1) entailment: ask whether the image really shows what the text describes; "
    "(2) grounding: give the box of what it shows."
)
PLACE_CAUTION = "Caution: what the text describes may be absent from the image."
HOW = {"gmner": (ANSWER, ANSWER_ONLY), "mner": (NAMES_ANSWER, NAMES_ONLY), "vg": (PLACE_ANSWER, PLACE_ONLY)}
DETAILS = ("full", "plain", "brief")


def write_instruction(
    labels: Sequence[str], frame_kind: str, *, detail: str = "full", is_reasoned: bool = True, task: str = "gmner"
) -> str:
    """Return the instruction before the sentence.

    Args:
        labels: the label set, in the order to show.
        frame_kind: one of mcr.boxes.FRAMES; says how boxes are to be written.
        detail: "full" (with checks and cautions), "plain" (without: "w/o Inst" of MCR's Table 3), "brief" (one line, for tiny
            models that learn the task from examples alone).
        is_reasoned: False asks for the answer alone.
        task: gmner; mner, which asks for no box and shows no rule for boxes; vg, which asks for one box and no name.
    """
    if detail == "brief":
        return BRIEF_TASKS[task]
    cautions = cautions_of(task) if detail == "full" else []
    return " ".join([*what_is_asked(labels, frame_kind, task), *cautions, HOW[task][0 if is_reasoned else 1]])


def what_is_asked(labels: Sequence[str], frame_kind: str, task: str) -> list[str]:
    """Return the sentences that name the task, its labels and its rule for boxes, as far as it has them."""
    types, boxes = LABELS.format(labels=", ".join(labels)), BOX_RULES[frame_kind]
    return {"gmner": [TASK, types, boxes], "mner": [NAMES_TASK, types], "vg": [PLACE_TASK, boxes]}[task]


def cautions_of(task: str) -> list[str]:
    """Return the stepwise checks and the caution of a task."""
    return {"gmner": [CHECKS, CAUTIONS], "mner": [NAMES_CHECKS, NAMES_CAUTION], "vg": [PLACE_CHECKS, PLACE_CAUTION]}[task]


def write_prompt(sentence: str, num_images: int, instruction: str) -> list[dict[str, Any]]:
    """Return the conversational prompt: the images, the instruction, the sentence, as one user message."""
    content: list[dict[str, Any]] = [{"type": "image"} for _ in range(num_images)]
    content.append({"type": "text", "text": f"{instruction}\nText: {sentence}"})
    return [{"role": "user", "content": content}]


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """All that decides a prompt besides the sample. It travels with training sets and saved models, so that a model is
    evaluated with the prompt it was trained on.
    """

    labels: tuple[str, ...]
    frame: FrameSettings
    detail: str = "full"
    is_reasoned: bool = True

    def __post_init__(self) -> None:
        if self.detail not in DETAILS or not self.labels:
            raise ConfigError(
                f"prompt: got detail {self.detail!r} and labels {self.labels}, expected one of {DETAILS} and a label."
            )

    def prompt_for(self, sample: Sample) -> list[dict[str, Any]]:
        """Return the conversational prompt of a sample."""
        settings = {"detail": self.detail, "is_reasoned": self.is_reasoned, "task": sample.task}
        instruction = write_instruction(self.labels, self.frame.kind, **settings)
        return write_prompt(sample.sentence, len(sample.images), instruction)

    def images_of(self, sample: Sample) -> tuple[ImageRef, ...]:
        """Return the images that the prompt of a sample shows, in its order."""
        return sample.images

    def save(self, folder: Path) -> None:
        """Write the settings into a folder."""
        row = {"labels": list(self.labels), "frame": self.frame.to_dict(), "detail": self.detail, "is_reasoned": self.is_reasoned}
        write_json(folder / SETTINGS_FILE, row)

    @classmethod
    def load(cls, folder: Path) -> "PromptSettings":
        """Read the settings of a training set or model folder.

        Raises:
            ConfigError: no settings there, or settings that are not valid.
        """
        path = folder / SETTINGS_FILE
        if not path.is_file():
            raise ConfigError(f"prompt settings: {path} does not exist. Name a folder written by write_schemas or sft.")
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            return cls(tuple(row["labels"]), FrameSettings(**row["frame"]), row["detail"], row["is_reasoned"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"prompt settings: {path} cannot be read ({error}). Write it anew with write_schemas.") from error
