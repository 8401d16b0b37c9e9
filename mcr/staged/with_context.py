"""Samples with what the prompts of a second stage show: proposed entities, knowledge of them, objects in the image."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mcr.knowledge.known_texts import Knowledge
from mcr.records import Entity, Region, Sample, collapse_space
from mcr.regions.proposed import Proposals

TOP_K = 5  # objects an image (VKEL IV-J 1)
KnownEntities = Mapping[tuple[str, str], str]


def known_entities(records: Iterable[Knowledge]) -> dict[tuple[str, str], str]:
    """Return knowledge by (sample id, entity text); of several records on one entity, the first counts."""
    found: dict[tuple[str, str], str] = {}
    for record in records:
        if record.entity is not None:
            found.setdefault((record.id, collapse_space(record.entity)), record.text)
    return found


def with_context(
    sample: Sample, proposed: Sequence[Entity], knowledge: KnownEntities, objects: Proposals, top_k: int = TOP_K
) -> Sample:
    """Return a sample with proposed entities, what is known of them, and the best objects of its image.

    Args:
        sample: whose own knowledge and regions are replaced.
        proposed: entities with coarse types; boxes are left out.
        knowledge: of `known_entities`.
        objects: in pixels of the original image.
        top_k: K of VKEL Eq. 8.
    """
    named = tuple(Entity(entity.text, entity.type) for entity in proposed)
    texts = list(dict.fromkeys(one.text for one in named))  # one name may have been given two types
    known = [(text, knowledge.get((sample.id, collapse_space(text)))) for text in texts]
    best = sorted(objects, key=lambda one: -one.score)[:top_k]
    return replace(
        sample,
        proposed=named,
        knowledge=tuple((text, told) for text, told in known if told is not None),
        regions=tuple(Region(one.label, one.box) for one in best),
    )
