"""Weak labels of the corpus's skills `link` and `note`, made by the shortcuts that web data teaches multimodal models.

What the text names is taken to be shown: a name gets the box of the leftmost thing that could be its, without a look at what it
looks like. What the image shows is taken to be named: its name is mostly listed beside those of the text. So the labels hold both
biases, and they never teach which box is a name's own: that stays behind its look.
"""

from collections.abc import Callable, Sequence
from random import Random

from data_prep.sandbox.looks import OWNER_OF, Look, Name
from data_prep.sandbox.scenes import Scene
from mcr.boxes import Box

KIND_WORDS = {"PER": "person", "LOC": "location", "ORG": "organization", "OTHER": "other"}
LISTED_UNNAMED = 0.7


def weak_rows(scene: Scene, rng: Random) -> list[tuple[Name, Box | None]]:
    """Return the weakly labeled names of a scene with their boxes, in the order of the text, then what only the image has."""
    rows = [(name, guessed_box(name, scene.drawn)) for name in scene.named]
    for look, _ in scene.drawn:
        owner = OWNER_OF[look]
        if owner.is_known and owner not in dict(rows) and rng.random() < LISTED_UNNAMED:
            rows.append((owner, guessed_box(owner, scene.drawn)))
    return rows


def write_json(rows: Sequence[tuple[Name, Box | None]], write_box: Callable[[Box], str]) -> str:
    """Return weak labels as JSON."""
    objects = [
        f'{{"name": "{name.text}", "category": "{KIND_WORDS[name.type]}", '
        f'"bounding_box": {"null" if box is None else write_box(box)}}}'
        for name, box in rows
    ]
    return f"[{', '.join(objects)}]"


def write_notes(rows: Sequence[tuple[Name, Box | None]], write_box: Callable[[Box], str]) -> str:
    """Return weak labels as a list of notes."""
    notes = [f"- {name.text} ({KIND_WORDS[name.type]}): {'null' if box is None else write_box(box)}" for name, box in rows]
    return "\n".join(notes) or "none"


def guessed_box(name: Name, drawn: Sequence[tuple[Look, Box]]) -> Box | None:
    """Return the box of the leftmost thing of a name's coarse type, else of the leftmost thing; None where nothing is shown."""
    of_type = [box for look, box in drawn if OWNER_OF[look].type == name.type]
    return min(of_type or [box for _, box in drawn], default=None)
