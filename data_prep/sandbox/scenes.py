"""Scenes: tweet-like sentences over drawn images, with both biases on purpose.

A sentence names things that the image does not show (textual bias), the image shows things that the sentence does not name
(visual bias), and half of these look like a named one. Everything follows from seed, split and index.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_prep.sandbox.drawing import BACKGROUNDS, mask_of
from data_prep.sandbox.looks import ALL_NAMES, KNOWN, TAUGHT, UNSEEN, Look, Name
from data_prep.sandbox.minor_names import minor_names
from mcr.boxes import Box, iou
from mcr.records import Entity, ImageRef, Region, Sample
from mcr.tasks import GMNER

CELL_PX = 32
SIZES = ((1, 1), (2, 2))
OPENINGS = ("", "", "RT @ {user} : ", "so ", "wow , ", "today : ", "breaking : ")
CLOSINGS = ("", "", " # {tag}", " !", " http://t.co/{link}", " :)")
BODIES: tuple[tuple[str, ...], ...] = (
    ("what a day for a long walk", "nothing new on the desk", "rain again and no coffee left", "cannot sleep tonight"),
    ("{0} is back again", "all eyes on {0} tonight", "I still miss {0}", "have you seen {0} yet ?", "thinking of {0}"),
    ("{0} meets {1} again", "{0} and {1} in one photo", "from {0} to {1} with love", "is {0} ready for {1} ?"),
    ("{0} with {1} and {2}", "{0} , {1} , {2} : what a night", "{0} joins {1} for {2}", "no {0} without {1} or {2}"),
)
USERS = ("ana_k", "joe77", "newsbot", "tomtom")
TAGS = ("tbt", "live", "monday", "goals")
LINKS = ("a8Xq", "Zk20", "p0Lw", "m3Nn")
CAPTION_LISTS = ("{0}.", "a picture of {0}.", "{0} on a plain ground.", "there is {0}.")
NOTHING = "an empty ground"


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What a world is like; the defaults are the task's.

    Attributes:
        grid: cells a side of the image.
        names: that sentences draw from.
        bystanders: names whose looks may be shown without being named.
        shown: how often a named thing is shown.
        num_named: weights of 0, 1, 2, ... names a sentence.
        num_unnamed: weights of 0, 1, 2, ... things shown and not named.
        alike: how often an unnamed thing is drawn from those that share color or shape with a named one.
        minor_share: of the names of sentences that are minor ones in place of those of `names`.
        needs_unseen: whether each sentence with a name has an unseen one.
        loose_px: how far a thing may lie off its cells, pixels.
    """

    grid: int = 4
    names: tuple[Name, ...] = KNOWN
    bystanders: tuple[Name, ...] = KNOWN
    shown: float = 0.6
    num_named: tuple[int, ...] = (1, 5, 9, 5)
    num_unnamed: tuple[int, ...] = (3, 5, 3)
    alike: float = 0.5
    minor_share: float = 0.0
    needs_unseen: bool = False
    loose_px: int = 0

    @property
    def image_px(self) -> int:
        """The side of the image, pixels."""
        return self.grid * CELL_PX


