"""What an LLM or MLLM is asked for: reasoning that leads to the gold answer, walking through the four constraints.

LLMs see the text and what is known of the image as words; MLLMs see the image. The reply must end in the answer as it is given,
so that it can be checked like any completion.
"""

from collections.abc import Sequence
from typing import Any

from data_prep.schemas.facts import Facts
from mcr.errors import DataError
from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.prompts.control_tokens import text_part
from mcr.prompts.routes import CONCLUSIONS, DISTILLED, QUESTIONS
from mcr.records import Entity
from mcr.systems import asked_styles
from mcr.systems.styles import AskedStyle
from mcr.tasks import Task
from rewards import RewardOptions, score_completion

CHECKS = {
    "span": "which words of the text name an entity",
    "type": "what the text says it is",
    "entailment": "whether the image shows it",
    "grounding": "the box of what is shown, no box for what is not",
}
CHECKED = {"text": ("span",), "type": ("type",), "location": ("entailment", "grounding"), "verdict": ("entailment",)}
NAMES_RULE = "Name every entity of the answer exactly as the text has it and no other"
PHRASE_RULE = "Repeat what the text describes exactly as the text has it"
BOX_RULE = "whether the image shows it, and write no box other than the given ones."
RULES = (
    "Reason forward, as someone who sees the text and the image and does not know the answer yet. Do not mention that an answer, "
    "labels or annotations were given to you. {about} Between 20 and 150 words."
)
ENDING = "End with the answer, copied exactly, between <answer> and </answer>:\n<answer>\n{answer}\n</answer>"
AGAIN = "This cannot be used: {reason} Write it again, with the same rules and the same answer at the end."


Form = tuple[str, str]  # (answer format, order of the parts)
FIRST_FORMS: tuple[Form, ...] = tuple((name, ORDERS[0]) for name in ANSWER_FORMATS)
ASKED_STYLES = {
    "llm_questions": AskedStyle(
        "Write it as short questions and answers, one pair a check.",
        needs_image=False,
        route=QUESTIONS,
        fallback="question_answer",
    ),
    "llm_conclusions": AskedStyle(
        "Write it as a few short conclusions, one or two sentences an entity.",
        needs_image=False,
        route=CONCLUSIONS,
        fallback="brief",
    ),
    "mllm_distilled": AskedStyle(
        "Write it as your own flowing reasoning between <think> and </think>.",
        needs_image=True,
        route=DISTILLED,
        fallback="narrative",
    ),
    **asked_styles(),
}


def request_for(facts: Facts, style: str, num_images: int, forms: Sequence[Form] = FIRST_FORMS) -> list[dict[str, Any]]:
    """Return the conversation that asks for one schema.

    Args:
        facts: of the sample, boxes in the frame that the schema is written in.
        style: a key of ASKED_STYLES.
        num_images: shown, for styles that need the image.
        forms: of the answer, the first that is read back as it was written is taken.
    """
    asked = ASKED_STYLES[style]
    answer = answer_for(facts, forms)
    known = [] if asked.needs_image else what_is_known(facts)
    rules = RULES.format(about=rule_of(facts.task))
    parts = [f"Text: {facts.sentence}", *known, constraints_of(facts.task), asked.manner, rules]
    text = "\n".join([*parts, ENDING.format(answer=answer)])
    images = [{"type": "image"}] * num_images if asked.needs_image else []
    return [{"role": "user", "content": [*images, text_part(text, facts.sentence)]}]


def rule_of(task: Task) -> str:
    """Return what the reasoning must and must not speak of."""
    if not task.has_location:
        return f"{NAMES_RULE}. Say nothing of the image."
    return f"{NAMES_RULE}, say of each {BOX_RULE}" if task.has_text else f"{PHRASE_RULE}, say {BOX_RULE}"


def constraints_of(task: Task) -> str:
    """Return the constraints that a task has, numbered."""
    names = [name for part in task.asked for name in CHECKED[part]]
    checks = [f"({number}) {name}: {CHECKS[name]}" for number, name in enumerate(names, start=1)]
    return f"Walk through these checks: {'; '.join(checks)}."


def _earned(answer: str, gold: Sequence[Entity], facts: Facts, rules: RewardOptions) -> float:
    """Return what an answer earns, as other systems' answers are read or as training reads."""
    return score_completion(f"<answer>\n{answer}\n</answer>", gold, frame=facts.frame, task=facts.task, options=rules).total


def answer_for(facts: Facts, forms: Sequence[Form] = FIRST_FORMS) -> str:
    """Return the gold answer in the first form that is read back as it was written: quotes and bars get lost in rows.

    Raises:
        DataError: no form is.
    """
    gold = [entity.to_px() for entity in facts.entities]
    for answer_format, order in forms:
        if not ANSWER_FORMATS[answer_format].fits(facts.task):
            continue
        answer = write_answer(facts.entities, answer_format, order=order, task=facts.task)
        if all(
            _earned(answer, gold, facts, rules) == 1.0
            for rules in (RewardOptions(), RewardOptions(formats=tuple(ANSWER_FORMATS)))
        ):
            return answer
    raise DataError(f"answer: of {facts.sentence[:80]!r} is in no form read back as it is written. Leave the sample out.")


def what_is_known(facts: Facts) -> list[str]:
    """Return in words what the image shows, for models that do not see it."""
    if not facts.task.has_location:
        return []
    lines = [f"The image: {caption}" for caption in facts.captions]
    lines += [f"The image shows {label} at {facts.write_box(box)}." for label, box in facts.regions]
    for entity, look in zip(facts.entities, facts.looks, strict=True):
        place = " and ".join(facts.write_box(box) for box in entity.boxes or ()) or None
        shown = f"is shown at {place}" if place else "is not shown"
        lines.append(f"{entity.text} {shown} in the image{f' (it looks like {look})' if look else ''}.")
    return lines


def again(conversation: list[dict[str, Any]], reply: str, reason: str) -> list[dict[str, Any]]:
    """Return the conversation that asks once more, with the reason."""
    return [
        *conversation,
        {"role": "assistant", "content": [{"type": "text", "text": reply}]},
        {"role": "user", "content": [{"type": "text", "text": AGAIN.format(reason=reason)}]},
    ]
