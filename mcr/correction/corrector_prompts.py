"""What correctors are asked. `paper` has the parts of UnCo's prompts (App. D, Figs. 7-9); `brief` asks in one sentence.

The paper's prompts have four parts: role, entity types where they are needed, form of the output, action. Their wording is the
paper's, shortened. Ours are the rule for boxes, since models write boxes in their own frame, and the
prompt for all parts at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcr.boxes import Frame
from mcr.formats.location import format_box
from mcr.labels import LabelSet
from mcr.prompts.control_tokens import text_part
from mcr.prompts.settings import AXES_TEXT, BOX_RULES, LABELS
from mcr.records import Entity, Sample
from mcr.uncertainties import PARTS

ALL = "all"  # the one-time correction of every part (UnCo Table 3, without hierarchical correction)
STYLES = ("paper", "brief")
KEYS: Mapping[str, str] = {"span": "corrected_entity", "type": "corrected_type", "region": "corrected_bounding_box"}
NULL = "Null"
ROLES: Mapping[str, str] = {
    "span": "correcting named entity",
    "type": "correcting the type of the named entity",
    "region": "correcting the bounding box of the named entity from the provided image",
    ALL: "correcting the span, the type and the bounding box of the named entity from the provided image",
}
QUESTIONS: Mapping[str, str] = {
    "span": "Is the span of the pre-detected entity correct? If not, what should the correct span be?",
    "type": "Is the type of the pre-detected entity correct?",
    "region": "Is the bounding box provided by the pre-detected entity accurate?",
}
RULES: Mapping[str, str] = {
    "span": (
        "If you think the span of the entity is inaccurate, please correct the boundary of its span. Otherwise, just output the "
        "original prediction. Focus on tiny boundary modifications (one or two words) and do not have additional outputs."
    ),
    "type": (
        "If you think the type is correct, no modification is needed. If you think it is incorrect, please refer to [Entity Type "
        "Description] to correct it. Decide by textual context, visual cues and background knowledge."
    ),
    "region": (
        "If you think the bounding box is correct, no modification is needed. If you think it is incorrect, please correct it. "
        "If the entity cannot be precisely located within the image, or if it encompasses the entire image area, set the "
        f"bounding box to '{NULL}'. If you are uncertain about its grounding, please output '{NULL}'."
    ),
}


@dataclass(frozen=True, slots=True)
class PromptParts:
    """What is in a corrector's prompt (UnCo Table 5 leaves one of the first two out).

    Attributes:
        style: one of STYLES.
        has_cot: whether it asks to think step by step.
        has_uncertainty: whether it tells the uncertainty, and what that means.
    """

    style: str = "paper"
    has_cot: bool = True
    has_uncertainty: bool = True


@dataclass(frozen=True, slots=True)
class Doubted:
    """An entity whose part is to be corrected.

    Attributes:
        sample: that it is of.
        entity: as it is now, boxes in original pixels.
        part: of PARTS, or ALL.
        uncertainty: of the part, in [0, 1]; of ALL the largest; None where the system gives none.
        threshold: that it exceeds.
    """

    sample: Sample
    entity: Entity
    part: str
    uncertainty: float | None
    threshold: float

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that may change."""
        return PARTS if self.part == ALL else (self.part,)


def write_corrector_prompt(
    doubted: Doubted, parts: PromptParts, labels: LabelSet, frame: Frame | None, *, sees: bool
) -> list[dict[str, Any]]:
    """Return the conversation that asks for one correction.

    Args:
        doubted: what is asked about.
        parts: of the prompt.
        labels: that types are taken from.
        frame: that the model reads and writes boxes in; None where the sample has no image.
        sees: whether the image is shown.
    """
    if parts.style == "brief":
        texts = [BRIEF[part](doubted) for part in doubted.parts]
        return [_user("\n".join(texts), doubted.sample, sees=sees)]
    system = "\n".join(_system_lines(doubted, parts, labels, frame))
    asked = _user("\n".join(_user_lines(doubted, parts, frame)), doubted.sample, sees=sees)
    return [{"role": "system", "content": [{"type": "text", "text": system}]}, asked]