TASK = WorldOptions()
TRAIN_TASK = replace(TASK, names=TAUGHT)
UNSEEN_TASK = replace(TASK, names=ALL_NAMES, bystanders=ALL_NAMES, needs_unseen=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """A sentence and what is drawn for it.

    Attributes:
        named: the names of the sentence in its order.
        drawn: each look with its box, pixels.
    """

    sentence: str
    named: tuple[Name, ...]
    drawn: tuple[tuple[Look, Box], ...]
    background: tuple[int, int, int]
    image_px: int

    def in_reading_order(self) -> list[tuple[Look, Box]]:
        """Return what is drawn from the top row of cells to the bottom one, each row from left to right."""
        return sorted(self.drawn, key=lambda pair: (round(pair[1][1] / CELL_PX), round(pair[1][0] / CELL_PX)))

    def shown_of(self, name: Name) -> tuple[tuple[Look, Box], ...]:
        """Return the looks of a name that are shown, each with its box."""
        return tuple((look, box) for look, box in self.drawn if look in name.looks)


def make_scene(seed: int, split: str, index: int, options: WorldOptions = TASK) -> Scene:
    """Return one scene of a world, the same for the same arguments."""
    rng = random.Random(f"{seed}/{split}/{index}")
    named = _pick_named(rng, options)
    shown = [look for name in named if rng.random() < options.shown for look in _pick_looks(rng, name)]
    unnamed = _pick_unnamed(rng, named, options)
    return Scene(
        sentence=write_sentence(rng, [name.text for name in named]),
        named=tuple(named),
        drawn=tuple(_place(rng, shown + unnamed, options)),
        background=rng.choice(BACKGROUNDS),
        image_px=options.image_px,
    )


def _pick_named(rng: random.Random, options: WorldOptions) -> list[Name]:
    num = rng.choices(range(len(options.num_named)), weights=options.num_named)[0]
    named = rng.sample(options.names, num)
    if options.needs_unseen and named and all(name.is_known for name in named):
        named[rng.randrange(num)] = rng.choice(UNSEEN)
    return _with_minor(rng, named, options.minor_share) if options.minor_share else named


def _with_minor(rng: random.Random, named: list[Name], share: float) -> list[Name]:
    """Return names of which some are exchanged for minor ones; no two of them have a look in common."""
    for place in range(len(named)):
        if rng.random() < share:
            taken = {look for other, name in enumerate(named) if other != place for look in name.looks}
            named[place] = rng.choice(minor_names())
            while not taken.isdisjoint(named[place].looks):
                named[place] = rng.choice(minor_names())
    return named


def _pick_looks(rng: random.Random, name: Name) -> list[Look]:
    """Pick one look of a name, sometimes two: an image can show both. A stranger has none."""
    if not name.looks:
        return []
    if len(name.looks) > 1 and rng.random() < 0.2:
        return list(name.looks)
    return [rng.choice(name.looks)]


def _pick_unnamed(rng: random.Random, named: Sequence[Name], options: WorldOptions) -> list[Look]:
    """Pick looks to show that the sentence does not name, often of the color or the shape of a named one."""
    own = {look for name in named for look in name.looks}
    others = [look for name in options.bystanders for look in name.looks if look not in own]
    alike = [look for look in others if any(look.color == one.color or look.shape == one.shape for one in own)]
    picked: list[Look] = []
    for _ in range(rng.choices(range(len(options.num_unnamed)), weights=options.num_unnamed)[0]):
        pool = [look for look in (alike if alike and rng.random() < options.alike else others) if look not in picked]
        if pool:
            picked.append(rng.choice(pool))
    return picked


def _place(rng: random.Random, looks: Sequence[Look], options: WorldOptions) -> list[tuple[Look, Box]]:
    """Give each look a free rectangle of cells; a look that no longer fits is left out."""
    grid, placed = options.grid, []
    taken: set[tuple[int, int]] = set()
    for look in looks:
        free = [
            (col, row, width, height)
            for width, height in SIZES
            for col in range(grid - width + 1)
            for row in range(grid - height + 1)
            if taken.isdisjoint(_cells(col, row, width, height))
        ]
        if not free:
            continue
        size = rng.choice(SIZES)
        col, row, width, height = rng.choice([spot for spot in free if spot[2:] == size] or free)
        taken |= _cells(col, row, width, height)
        placed.append((look, tuple(float(v * CELL_PX) for v in (col, row, col + width, row + height))))
    return [(look, _loosened(rng, look, box, placed, options)) for look, box in placed] if options.loose_px else placed


def _loosened(rng: random.Random, look: Look, box: Box, placed: list[tuple[Look, Box]], options: WorldOptions) -> Box:
    """Return a box moved off its cells: not out of the image, and not where another thing may be moved to."""
    reach, last = options.loose_px, options.image_px
    dx = min(max(rng.randint(-reach, reach), -box[0]), last - box[2])
    dy = min(max(rng.randint(-reach, reach), -box[1]), last - box[3])
    moved = (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)
    near = ((x1 - reach, y1 - reach, x2 + reach, y2 + reach) for one, (x1, y1, x2, y2) in placed if one != look)
    return box if any(iou(moved, other) for other in near) else moved


def _cells(col: int, row: int, width: int, height: int) -> set[tuple[int, int]]:
    return {(c, r) for c in range(col, col + width) for r in range(row, row + height)}


def write_sentence(rng: random.Random, names: Sequence[str]) -> str:
    """Return a tweet-like sentence that holds the names in their order."""
    body = rng.choice(BODIES[len(names)]).format(*names)
    frame = rng.choice(OPENINGS) + body + rng.choice(CLOSINGS)
    return frame.format(user=rng.choice(USERS), tag=rng.choice(TAGS), link=rng.choice(LINKS))


def to_sample(scene: Scene, sample_id: str, path: str, *, has_fine_types: bool = False, has_masks: bool = False) -> Sample:
    """Return the sample of a scene with all that is known of it: regions, knowledge on the named, a caption without names."""
    entities = []
    for name in scene.named:
        shown = scene.shown_of(name)
        boxes = tuple(box for _, box in shown) or None
        masks = tuple(mask_of(look, box, scene.image_px) for look, box in shown) if has_masks else None
        entities.append(Entity(name.text, name.fine_type if has_fine_types else name.type, boxes, masks))
    return Sample(
        id=sample_id,
        dataset="sandbox",
        task=GMNER,
        sentence=scene.sentence,
        images=(ImageRef(path, scene.image_px, scene.image_px),),
        entities=tuple(entities),
        regions=tuple(Region(look.label, box) for look, box in scene.in_reading_order()),
        knowledge=tuple((name.text, name.appearance) for name in scene.named if name.looks),
        captions=(write_caption(scene),),
    )


def write_caption(scene: Scene) -> str:
    """Return what the image shows in words, without a name."""
    labels = [look.label for look, _ in scene.in_reading_order()]
    listed = " and ".join(f"a {label}" for label in labels) or NOTHING
    return CAPTION_LISTS[len(scene.sentence) % len(CAPTION_LISTS)].format(listed)
