"""Which entities a clause names: their names are placeholders, so that no word of a name is read as a word of the sentence."""

import re
from collections.abc import Iterator, Sequence

from mcr.records import Entity, collapse_space

HOLDER = re.compile(r"\u27e6([0-9]+)\u27e7")
CLAUSE = re.compile(r"(?<=[.;!?])\s+|\n+|\s+(?=(?:but|while|whereas|although|however)\b)|,\s+(?=(?:but|while|whereas|and)\b)")
ABSENT = re.compile(
    r"\b(?:not|no|none|never|nothing|neither|nor|without|cannot|absent|missing|lacks?|null|\w+n't)\b", re.IGNORECASE
)


def hold_names(text: str, entities: Sequence[Entity]) -> str:
    """Return text with each entity's name as a placeholder, longest names first, whole words alone.

    Short names are found by their case: "US" is not "us".
    """
    order = sorted(range(len(entities)), key=lambda index: -len(entities[index].text))
    held = "\n".join(collapse_space(line) for line in text.split("\n"))
    for index in order:
        name = r"\s+".join(map(re.escape, entities[index].text.replace("\u2019", "'").split()))
        flags = re.IGNORECASE if len(entities[index].text) > 3 else 0
        held = re.sub(rf"(?<!\w){name}(?!\w)", f"\u27e6{index}\u27e7", held, flags=flags)
    return held


def clauses_of(held: str) -> Iterator[str]:
    """Yield the clauses of a text with placeholders, in order."""
    return filter(None, map(str.strip, filter(None, CLAUSE.split(held))))


def named_in(held: str, entities: Sequence[Entity]) -> set[int]:
    """Return the entities that a text names; those of one text are named together."""
    texts = {entities[int(match)].text for match in HOLDER.findall(held)}
    return {index for index, entity in enumerate(entities) if entity.text in texts}
