"""Minor names: many invented names with a fine type and a look each, which the base model has never seen.

A training split can name them (`--minor_names`): the few names of `looks.py` a model can learn by heart, so it need not read what
its prompt says of them. Unlike there, several minor names share a look.
"""

from functools import lru_cache
from random import Random

from data_prep.sandbox.looks import ALL_NAMES, COLORS, NAMES, SHAPES_OF_TYPE, Look, Name
from data_prep.sandbox.strangers import make_up

NUM_MINOR = 1500


@lru_cache(maxsize=1)
def minor_names() -> tuple[Name, ...]:
    """Return the minor names, the same in every world."""
    rng = Random("minor names")
    made: dict[str, Name] = {}
    while len(made) < NUM_MINOR:
        stranger = make_up(rng)
        shape = rng.choice(SHAPES_OF_TYPE[stranger.type])
        look, fine_type = Look(rng.choice([*COLORS]), shape), rng.choice(NAMES[shape])[1]
        made.setdefault(stranger.text, Name(stranger.text, stranger.type, fine_type, (look,), is_known=False))
    return tuple(made.values())


def name_called(text: str) -> Name | None:
    """Return the name of the world with a text, None where there is none."""
    return _by_text().get(text)


@lru_cache(maxsize=1)
def _by_text() -> dict[str, Name]:
    return {name.text: name for name in (*minor_names(), *ALL_NAMES)}
