"""Region proposals from the pixels alone: connected components of one color, moved a little, and distractors, with scores.
Their category is the name of their color.

They stand in for an object detector's regions: most cover something, none is exact, some cover nothing.
"""

from random import Random

import numpy as np
from scipy import ndimage

from mcr.boxes import Box
from mcr.regions.color_names import color_in
from mcr.regions.proposed import Proposal
from mcr.segment.color import color_codes, ground_of

JITTER = 0.06
MIN_SIDE_PX = 8
COMPONENT_SCORES, DISTRACTOR_SCORES = (0.6, 1.0), (0.1, 0.7)


def components(pixels: np.ndarray) -> list[Box]:
    """Return the boxes of the connected components (4 neighbors) of each color but the background's, from the top left.

    Args:
        pixels: uint8 [height, width, 3], of a picture of flat colors, such as the sandbox's.
    """
    code = color_codes(pixels)
    found = []
    for value in np.unique(code[code != ground_of(code)]):
        labels = np.zeros(code.shape, dtype=np.int32)
        ndimage.label(code == value, output=labels)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            first = columns.start + int(np.argmax(labels[rows.start, columns] == number))
            box = (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
            found.append(((rows.start, first), box))
    return [box for _, box in sorted(found)]


def propose(pixels: np.ndarray, rng: Random, *, num: int = 8) -> tuple[Proposal, ...]:
    """Return `num` proposals of a picture, or more where it has more components, highest score first."""
    height, width, _ = pixels.shape
    boxes = [(_jittered(box, rng, width, height), rng.uniform(*COMPONENT_SCORES)) for box in components(pixels)]
    while len(boxes) < num:
        boxes.append((_anywhere(rng, width, height), rng.uniform(*DISTRACTOR_SCORES)))
    found = [Proposal(box, score, color_in(pixels, box)) for box, score in boxes]
    return tuple(sorted(found, key=lambda proposal: -proposal.score))


def _jittered(box: Box, rng: Random, width: int, height: int) -> Box:
    x1, y1, x2, y2 = box
    dx, dy = JITTER * (x2 - x1), JITTER * (y2 - y1)
    moved_x = (x1 + rng.uniform(-dx, dx), x2 + rng.uniform(-dx, dx))
    moved_y = (y1 + rng.uniform(-dy, dy), y2 + rng.uniform(-dy, dy))
    return _clipped(moved_x[0], moved_y[0], moved_x[1], moved_y[1], width, height)


def _anywhere(rng: Random, width: int, height: int) -> Box:
    side_x, side_y = rng.uniform(MIN_SIDE_PX, width / 2), rng.uniform(MIN_SIDE_PX, height / 2)
    x1, y1 = rng.uniform(0, width - side_x), rng.uniform(0, height - side_y)
    return _clipped(x1, y1, x1 + side_x, y1 + side_y, width, height)


def _clipped(x1: float, y1: float, x2: float, y2: float, width: int, height: int) -> Box:
    """Return a box inside the image, in hundredths of a pixel."""
    return round(max(0.0, x1), 2), round(max(0.0, y1), 2), round(min(width, x2), 2), round(min(height, y2), 2)
