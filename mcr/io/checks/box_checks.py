"""Predicted boxes that look as if they were not pixels of the original image, and boxes that can hit nothing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcr.boxes import Box, iou, is_empty_box
from mcr.io.checks.suspicion import Pairs, Suspicion, suspect
from mcr.records import Sample, collapse_space

MIN_BOXES = 5
MANY, FEW = 0.2, 0.01
MAX_SHARE = 1.5  # pixels: no real box is as small, and shares of an image may lie a little outside it
MAX_PERCENT = 101
MIN_EXTENT = 200  # pixels: smaller images may have all their boxes below 100
HIT = 0.5
SCALES = {
    1: ("parts of the image from 0 to 1", "multiply by width and height"),
    100: ("per cent of the image", "multiply by width and height, divide by 100"),
    1000: ("thousandths of the image", "multiply by width and height, divide by 1000"),
    1024: ("1024ths of the image", "multiply by width and height, divide by 1024"),
}
Corners = Callable[[Box], Box]
ORDERS: dict[str, Corners] = {
    "": lambda box: box,
    "[y1, x1, y2, x2]": lambda box: (box[1], box[0], box[3], box[2]),
    "[x, y, width, height]": lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3]),
}


@dataclass(frozen=True, slots=True)
class _Placed:
    """A predicted box of finite numbers; gold's boxes are those of the entity with the same text."""

    sample: Sample
    box: Box
    gold: tuple[Box, ...]

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels; None where they are unknown."""
        image = self.sample.images[0] if self.sample.images else None
        return None if image is None or image.width is None or image.height is None else (image.width, image.height)

    @property
    def has_area(self) -> bool:
        """Whether its corners are in order."""
        return self.box[0] < self.box[2] and self.box[1] < self.box[3]

    def in_words(self) -> str:
        """Return the box with its place."""
        size = f" in {self.size[0]}x{self.size[1]}" if self.size else ""
        return f"{[round(value, 3) for value in self.box]}{size} (sample {self.sample.id})"


def check_boxes(pairs: Pairs) -> list[Suspicion]:
    """Return boxes in another frame, in another order of numbers, outside their image, without an area or not finite."""
    boxes = [
        _Placed(sample, box, _gold_boxes(sample, entity.text))
        for sample, prediction in pairs
        for entity in prediction.entities
        for box in entity.boxes or ()
        if not is_empty_box(entity.boxes)
    ]
    empty = [
        f"{entity.text!r} (sample {sample.id})"
        for sample, prediction in pairs
        for entity in prediction.entities
        if is_empty_box(entity.boxes)
    ]
    finite = [one for one in boxes if all(map(math.isfinite, one.box))]
    endless = [f"{list(one.box)} (sample {one.sample.id})" for one in boxes if not all(map(math.isfinite, one.box))]
    flat = [one for one in finite if not one.has_area]
    return [
        *(_by_gold(finite) or _by_range([one for one in finite if one.has_area])),
        *suspect("empty box, [0, 0, 0, 0] or the like, which counts as None; with --empty_boxes wrong, as a wrong box.", empty),
        *suspect("box with a number that is not finite. Its IoU is 0; correct or remove it.", endless),
        *suspect(
            "box without an area: corners swapped, or [x, y, width, height] instead of corners? Its IoU is 0; correct it.",
            [f"{list(one.box)} (sample {one.sample.id})" for one in flat],
        ),
    ]


def _gold_boxes(sample: Sample, text: str) -> tuple[Box, ...]:
    wanted = collapse_space(text).lower()
    return tuple(box for gold in sample.entities if collapse_space(gold.text).lower() == wanted for box in gold.boxes or ())


def _by_gold(boxes: Sequence[_Placed]) -> list[Suspicion]:
    """Return how boxes would have to be read to hit gold's, where that is plain from the entities with gold's texts."""
    known = [one for one in boxes if one.gold]
    if len(known) < MIN_BOXES:
        return []
    as_they_are = [_overlap(one, 0, "") >= HIT for one in known]
    readings = {(scale, order): [_overlap(one, scale, order) for one in known] for scale in (0, *SCALES) for order in ORDERS}
    best = max(readings, key=lambda one: (sum(value >= HIT for value in readings[one]), sum(readings[one])))
    mended = [
        one.in_words()
        for one, value, is_hit in zip(known, readings[best], as_they_are, strict=True)
        if value >= HIT and not is_hit
    ]
    if len(mended) <= max(MANY * len(known), sum(as_they_are)):
        return []
    scale, order = best
    units, advice = SCALES.get(scale, ("", ""))
    read_as = " and ".join(part for part in (units, f"{order} instead of corners" if order else "") if part)
    to_do = "; ".join(part for part in (advice, "write [x1, y1, x2, y2]" if order else "") if part)
    return suspect(f"box that hits gold's if it is read as {read_as}, and misses it as pixels: {to_do}.", mended)


def _overlap(one: _Placed, scale: int, order: str) -> float:
    """Return the best IoU with gold's boxes of a box in pixels (scale 0) or in parts of its image."""
    box = ORDERS[order](one.box)
    if scale:
        if one.size is None:
            return 0.0
        width, height = one.size
        box = (box[0] * width / scale, box[1] * height / scale, box[2] * width / scale, box[3] * height / scale)
    return max(iou(box, gold) for gold in one.gold)


def _by_range(boxes: Sequence[_Placed]) -> list[Suspicion]:
    """Return boxes whose numbers alone say that they are no pixels, or that they end outside their image."""
    outside = [one for one in boxes if _is_outside(one)]
    num_hits = sum(_overlap(one, 0, "") >= HIT for one in boxes if one.gold)
    if len(boxes) >= MIN_BOXES and num_hits <= MANY * len(boxes):
        small = [one for one in boxes if max(map(abs, one.box)) <= MAX_SHARE]
        if len(small) > MANY * len(boxes):
            what = "box with no coordinate above 1: parts of the image, not pixels? Multiply by width and height."
            return suspect(what, [one.in_words() for one in small])
        num_larger = sum(max(one.box) > MAX_PERCENT for one in boxes)
        if num_larger <= FEW * len(boxes) and _extent(boxes) >= MIN_EXTENT:
            what = f"box with no coordinate above 100: per cent of the image, not pixels? Convert them: {SCALES[100][1]}."
            return suspect(what, [one.in_words() for one in boxes])
        for scale in (1000, 1024):
            num_larger = sum(max(one.box) > scale for one in boxes)
            if num_larger <= FEW * len(boxes) and len(outside) > MANY * len(boxes):
                units, advice = SCALES[scale]
                what = f"box outside its image, hardly any beyond {scale}: {units}, not pixels? Convert them: {advice}."
                return suspect(what, [one.in_words() for one in outside])
    return suspect("box outside its image; it is scored as it is.", [one.in_words() for one in outside])


def _extent(boxes: Sequence[_Placed]) -> float:
    """Return how far pixels go: the shorter side of the smallest image, or gold's largest coordinate where no size is known."""
    sides = [min(one.size) for one in boxes if one.size]
    gold = [max(box) for one in boxes for entity in one.sample.entities for box in entity.boxes or ()]
    return min(sides) if sides else max(gold, default=0)


def _is_outside(one: _Placed) -> bool:
    width, height = one.size or (math.inf, math.inf)
    return one.size is not None and (one.box[2] > width + 1 or one.box[3] > height + 1 or min(one.box) < -1)