def _user(text: str, sample: Sample, *, sees: bool) -> dict[str, Any]:
    images = [{"type": "image"}] if sees else []
    return {"role": "user", "content": [*images, text_part(text, sample.sentence)]}


def _system_lines(doubted: Doubted, parts: PromptParts, labels: LabelSet, frame: Frame | None) -> list[str]:
    keys = [KEYS[part] for part in doubted.parts]
    shown = (["reasoning_process"] if parts.has_cot else []) + keys
    form = ", ".join(f'"{key}": "..."' for key in shown)
    lines = [f"[Role]: You are an AI assistant focused on {ROLES[doubted.part]}.", f"[Format Output Description]: {{{form}}}"]
    if "type" in doubted.parts:
        described = LABELS.format(labels=", ".join(map(labels.described, labels.labels)))
        lines.append(f"[Entity Type Description]: {described}")
    if "region" in doubted.parts and frame is not None:
        lines.append(BOX_RULES[frame.kind].format(axes=AXES_TEXT[frame.axes]))
    return [*lines, "[Action Required]:", *_actions(doubted, parts)]


def _actions(doubted: Doubted, parts: PromptParts) -> list[str]:
    careful = " with uncertainty" if parts.has_uncertainty else ""
    lines = [f"- Carefully review the pre-detected named entity{careful}."]
    if parts.has_cot:
        source = "the original text" if doubted.part == "span" else "the original text and image"
        asked = [f'What is the background knowledge of "entity" according to {source}?', *(QUESTIONS[p] for p in doubted.parts)]
        lines += ["- Please think step by step:", *(f"{number}. {question}" for number, question in enumerate(asked, 1))]
    lines += [f"- {RULES[part]}" for part in doubted.parts]
    if parts.has_uncertainty:
        lines.append(
            "- Uncertainty Description: Uncertainty refers to the confidence level of the pre-extraction results; higher "
            f"uncertainty (>{doubted.threshold:g}) indicates a greater likelihood of errors. Please review carefully."
        )
    outcome = "your reasoning process and your final correction" if parts.has_cot else "your final correction"
    return [*lines, f"- Please output {outcome} according to [Format Output Description]."]


def _user_lines(doubted: Doubted, parts: PromptParts, frame: Frame | None) -> list[str]:
    lines = [f"<Original Text>: {doubted.sample.sentence}", f"<Pre-detected Entity>: {doubted.entity.text}"]
    if doubted.part != "span":
        lines.append(f"<Pre-detected Entity type>: {doubted.entity.type}")
    if "region" in doubted.parts:
        lines.append(f"<Pre-detected Bounding box>: {write_place(doubted.entity, frame)}")
    if parts.has_uncertainty and doubted.uncertainty is not None:
        lines.append(f"<Pre-detected Entity Uncertainty>: {doubted.uncertainty:.2f}")
    return lines


def write_place(entity: Entity, frame: Frame | None) -> str:
    """Return the first box of an entity as a model of the frame writes it, Null where it has none."""
    if not entity.boxes or frame is None:
        return NULL
    return format_box(frame.from_px(entity.boxes[0]), frame.decimals)


def _brief_span(doubted: Doubted) -> str:
    return f'Text: {doubted.sample.sentence}\nIs "{doubted.entity.text}" the whole name? Correct it.'


def _brief_type(doubted: Doubted) -> str:
    return (
        f"Text: {doubted.sample.sentence}\nSomeone wrote that {doubted.entity.text} is {doubted.entity.type}. Correct the kind."
    )


def _brief_region(doubted: Doubted) -> str:
    return f"Where is {doubted.entity.text}?"


# In the words that the sandbox's base model knows; what it is asked of a region does not show it the box.
BRIEF: Mapping[str, Callable[[Doubted], str]] = {"span": _brief_span, "type": _brief_type, "region": _brief_region}
