"""Phrases: an entity as a text of its own, to be entailed or grounded. A phrase is a sample of task ve or vg (RiVEG IV-C)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mcr.boxes import area
from mcr.errors import ConfigError, closest
from mcr.io.predictions import Prediction
from mcr.knowledge.known_texts import Knowledge
from mcr.knowledge.question_templates import FORMS, expression_of
from mcr.records import Entity, Sample, collapse_space
from mcr.tasks import Task
from mcr.uncertainties import PartUncertainties

Expansions = Mapping[tuple[str, str, str], str]  # (sample id, entity, type) -> what the entity is, in a few words


def expansions_of(records: Iterable[Knowledge]) -> dict[tuple[str, str, str], str]:
    """Return what is said of entities, by sample, text and type; of several sources the first counts."""
    found: dict[tuple[str, str, str], str] = {}
    for record in records:
        if record.entity is not None and record.type is not None:
            found.setdefault((record.id, record.entity, record.type), record.text)
    return found


def phrase_of(entity: Entity, expansion: str, form: str) -> str:
    """Return an entity as a text of its own.

    Args:
        entity: its name and type.
        expansion: what it is; "" for an unknown entity, which leaves name and type.
        form: one of FORMS: name and type, the expansion alone, or both (the referring expression of IV-B 2).

    Raises:
        ConfigError: there is no such form.

    >>> [phrase_of(Entity("CP3", "PER"), "a basketball player", form) for form in FORMS]
    ['CP3 (PER)', 'a basketball player', 'CP3 (PER) - a basketball player']
    """
    if form not in FORMS:
        raise ConfigError(f"form: got {form!r}{closest(form, FORMS)}, expected one of {', '.join(FORMS)}. Correct the name.")
    if form == "name" or not expansion:
        return expression_of(entity.text, entity.type, "")
    return expansion if form == "expansion" else expression_of(entity.text, entity.type, expansion)


def phrases_of(
    sample: Sample, entities: Sequence[Entity], expansions: Expansions, form: str, task: Task, *, is_largest: bool = False
) -> list[Sample]:
    """Return a phrase for each entity of a sample, in their order.

    Args:
        sample: whose first image is asked about.
        entities: gold's, or predicted ones.
        expansions: of the entities.
        form: one of FORMS.
        task: ve or vg.
        is_largest: of several boxes the largest alone is gold, as in training (IV-C 2); masks go with their boxes.
    """
    phrases = []
    for number, entity in enumerate(entities):
        text = collapse_space(phrase_of(entity, expansions.get((sample.id, entity.text, entity.type), ""), form))
        gold = (Entity(text, entity.type, entity.boxes, entity.masks),)
        if is_largest and entity.boxes:
            gold = (Entity(text, entity.type, (max(entity.boxes, key=area),)),)
        made = {"task": task, "sentence": text, "entities": gold, "images": sample.images[:1]}
        phrases.append(replace(sample, id=f"{sample.id}#{number}", **made, captions=(), knowledge=(), regions=()))
    return phrases


def has_usable_image(sample: Sample) -> bool:
    """Whether there is an image to ask about: without one no entity is shown."""
    return bool(sample.images) and not sample.images[0].is_missing


def with_boxes(prediction: Prediction, places: Mapping[str, Prediction]) -> Prediction:
    """Return the predicted entities of a sample, each with the boxes of its phrase.

    Args:
        prediction: names and types.
        places: the predictions of the phrases that were grounded, by their ids; the other entities are not shown. An answer that
            could not be read is a location that nothing agrees with, not None.
    """
    grounded = [places.get(f"{prediction.id}#{number}") for number in range(len(prediction.entities))]
    entities = tuple(
        replace(entity, boxes=None if place is None else place.entities[0].boxes if place.entities else ())
        for entity, place in zip(prediction.entities, grounded, strict=True)
    )
    return replace(prediction, entities=entities)


def with_region_doubts(prediction: Prediction, verdicts: Mapping[str, Prediction]) -> Prediction:
    """Return the predicted entities of a sample, their regions as uncertain as the verdicts on their phrases.

    The uncertainty of a region is the entropy of shown against not shown, in nats. An entity whose parts have no uncertainties
    (UnCo Eq. 7) stays without any, so does a region without a verdict.

    Args:
        prediction: names, types and boxes.
        verdicts: on the phrases, by their ids, with the probability of the other verdict as uncertainty.
    """
    doubts = []
    for number, parts in enumerate(prediction.uncertainties):
        verdict = verdicts.get(f"{prediction.id}#{number}")
        chance = verdict.uncertainties[0] if verdict is not None and verdict.uncertainties else None
        if isinstance(parts, PartUncertainties) and isinstance(chance, float):
            values = {**parts.values, "region": _entropy_of(chance)}
            parts = PartUncertainties(values, {**parts.num_choices, "region": 2})
        doubts.append(parts)
    return replace(prediction, uncertainties=tuple(doubts))


def _entropy_of(chance: float) -> float:
    """Return the entropy of a choice between two in nats; chance in [0, 1]."""
    return -sum(one * math.log(one) for one in (chance, 1 - chance) if one > 0)
