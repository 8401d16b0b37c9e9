"""The styles of reasoning: each is a function from facts to text, walking through the four constraints.

Constraints (MCR 4.1): C_s span and C_t type are checked on the text, C_e entailment on image against text, C_u grounding on
the image. The route of a style decides how reasoning and answer are marked.
"""

from collections.abc import Sequence
from random import Random

from data_prep.schemas.facts import Facts
from data_prep.schemas.phrases import BANK
from mcr.boxes import Box
from mcr.prompts.routes import CONCLUSIONS, DISTILLED, IMAGE_FIRST, QUESTIONS, TEXT_FIRST, Route
from mcr.records import Entity
from mcr.systems import template_styles
from mcr.systems.styles import TemplateStyle


class Voice:
    """Picks phrases: `num_phrasings` of each kind, by an explicit random generator; writes the steps that styles share."""

    def __init__(self, rng: Random, num_phrasings: int) -> None:
        self.rng = rng
        self.num_phrasings = num_phrasings

    def say(self, kind: str, **fields: str) -> str:
        """Return one phrase of a kind, filled in."""
        return self.choose(BANK[kind], **fields)

    def choose(self, phrases: Sequence[str], **fields: str) -> str:
        """Return one of some phrases, filled in."""
        return self.rng.choice(phrases[: self.num_phrasings]).format(**fields)

    def span(self, facts: Facts) -> str:
        """Return the names of the text (C_s)."""
        return _span(facts, self)

    def see(self, facts: Facts) -> list[str]:
        """Return what the image is known to show."""
        return _see(facts, self)

    def on_text(self, facts: Facts) -> list[str]:
        """Return the steps on the text (C_s and C_t)."""
        return _on_text(facts, self)

    def on_image(self, facts: Facts) -> list[str]:
        """Return the steps on the image (C_e and C_u)."""
        return _on_image(facts, self)


def _upper(text: str, facts: Facts) -> str:
    """Begin a sentence with a capital, unless it begins with a name, which stays as the text has it."""
    if any(text.startswith(entity.text) for entity in facts.entities):
        return text
    return text[:1].upper() + text[1:]


def _see(facts: Facts, voice: Voice) -> list[str]:
    if not facts.task.has_location:
        return []
    return [*(voice.say("caption", caption=caption) for caption in facts.captions), *_list_regions(facts.regions, facts, voice)]


def _list_regions(regions: Sequence[tuple[str, Box]], facts: Facts, voice: Voice) -> list[str]:
    if not regions:
        return []
    return [voice.say("see", regions="; ".join(f"{label} {facts.write_box(box)}" for label, box in regions))]


def visible_first(facts: Facts, voice: Voice) -> list[str]:
    """Return what the image-first route begins with: captions and regions, or else the gold boxes.

    The list is empty if the task does not ask about the image, or if there is no caption, region or gold box. The two tagged
    routes then take the same steps.
    """
    return _see(facts, voice) or _list_regions(_gold_regions(facts), facts, voice)


def _gold_regions(facts: Facts) -> list[tuple[str, Box]]:
    """Return the gold boxes, each under its type, before the text has been read."""
    if not facts.task.has_location:
        return []
    labeled = ((entity.type if facts.task.has_type else "something", entity.boxes or ()) for entity in facts.entities)
    return list(dict.fromkeys((label, box) for label, boxes in labeled for box in boxes))


def _span(facts: Facts, voice: Voice) -> str:
    if not facts.entities:
        return voice.say("no_span")
    return voice.say("span", names="; ".join(entity.text for entity in facts.entities))


def _types(facts: Facts, voice: Voice) -> list[str]:
    return [_type(facts, voice)] if facts.task.has_type else []


def _type(facts: Facts, voice: Voice) -> str:
    return _upper("; ".join(voice.say("type", name=e.text, type=e.type) for e in facts.entities), facts) + "."


def _entail(facts: Facts, voice: Voice) -> str:
    parts = []
    for entity, look in zip(facts.entities, facts.looks, strict=True):
        if entity.boxes is None:
            parts.append(_missing(entity, look, voice))
        elif look is None:
            parts.append(voice.say("entailed", name=entity.text))
        else:
            parts.append(voice.say("entailed_look", name=entity.text, look=look))
    return _upper("; ".join(parts), facts) + "."


def _missing(entity: Entity, look: str | None, voice: Voice) -> str:
    if look is None:
        return voice.say("not_entailed", name=entity.text)
    return voice.say("missing_look", name=entity.text, look=look)


def _entail_and_ground(facts: Facts, voice: Voice) -> str:
    """Entailment and place in one: which of the things seen bears out each name, and where it is."""
    parts = []
    for entity, look in zip(facts.entities, facts.looks, strict=True):
        if entity.boxes is None:
            parts.append(_missing(entity, look, voice))
        elif look is None:
            parts.append(voice.say("ground", name=entity.text, box=_boxes(facts, entity)))
        else:
            parts.append(voice.say("found_look", name=entity.text, look=look, box=_boxes(facts, entity)))
    return _upper("; ".join(parts), facts) + "."


def _boxes(facts: Facts, entity: Entity) -> str:
    return ", ".join(facts.write_box(box) for box in entity.boxes or ())


def _ground(facts: Facts, voice: Voice) -> str:
    parts = []
    for entity in facts.entities:
        if entity.boxes is None:
            parts.append(voice.say("no_ground", name=entity.text))
        else:
            parts.append(voice.say("ground", name=entity.text, box=_boxes(facts, entity)))
    return _upper("; ".join(parts), facts) + "."


