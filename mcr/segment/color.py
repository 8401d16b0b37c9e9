"""A segmenter for flat pictures, such as the sandbox's: what has the color that fills most of a box, and is connected."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from mcr.boxes import Box
from mcr.masks import Mask
from mcr.segment.segmenters import mask_of_pixels, pixels_of

MIN_INSIDE = 0.75


class ColorSegmenter:
    """A segmenter (`mcr.segment.segmenters.Segmenter`) without a model; it sees pixels alone."""

    def __init__(self, name_or_path: str = "") -> None:
        self.name_or_path = name_or_path

    def segment(self, image: Image.Image, boxes_px: Sequence[Box]) -> list[Mask]:
        """Return one mask a box."""
        pixels = np.asarray(image.convert("RGB"))
        return [mask_of_pixels(segment(pixels, box)) for box in boxes_px]


def segment(pixels: np.ndarray, box: Box) -> np.ndarray:
    """Return the mask of the thing in a box, bool [height, width], all False for an empty box.

    The thing may go on outside the box, but not by more than a quarter of it: then two things touch, and the box divides them.

    Args:
        pixels: uint8 [height, width, 3].
        box: pixels.
    """
    code = color_codes(pixels)
    inside = pixels_of(box, *code.shape)
    colors, counts = np.unique(code[inside & (code != ground_of(code))], return_counts=True)
    if not len(colors):
        return np.zeros(code.shape, dtype=bool)
    labels = np.zeros(code.shape, dtype=np.int32)
    ndimage.label(code == colors[counts.argmax()], output=labels)
    overlap = np.bincount(labels[inside])
    overlap[0] = 0
    thing = labels == overlap.argmax()
    return thing if (thing & inside).sum() >= MIN_INSIDE * thing.sum() else thing & inside


def color_codes(pixels: np.ndarray) -> np.ndarray:
    """Return one number a color, of pixels [..., 3]."""
    return pixels.astype(np.int64) @ np.array([1, 256, 65536])


def ground_of(code: np.ndarray) -> int:
    """Return the number of the ground's color: the commonest along the picture's edge."""
    edge = np.concatenate([code[0], code[-1], code[:, 0], code[:, -1]])
    colors, counts = np.unique(edge, return_counts=True)
    return int(colors[counts.argmax()])
