"""The sandbox world: invented names, each with a look of its own, in tweet-like sentences over rendered images.

It holds the two biases on purpose. Names stand in the sentence that the image does not show (textual bias), things are
shown that the sentence does not name (visual bias), and every colour is worn by several names, so that a look-alike of an
absent name is often there. Everything follows from the seed and the sample's index.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from mcr.boxes import Box
from mcr.records import Entity, ImageRef, Region, Sample
from mcr.tasks import GMNER

CELL_PX = 32
GRID = 5
IMAGE_PX = CELL_PX * GRID
BACKGROUNDS = ((238, 236, 228), (226, 234, 240), (214, 222, 214), (244, 240, 246))
COLOURS = {
    "red": (208, 40, 44),
    "green": (36, 150, 70),
    "blue": (44, 80, 200),
    "yellow": (236, 196, 30),
    "purple": (140, 56, 170),
    "black": (28, 28, 32),
}
SHAPES = {"PER": "disc", "LOC": "triangle", "ORG": "square", "OTHER": "cross"}
NAMES = {
    "PER": ("Vela Moro", "Tarik", "Osei Lund", "Brenna", "Ilko", "Mira Sato"),
    "LOC": ("Port Ayla", "Quarrow", "Nemb", "Lake Odra", "Hesper", "Zul"),
    "ORG": ("Kestrel FC", "Omnidyne", "The Lanterns", "Brix", "Pell & Co", "Aurex"),
    "OTHER": ("Tidefest", "Gloom 2", "Lumo Prize", "Skarn", "Voltcup", "Red Harbour"),
}
SIZES = ((1, 1), (2, 2))
OPENINGS = ("", "", "RT @ {user} : ", "so ", "wow , ", "today : ", "breaking : ")
CLOSINGS = ("", "", " # {tag}", " !", " http://t.co/{link}", " :)")
BODIES = {
    0: ("what a day for a long walk", "nothing new on the desk", "rain again and no coffee left", "cannot sleep tonight"),
    1: ("{0} is back again", "all eyes on {0} tonight", "I still miss {0}", "have you seen {0} yet ?", "thinking of {0}"),
    2: ("{0} meets {1} again", "{0} and {1} in one photo", "from {0} to {1} with love", "is {0} ready for {1} ?"),
    3: ("{0} with {1} and {2}", "{0} , {1} , {2} : what a night", "{0} joins {1} for {2}", "no {0} without {1} or {2}"),
}
USERS = ("ana_k", "joe77", "newsbot", "tomtom")
TAGS = ("tbt", "live", "monday", "goals")
LINKS = ("a8Xq", "Zk20", "p0Lw", "m3Nn")


@dataclass(frozen=True, slots=True)
class Look:
    """How one name looks in every image: a colour and a shape."""

    name: str
    type: str
    colour: str

    @property
    def label(self) -> str:
        """The word that describes it, e.g. "red-disc"."""
        return f"{self.colour}-{SHAPES[self.type]}"


LOOKS = tuple(Look(name, type_, colour) for type_, names in NAMES.items() for name, colour in zip(names, COLOURS, strict=True))


@dataclass(frozen=True, slots=True)
class Scene:
    """A sample and what is drawn for it."""

    sample: Sample
    background: tuple[int, int, int]
    drawn: tuple[tuple[Look, Box], ...]


def make_scene(seed: int, split: str, index: int) -> Scene:
    """Return one scene of the world, the same for the same seed, split and index."""
    rng = random.Random(f"{seed}/{split}/{index}")
    named = rng.sample(LOOKS, rng.choices((0, 1, 2, 3), weights=(1, 5, 9, 5))[0])
    shown = [look for look in named if rng.random() < 0.6]
    unnamed = _pick_unnamed(rng, named)
    drawn = _place(rng, shown + unnamed)
    boxes = dict(drawn)
    entities = tuple(Entity(look.name, look.type, (boxes[look],) if look in boxes else None) for look in named)
    sample_id = f"{split}-{index:05d}"
    sample = Sample(
        id=sample_id,
        dataset="sandbox",
        task=GMNER,
        sentence=_write_sentence(rng, [look.name for look in named]),
        images=(ImageRef(f"images/{split}/{sample_id}.png", IMAGE_PX, IMAGE_PX),),
        entities=entities,
        regions=tuple(Region(look.label, box) for look, box in sorted(drawn, key=lambda pair: pair[0].label)),
        knowledge=tuple((look.name, look.label) for look in named),
    )
    return Scene(sample, rng.choice(BACKGROUNDS), tuple(drawn))


def _pick_unnamed(rng: random.Random, named: list[Look]) -> list[Look]:
    """Pick up to two looks to show that the sentence does not name, often in the colour of a named one."""
    others = [look for look in LOOKS if look not in named]
    alike = [look for look in others if look.colour in {n.colour for n in named}]
    picked: list[Look] = []
    for _ in range(rng.choices((0, 1, 2), weights=(3, 5, 3))[0]):
        pool = [look for look in (alike if alike and rng.random() < 0.5 else others) if look not in picked]
        if pool:
            picked.append(rng.choice(pool))
    return picked


def _place(rng: random.Random, looks: list[Look]) -> list[tuple[Look, Box]]:
    """Give each look a free rectangle of grid cells; the boxes are in image pixels."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for look in looks:
        free = [
            (col, row, width, height)
            for width, height in SIZES
            for col in range(GRID - width + 1)
            for row in range(GRID - height + 1)
            if taken.isdisjoint(_cells(col, row, width, height))
        ]
        size = rng.choice(SIZES)
        col, row, width, height = rng.choice([spot for spot in free if spot[2:] == size] or free)
        taken |= _cells(col, row, width, height)
        placed.append((look, tuple(float(v * CELL_PX) for v in (col, row, col + width, row + height))))
    return placed


def _cells(col: int, row: int, width: int, height: int) -> set[tuple[int, int]]:
    return {(c, r) for c in range(col, col + width) for r in range(row, row + height)}


def _write_sentence(rng: random.Random, names: list[str]) -> str:
    body = rng.choice(BODIES[len(names)]).format(*names)
    frame = rng.choice(OPENINGS) + body + rng.choice(CLOSINGS)
    return frame.format(user=rng.choice(USERS), tag=rng.choice(TAGS), link=rng.choice(LINKS))


def draw_scene(scene: Scene) -> Image.Image:
    """Return the scene's picture, IMAGE_PX square, RGB. Each shape fills its box to the edges."""
    picture = Image.new("RGB", (IMAGE_PX, IMAGE_PX), scene.background)
    pen = ImageDraw.Draw(picture)
    for look, (x1, y1, x2, y2) in scene.drawn:
        colour = COLOURS[look.colour]
        box = (x1, y1, x2 - 1, y2 - 1)
        match SHAPES[look.type]:
            case "disc":
                pen.ellipse(box, fill=colour)
            case "square":
                pen.rectangle(box, fill=colour)
            case "triangle":
                pen.polygon([((x1 + x2 - 1) / 2, y1), (x2 - 1, y2 - 1), (x1, y2 - 1)], fill=colour)
            case "cross":
                arm_x, arm_y = (x2 - x1) / 3, (y2 - y1) / 3
                pen.rectangle((x1 + arm_x, y1, x2 - 1 - arm_x, y2 - 1), fill=colour)
                pen.rectangle((x1, y1 + arm_y, x2 - 1, y2 - 1 - arm_y), fill=colour)
    return picture
