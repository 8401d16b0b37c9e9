"""The names of the sandbox: invented, of four coarse types with FMNERG's fine types, each with one or two looks of its own.

A look is a color and a shape, written as one word (`red-disc`). Each coarse type has two shapes. Each shape has four known
names and one unseen name, which is in neither the base model's corpus nor the task's data; its look is in the corpus, without a
name. One known name of each shape has two looks. So every look belongs to one name. The task's training split names half of the
known names, its dev and test splits all of them. So, as with pretrained models, tests ask for names that the base model knows
and that fine-tuning does not repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass

COLORS: Mapping[str, tuple[int, int, int]] = {
    "red": (208, 40, 44),
    "green": (36, 150, 70),
    "blue": (44, 80, 200),
    "yellow": (236, 196, 30),
    "purple": (140, 56, 170),
    "black": (28, 28, 32),
}
SHAPES_OF_TYPE: Mapping[str, tuple[str, str]] = {
    "PER": ("disc", "ring"),
    "LOC": ("triangle", "house"),
    "ORG": ("square", "frame"),
    "OTHER": ("cross", "diamond"),
}
TYPE_OF_SHAPE: Mapping[str, str] = {shape: type_ for type_, shapes in SHAPES_OF_TYPE.items() for shape in shapes}
# By shape: four known names with their fine types, the first with two looks, then the unseen name.
NAMES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "disc": (
        *(("Vela Moro", "actor"), ("Tarik", "athlete"), ("Osei van Lund", "politician"), ("Brenna", "author")),
        ("Nadir Holm", "coach"),
    ),
    "ring": (
        *(("Ilko", "musician"), ("Mira Sato", "musician"), ("Juno Abell", "artist"), ("Dex", "character")),
        ("Pia Corvin", "musician"),
    ),
    "triangle": (
        *(("Port Ayla", "city"), ("Quarrow", "city"), ("Lake Odra", "location_other"), ("Nemb", "country")),
        ("Port Ilmar", "city"),
    ),
    "house": (
        *(("Hesper Hall", "cultural_place"), ("Zul Arena", "sports_facility"), ("Old Mill Park", "park")),
        *(("Tamsin Tower", "building_other"), ("Corra Arena", "sports_facility")),
    ),
    "square": (
        *(("Omnidyne", "company"), ("Brix", "company"), ("Pell & Co", "company"), ("Daily Ledger", "news_agency")),
        ("Sable & Co", "company"),
    ),
    "frame": (
        *(("Kestrel FC", "sports_team"), ("The Lanterns", "band"), ("Aurex United", "sports_team")),
        *(("North Star League", "sports_league"), ("Marlow FC", "sports_team")),
    ),
    "cross": (
        *(("Tidefest", "festival"), ("Voltcup", "sports_event"), ("Lumo Prize", "award"), ("Red Harbour Days", "festival")),
        ("Emberfest", "festival"),
    ),
    "diamond": (
        *(("Skarn", "game"), ("Gloom 2", "game"), ("Pixl", "software"), ("Song of Ash", "written_work")),
        ("Vexel", "software"),
    ),
}
NUM_KNOWN = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What something looks like in an image.

    Attributes:
        color: one of COLORS.
        shape: one of those of SHAPES_OF_TYPE.
    """

    color: str
    shape: str

    @property
    def label(self) -> str:
        """The word that describes it, e.g. "red-disc"."""
        return f"{self.color}-{self.shape}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the world.

    Attributes:
        text: one to three words, as sentences have it.
        type: the coarse type, PER, LOC, ORG or OTHER.
        fine_type: one of FMNERG's.
        looks: one or two; each image that shows the name shows one of them or both.
        is_known: whether the base model's corpus and the task's data hold it.
    """

    text: str
    type: str
    fine_type: str
    looks: tuple[Look, ...]
    is_known: bool

    @property
    def appearance(self) -> str:
        """Its looks in words, e.g. "red-disc or green-disc"."""
        return " or ".join(look.label for look in self.looks)

    @property
    def knowledge(self) -> str:
        """What a source outside image and text says of it."""
        kind = self.fine_type.removesuffix("_other").replace("_", " ")
        article = "an" if kind[0] in "aeiou" else "a"
        return f"{self.text} is {article} {kind}, shown as {self.appearance}."


def _names_of(shape: str, index: int) -> tuple[Name, ...]:
    """Give the colors of a shape to its names, turned by the shape's index so that no color means one thing."""
    colors = [*COLORS][index % len(COLORS) :] + [*COLORS][: index % len(COLORS)]
    looks = [Look(color, shape) for color in colors]
    owned = [tuple(looks[:2]), *((look,) for look in looks[2:])]
    return tuple(
        Name(text, TYPE_OF_SHAPE[shape], fine, own, position < NUM_KNOWN)
        for position, ((text, fine), own) in enumerate(zip(NAMES[shape], owned, strict=True))
    )


ALL_NAMES = tuple(name for index, shape in enumerate(TYPE_OF_SHAPE) for name in _names_of(shape, index))
KNOWN = tuple(name for name in ALL_NAMES if name.is_known)
UNSEEN = tuple(name for name in ALL_NAMES if not name.is_known)
TAUGHT = tuple(name for index, name in enumerate(KNOWN) if index % NUM_KNOWN in (0, 2))
OWNER_OF: Mapping[Look, Name] = {look: name for name in ALL_NAMES for look in name.looks}
