"""What the model is asked: the task, the labels, how to answer, the checks and cautions (unless left out), and the route.

What differs comes last: images, sentence, the introduction that all prompts share (MCR C.1), then the instruction of the route.
So the prompts of one sample share their longest prefix. The stepwise checks and the cautions are what the row "w/o Inst" of MCR's
Table 3 leaves out; the route's instruction stays, since it asks for a form and not for checks (our choice). All wording is ours.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, closest
from mcr.families import FrameSettings
from mcr.formats.sentences import round_brackets
from mcr.io.atomic_write import write_json
from mcr.labels import LabelSet
from mcr.prompts.context import CONTEXT, write_context
from mcr.prompts.control_tokens import text_part
from mcr.prompts.routes import Route
from mcr.records import ImageRef, Sample
from mcr.tasks import GMNER, Task

SETTINGS_FILE = "mcr_prompt.json"

LABELS = "Types: {labels}."
AXES_TEXT = {"xyxy": "x1, y1, x2, y2", "yxyx": "y1, x1, y2, x2"}
BOX_RULES = {
    "absolute": "A box is [{axes}] in pixels of the image as you see it.",
    "norm1000": "A box is [{axes}] from 0 to 1000 across the image.",
    "norm1": "A box is [{axes}] from 0.000 to 1.000 across the image.",
}
DETAILS = ("full", "plain", "brief")


def write_instruction(
    labels: LabelSet, frame: FrameSettings, *, detail: str = "full", is_reasoned: bool = True, task: Task = GMNER
) -> str:
    """Return the introduction to the task, which the prompts of all routes share.

    Args:
        labels: the label set that is shown, with its definitions where it has some.
        frame: how boxes are to be written.
        detail: "full" (with checks and cautions), "plain" (without: w/o Inst in MCR's Table 3), "brief" (one line, for tiny
            models that learn the task from examples alone).
        is_reasoned: False asks for the answer alone.
        task: whose goal, checks and answer are asked for; without types no label is shown, without locations no rule for boxes.
    """
    if detail == "brief":
        return task.brief
    cautions = [task.checks, task.caution] if detail == "full" else []
    return " ".join([*what_is_asked(labels, frame, task), *cautions, task.answer if is_reasoned else task.answer_only])


def what_is_asked(labels: LabelSet, frame: FrameSettings, task: Task) -> list[str]:
    """Return the sentences that name the task, its labels and its rule for boxes, as far as it has them."""
    types = [LABELS.format(labels=", ".join(map(labels.described, labels.labels)))] if task.has_type else []
    boxes = [BOX_RULES[frame.kind].format(axes=AXES_TEXT[frame.axes])] if task.has_location and not task.is_verdict else []
    return [task.goal, *types, *boxes]


def write_prompt(sentence: str, num_images: int, instruction: str) -> list[dict[str, Any]]:
    """Return the conversational prompt: the images, the sentence, the instruction, as one user message."""
    content: list[dict[str, Any]] = [{"type": "image"} for _ in range(num_images)]
    content.append(text_part(f"Text: {sentence}\n{instruction}", sentence))
    return [{"role": "user", "content": content}]


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """All that decides a prompt besides the sample. It travels with training sets and saved models, so that a model is
    evaluated with the prompt it was trained on.

    Attributes:
        labels: the label set that is shown.
        frame: how boxes are to be written.
        detail: one of DETAILS.
        is_reasoned: False asks for the answer alone.
        routes: that prompts ask for, each with its own instruction; the first one where none is named. Without routes all prompts
            end in the introduction, and a model chooses its route itself.
        shows: of `mcr.prompts.context.CONTEXT`: what prompts show of a sample besides text and images, in this order.
        answer: a sentence on an answer written as a sentence, at the end of the introduction, whose boxes then are in round
            brackets too; "" adds none.
        stage: of a system with several stages, the one whose answers these prompts ask for; "": not stated.
        top_k: how many regions they show at most; None: not stated.
    """

    labels: LabelSet
    frame: FrameSettings
    detail: str = "full"
    is_reasoned: bool = True
    routes: tuple[Route, ...] = ()
    shows: tuple[str, ...] = ()
    answer: str = ""
    stage: str = ""
    top_k: int | None = None

    def __post_init__(self) -> None:
        if self.detail not in DETAILS:
            raise ConfigError(f"prompt: got detail {self.detail!r}, expected one of {', '.join(DETAILS)}.")
        unknown = [part for part in self.shows if part not in CONTEXT]
        if unknown:
            raise ConfigError(f"prompt: got shows {', '.join(unknown)}, expected some of {', '.join(CONTEXT)}.")

    def prompt_for(self, sample: Sample, route: Route | None = None) -> list[dict[str, Any]]:
        """Return the conversational prompt of a sample.

        Args:
            sample: what is asked about.
            route: one of `routes`; None takes the first.
        """
        settings = {"detail": self.detail, "is_reasoned": self.is_reasoned, "task": sample.task}
        introduction = write_instruction(self.labels, self.frame, **settings)
        introduction = f"{round_brackets(introduction)} {self.answer}" if self.answer else introduction
        context = write_context(sample, self.shows, self.frame.frame_of(sample)) if self.shows else ""
        known = f"{sample.sentence}\n{context}" if context else sample.sentence
        asked = route if route in self.routes else next(iter(self.routes), None)
        return write_prompt(known, len(sample.images), f"{introduction}\n{asked.instruction}" if asked else introduction)

    def prompt_id(self, sample: Sample, route: Route | None = None) -> str:
        """Return what identifies a prompt: the sample's id, and the route where the prompt depends on it."""
        return f"{sample.id}/{route.name}" if route in self.routes and route is not None else sample.id

    def asking_for(self, name: str) -> "PromptSettings":
        """Return the same settings with another route first: the one that prompts ask for where none is named.

        Raises:
            ConfigError: these prompts have no such route.
        """
        named = {route.name: route for route in self.routes}
        if name not in named:
            known = f"one of {', '.join(named)}" if named else "none, as its prompts are the same for all routes"
            raise ConfigError(f"route: got {name!r}{closest(name, named)}, expected {known}. Correct or leave out --route.")
        return replace(self, routes=(named[name], *(route for route in self.routes if route.name != name)))

    def images_of(self, sample: Sample) -> tuple[ImageRef, ...]:
        """Return the images that the prompt of a sample shows, in its order."""
        return sample.images

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the settings have on disk."""
        return {
            "labels": self.labels.to_dict(),
            "frame": self.frame.to_dict(),
            "detail": self.detail,
            "is_reasoned": self.is_reasoned,
            "routes": [asdict(route) for route in self.routes],
            **({"shows": list(self.shows)} if self.shows else {}),
            **({"answer": self.answer} if self.answer else {}),
            **({"stage": self.stage} if self.stage else {}),
            **({} if self.top_k is None else {"top_k": self.top_k}),
        }

    def save(self, folder: Path) -> None:
        """Write the settings into a folder."""
        write_json(folder / SETTINGS_FILE, self.to_dict())

    @classmethod
    def load(cls, folder: Path) -> "PromptSettings":
        """Read the settings of a training set or model folder.

        Raises:
            ConfigError: no settings there, or settings that are not valid.
        """
        path = folder / SETTINGS_FILE
        if not path.is_file():
            raise ConfigError(f"prompt settings: {path} does not exist. Name a folder written by mcr write-schemas or mcr sft.")
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                LabelSet.from_dict(row["labels"], str(path)),
                FrameSettings(**row["frame"]),
                row["detail"],
                row["is_reasoned"],
                tuple(Route(**route) for route in row["routes"]),
                tuple(row.get("shows", ())),
                row.get("answer", ""),
                row.get("stage", ""),
                row.get("top_k"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"prompt settings: {path} cannot be read ({type(error).__name__} {error}). Write it anew with mcr write-schemas."
            ) from error
