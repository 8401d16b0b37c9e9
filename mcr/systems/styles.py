"""What a style of reasoning is: one written by a template, or one that a model is asked for.

data_prep keeps the toolkit's own styles in the same records. A system brings its styles along without importing data_prep: a
template style is a function of the two protocols here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mcr.boxes import Box
from mcr.prompts.routes import Route
from mcr.records import Entity


class Facts(Protocol):
    """What a schema may say of one sample, boxes in the model's frame (data_prep.schemas.facts.Facts)."""

    @property
    def sentence(self) -> str:
        """The text."""
        ...

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Gold entities."""
        ...

    @property
    def regions(self) -> tuple[tuple[str, Box], ...]:
        """(label, box) of every region that is known to be visible."""
        ...

    @property
    def captions(self) -> tuple[str, ...]:
        """Captions of the image."""
        ...

    @property
    def looks(self) -> tuple[str | None, ...]:
        """What each entity looks like, where that is known."""
        ...

    def write_box(self, box: Box) -> str:
        """Return a box as text."""
        ...


class Voice(Protocol):
    """Picks a wording by seed and writes the steps that styles share (data_prep.schemas.styles.Voice)."""

    def choose(self, phrases: Sequence[str], **fields: str) -> str:
        """Return one of a style's own phrases, the shortest first in the sequence, with its fields filled in."""
        ...

    def say(self, kind: str, **fields: str) -> str:
        """Return one phrase of the toolkit's phrase bank, with its fields filled in."""
        ...

    def span(self, facts: Any) -> str:
        """Return the sentence that lists the names of the text."""
        ...

    def see(self, facts: Any) -> list[str]:
        """Return the lines of captions and regions; none if the task has no location."""
        ...

    def on_text(self, facts: Any) -> list[str]:
        """Return the steps on the text, span and type; nothing where the task gives the phrase."""
        ...

    def on_image(self, facts: Any) -> list[str]:
        """Return the steps on the image, entailment and grounding; nothing where no location is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class TemplateStyle:
    """A style that is written by a template.

    Attributes:
        write: returns the lines of reasoning for (facts, voice), an instance of each protocol here.
        route: that it is written for: it decides the end of the prompt and how reasoning and answer are marked.
        is_default: write_schemas draws it where `--styles` is not given.
    """

    write: Callable[[Any, Any], list[str]]
    route: Route
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class AskedStyle:
    """A style that a model behind an endpoint is asked for.

    Attributes:
        manner: the sentence of the request that describes the reasoning.
        needs_image: the model is an MLLM and gets the image.
        route: that it is written for, its fallback's, too.
        fallback: the template style that is written where no reply of the model passes the gate.
    """

    manner: str
    needs_image: bool
    route: Route
    fallback: str
