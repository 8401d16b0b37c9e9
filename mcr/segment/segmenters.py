"""The segmenters by the names that flags spell. A new one is a file with a maker and a line here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from mcr.boxes import Box
from mcr.errors import ConfigError, closest
from mcr.masks import Mask, read_mask


class Segmenter(Protocol):
    """Anything that turns boxes into masks."""

    def segment(self, image: Image.Image, boxes_px: Sequence[Box]) -> list[Mask]:
        """Return one mask over the whole image for each box, in pixels of the image."""
        ...


def segmenter_makers() -> Mapping[str, Callable[[str], Any]]:
    """Return what makes each segmenter, by name; it takes the name or path of a model."""
    from mcr.segment import color, sam

    return {"sam": sam.SamSegmenter, "color": color.ColorSegmenter, "box": BoxSegmenter}


def make_segmenter(name: str, name_or_path: str = "") -> Segmenter:
    """Return a segmenter.

    Args:
        name: a key of `segmenter_makers`.
        name_or_path: of its model: a folder or a name of the hub; "" where it has none.

    Raises:
        ConfigError: no such segmenter, or one that needs a model and has none.
    """
    makers = segmenter_makers()
    if name not in makers:
        raise ConfigError(f"segmenter: got {name!r}{closest(name, makers)}, expected one of {', '.join(makers)}.")
    return makers[name](name_or_path)


class BoxSegmenter:
    """The whole box as mask: what a segmenter is compared with."""

    def __init__(self, name_or_path: str = "") -> None:
        self.name_or_path = name_or_path

    def segment(self, image: Image.Image, boxes_px: Sequence[Box]) -> list[Mask]:
        """Return one mask a box, rounded to whole pixels."""
        return [mask_of_pixels(pixels_of(box, image.height, image.width)) for box in boxes_px]


def pixels_of(box_px: Box, height: int, width: int) -> np.ndarray:
    """Return where a box lies in an image, bool [height, width], rounded to whole pixels; all False for a box outside it."""
    x1, y1, x2, y2 = (max(0, round(edge)) for edge in box_px)
    inside = np.zeros((height, width), dtype=bool)
    inside[y1:y2, x1:x2] = True
    return inside


def mask_of_pixels(pixels: np.ndarray) -> Mask:
    """Return a mask of bool [height, width]."""
    height, width = pixels.shape
    flat = pixels.astype(bool).flatten(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate([[0], edges, [len(flat)]])
    runs = np.diff(bounds).tolist()
    return read_mask({"size": [height, width], "counts": [0, *runs] if len(flat) and flat[0] else runs})