def _on_text(facts: Facts, voice: Voice) -> list[str]:
    """C_s and C_t, unless the phrase is given."""
    return [] if not facts.task.has_text else [_span(facts, voice), *_types(facts, voice)]


def _on_image(facts: Facts, voice: Voice, *, is_joined: bool = False) -> list[str]:
    """C_e and C_u, in one or after one another; C_e alone where a verdict is asked for, neither where no place is."""
    if not facts.task.has_location:
        return []
    if facts.task.is_verdict:
        return [_entail(facts, voice)]
    return [_entail_and_ground(facts, voice)] if is_joined else [_entail(facts, voice), _ground(facts, voice)]


def steps_text_first(facts: Facts, voice: Voice) -> list[str]:
    """Span and type from the text, then the image is asked about each name, then the boxes."""
    if not facts.entities:
        return [_span(facts, voice), voice.say("all_clear")]
    return [*_on_text(facts, voice), *_see(facts, voice), *_on_image(facts, voice)]


def steps_image_first(facts: Facts, voice: Voice) -> list[str]:
    """What the image shows and where, then the text's names and types, then which of them the image bears out."""
    if not facts.entities:
        return [*visible_first(facts, voice), _span(facts, voice), voice.say("all_clear")]
    return [*visible_first(facts, voice), *_on_text(facts, voice), *_on_image(facts, voice, is_joined=True)]


def question_answer(facts: Facts, voice: Voice) -> list[str]:
    """One question for each constraint that the task has, each with its answer."""
    if not facts.entities:
        return [voice.say("ask_span"), "A: " + _span(facts, voice), voice.say("all_clear")]
    lines = []
    if facts.task.has_text:
        lines += [voice.say("ask_span"), "A: " + _span(facts, voice)]
    if facts.task.has_type:
        lines += [voice.say("ask_type"), "A: " + _type(facts, voice)]
    if facts.task.has_location:
        lines += [voice.say("ask_entailed"), "A: " + " ".join([*_see(facts, voice), _entail(facts, voice)])]
    if facts.task.has_location and not facts.task.is_verdict:
        lines += [voice.say("ask_ground"), "A: " + _ground(facts, voice)]
    return lines


def brief(facts: Facts, voice: Voice) -> list[str]:
    """What is seen, then one conclusion for each name: type, shown or not, where."""
    if not facts.entities:
        return [*_see(facts, voice), voice.say("no_span")]
    lines = _see(facts, voice)
    if facts.task.is_verdict:
        return [*lines, _entail(facts, voice)]
    for entity, look in zip(facts.entities, facts.looks, strict=True):
        shown = _shown(facts, entity, look, voice)
        kind = "conclude_place" if not facts.task.has_type else "conclude" if facts.task.has_location else "conclude_type"
        lines.append(_upper(voice.say(kind, name=entity.text, type=entity.type, shown=shown), facts))
    return lines


def _shown(facts: Facts, entity: Entity, look: str | None, voice: Voice) -> str:
    if not facts.task.has_location:
        return ""
    if entity.boxes is None:
        return voice.say("brief_absent") if look is None else voice.say("brief_missing", look=look)
    if look is not None:
        return voice.say("brief_look", look=look, box=_boxes(facts, entity))
    return voice.say("brief_shown", box=_boxes(facts, entity))


def narrative(facts: Facts, voice: Voice) -> list[str]:
    """Free-form prose in one paragraph: the text, the names in turn, the image, where each is."""
    prose = [voice.say("story_open", sentence=facts.sentence), *_see(facts, voice)]
    if not facts.entities:
        return [" ".join([*prose, voice.say("no_span"), voice.say("all_clear")])]
    for index in range(len(facts.entities)):
        one = facts.reordered([index])
        entity = one.entities[0]
        if facts.task.has_type:
            prose.append(_upper(voice.say("story_type", name=entity.text, type=entity.type), facts) + ".")
        prose += _on_image(one, voice)
    return [" ".join(prose)]


OWN = {
    "steps_text_first": TemplateStyle(steps_text_first, TEXT_FIRST, is_default=True),
    "steps_image_first": TemplateStyle(steps_image_first, IMAGE_FIRST, is_default=True),
    "question_answer": TemplateStyle(question_answer, QUESTIONS, is_default=True),
    "brief": TemplateStyle(brief, CONCLUSIONS, is_default=True),
    "narrative": TemplateStyle(narrative, DISTILLED, is_default=True),
}
TEMPLATES = OWN | template_styles()
ANSWER_ONLY = "answer_only"
STYLES = (*TEMPLATES, ANSWER_ONLY)


def route_of(style: str) -> Route | None:
    """Return the route that a template style is written for; `answer_only` has none."""
    return None if style == ANSWER_ONLY else TEMPLATES[style].route


def write_completion(style: str, facts: Facts, voice: Voice, answer: str) -> str:
    """Return the whole completion: the style's reasoning, then the answer the way its route marks it.

    `answer_only` has no reasoning at all: the baseline that the schemas are compared with.
    """
    if style == ANSWER_ONLY:
        return f"<answer>\n{answer}\n</answer>"
    template = TEMPLATES[style]
    return template.route.completion_of("\n".join(template.write(facts, voice)), answer)
