"""What correction changed, and whether gold agrees: a part that was wrong and is right, or the other way round."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mcr.io.predictions import Prediction
from mcr.metrics.conventions import DEFAULT
from mcr.records import Entity, Sample, collapse_space
from mcr.uncertainties import PARTS


def changes_of(
    before: Sequence[Prediction], after: Sequence[Prediction], gold: Mapping[str, Sample]
) -> dict[str, dict[str, int]]:
    """Return by part how many entities had it changed, and how often that made it right or wrong.

    A type and a region are judged by the gold entity of the same name, as it is before or after.

    Args:
        before: predictions of a system.
        after: the same ones after correction, entities in the same order.
        gold: samples by id.
    """
    counts = {part: Counter(changed=0, to_right=0, to_wrong=0) for part in PARTS}
    for old, new in zip(before, after, strict=True):
        for one, other in zip(old.entities, new.entities, strict=True):
            for part in PARTS:
                if _value(one, part) == _value(other, part):
                    continue
                was, is_now = (_is_right(entity, part, gold[old.id].entities) for entity in (one, other))
                counts[part]["changed"] += 1
                counts[part]["to_right"] += is_now and not was
                counts[part]["to_wrong"] += was and not is_now
    return {part: dict(found) for part, found in counts.items()}


def _value(entity: Entity, part: str) -> object:
    return {"span": entity.text, "type": entity.type, "region": entity.boxes}[part]


def _is_right(entity: Entity, part: str, gold: Sequence[Entity]) -> bool:
    named = [one for one in gold if collapse_space(one.text) == collapse_space(entity.text)]
    agrees = {"span": lambda p, g: True, "type": DEFAULT.agrees_on_type, "region": DEFAULT.agrees_on_location}[part]
    return any(agrees(entity, one) for one in named)
