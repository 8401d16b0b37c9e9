"""A segmenter for the sandbox's flat pictures: what has the color that fills most of a box, and is connected.

The sandbox uses it in place of a segmentation model with box prompts. It sees pixels alone.
"""

import numpy as np
from scipy import ndimage

from data_prep.sandbox.drawing import BACKGROUNDS
from mcr.boxes import Box

MIN_INSIDE = 0.75


def segment(pixels: np.ndarray, box: Box) -> np.ndarray:
    """Return the mask of the thing in a box, bool [height, width], all False for an empty box.

    The thing may go on outside the box, but not by more than a quarter of it: then two things touch, and the box divides them.

    Args:
        pixels: uint8 [height, width, 3], of a picture of the sandbox.
        box: pixels.
    """
    code = color_codes(pixels)
    height, width = code.shape
    x1, y1, x2, y2 = box
    inside = np.zeros(code.shape, dtype=bool)
    inside[max(0, round(y1)) : min(height, round(y2)), max(0, round(x1)) : min(width, round(x2))] = True
    colors, counts = np.unique(code[inside & ~is_ground(code)], return_counts=True)
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


def is_ground(code: np.ndarray) -> np.ndarray:
    """Return where a picture shows its ground, bool of the same shape, from numbers of `color_codes`."""
    return np.isin(code, color_codes(np.array(BACKGROUNDS)))
