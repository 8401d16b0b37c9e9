"""What a detector of flat pictures calls what it finds: the name of its color."""

import colorsys
from collections import Counter

import numpy as np

from mcr.boxes import Box
from mcr.segment.color import color_codes, ground_of
from mcr.segment.segmenters import pixels_of

DARK, PALE, BRIGHT = 0.25, 0.15, 0.75  # a value below DARK is black, a saturation below PALE white or, below BRIGHT, gray
HUES = ((20, "red"), (44, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"), (320, "purple"))


def color_name(red: int, green: int, blue: int) -> str:
    """Return the name of a color.

    >>> [color_name(208, 40, 44), color_name(236, 196, 30), color_name(28, 28, 32), color_name(238, 236, 228)]
    ['red', 'yellow', 'black', 'white']

    Args:
        red: 0 to 255.
        green: 0 to 255.
        blue: 0 to 255.
    """
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < DARK:
        return "black"
    if saturation < PALE:
        return "white" if value >= BRIGHT else "gray"
    return next((name for end, name in HUES if 360 * hue < end), "red")


def color_in(pixels: np.ndarray, box_px: Box) -> str:
    """Return the name of the color that fills most of a box, the ground's only where there is no other.

    Args:
        pixels: uint8 [height, width, 3].
        box_px: pixels.
    """
    code = color_codes(pixels)
    ground, height, width = ground_of(code), code.shape[0], code.shape[1]
    counts = Counter(code[pixels_of(box_px, height, width)].tolist())
    found = max((one for one in sorted(counts) if one != ground), key=lambda one: counts[one], default=ground)
    return color_name(found % 256, found // 256 % 256, found // 65536)
