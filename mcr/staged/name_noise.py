"""Noise in the names that a second stage is trained on, so that it does not trust the first stage blindly (VKEL IV-L)."""

from collections.abc import Sequence
from random import Random

from mcr.errors import ConfigError, DataError
from mcr.records import Entity, Sample

UNITS = ("entities", "samples")


def disturb(
    proposed: Sequence[Sequence[Entity]], ratio: float, types: Sequence[str], seed: int, unit: str = "entities"
) -> list[list[Entity]]:
    """Return the entities after noise: exactly round(ratio x n) are dropped or get another coarse type, at even odds.

    Differs: the paper's Fig. 10 says samples. `unit` "samples" disturbs one entity of each of that many samples.

    Args:
        proposed: the entities of each sample.
        ratio: of the entities, or of the samples with an entity, 0 to 1.
        types: the coarse types.
        seed: random seed.
        unit: of UNITS.

    Raises:
        ConfigError: a ratio outside 0 to 1, an unknown unit, or fewer than two types to choose from.
    """
    if not 0 <= ratio <= 1 or unit not in UNITS or len(set(types)) < 2:
        raise ConfigError(
            f"noise: got ratio {ratio}, unit {unit!r} and {len(set(types))} types, expected 0 to 1, one of {', '.join(UNITS)} "
            "and two types or more."
        )
    rng = Random(f"noise/{seed}")
    places = [(row, number) for row, entities in enumerate(proposed) for number in range(len(entities))]
    if unit == "samples":
        named = [row for row, entities in enumerate(proposed) if entities]
        chosen = {(row, rng.randrange(len(proposed[row]))) for row in rng.sample(named, round(ratio * len(named)))}
    else:
        chosen = set(rng.sample(places, round(ratio * len(places))))
    changed = {place: _changed(proposed[place[0]][place[1]], types, rng) for place in sorted(chosen)}
    return [
        [one for number, entity in enumerate(entities) if (one := changed.get((row, number), entity)) is not None]
        for row, entities in enumerate(proposed)
    ]


def _changed(entity: Entity, types: Sequence[str], rng: Random) -> Entity | None:
    """Return nothing, or the entity with another type."""
    if rng.random() < 0.5:
        return None
    return Entity(entity.text, rng.choice([one for one in dict.fromkeys(types) if one != entity.type]))


def refuse_held_out(samples: Sequence[Sample], held_out: Sequence[Sample]) -> None:
    """Refuse to disturb dev or test samples.

    If a few training samples share a sentence with held-out ones (five in Twitter-FMNERG, such as retweets), their number is
    printed.

    Raises:
        DataError: some share an id with a held-out sample, or more than half share a sentence.
    """
    ids, sentences = {one.id for one in held_out}, {one.sentence for one in held_out}
    same = [one.id for one in samples if one.id in ids]
    repeated = [one.id for one in samples if one.sentence in sentences]
    if same or 2 * len(repeated) > len(samples):
        told = f"{len(same)} by id, {len(repeated)} by sentence, {(same or repeated)[0]} first"
        raise DataError(f"noise: samples are of dev or test: {told}. Noise is for training samples alone.")
    if repeated:
        print(f"noise: {len(repeated)} training samples have the sentence of a held-out one, {repeated[0]} first")
