"""Drawing: each shape as an exact mask of its cells, and a picture as masks filled with their colors.

A mask says for each pixel whether its center lies inside the shape; for tips, whether the middle of its lower edge does. A
picture has no blended pixels, so the mask of what it shows can be read off it.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from data_prep.sandbox.looks import COLORS, Look
from mcr.boxes import Box
from mcr.masks import Mask, read_mask

BACKGROUNDS = ((238, 236, 228), (226, 234, 240), (214, 222, 214), (244, 240, 246))
RING_HOLE, FRAME_HOLE = 0.5, 0.5
ARM = 1 / 3
ROOF = 0.4


@lru_cache(maxsize=64)
def shape_mask(shape: str, width_px: int, height_px: int) -> np.ndarray:
    """Return a shape that fills a box, bool [height_px, width_px], read-only. Its outermost pixels touch each side of the box."""
    x = ((np.arange(width_px) + 0.5) / width_px)[None, :]
    y = ((np.arange(height_px) + 0.5) / height_px)[:, None]
    slope = y + 0.5 / height_px  # the lower edge of a pixel, so that a tip is two pixels wide and touches the top
    from_center = np.hypot(x - 0.5, y - 0.5)
    match shape:
        case "disc":
            mask = from_center <= 0.5
        case "ring":
            mask = (from_center <= 0.5) & (from_center > 0.5 * RING_HOLE)
        case "triangle":
            mask = np.abs(x - 0.5) <= slope / 2
        case "house":
            mask = (y >= ROOF) | (np.abs(x - 0.5) <= slope / ROOF / 4)
        case "square":
            mask = np.ones((height_px, width_px), dtype=bool)
        case "frame":
            mask = np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) > 0.5 * FRAME_HOLE
        case "cross":
            mask = np.minimum(np.abs(x - 0.5), np.abs(y - 0.5)) <= ARM / 2
        case "diamond":
            mask = np.abs(x - 0.5) + np.abs(y - 0.5) <= 0.5
        case _:
            raise ValueError(f"shape: got {shape!r}, expected one of looks.TYPE_OF_SHAPE.")
    mask.setflags(write=False)
    return mask


def draw_pixels(drawn: Sequence[tuple[Look, Box]], background: tuple[int, int, int], image_px: int) -> np.ndarray:
    """Return a picture, uint8 [image_px, image_px, 3]. Boxes are in whole pixels."""
    pixels = np.empty((image_px, image_px, 3), dtype=np.uint8)
    pixels[:] = background
    for look, box in drawn:
        x1, y1, x2, y2 = map(int, box)
        pixels[y1:y2, x1:x2][shape_mask(look.shape, x2 - x1, y2 - y1)] = COLORS[look.color]
    return pixels


def draw(drawn: Sequence[tuple[Look, Box]], background: tuple[int, int, int], image_px: int) -> Image.Image:
    """Return a picture, RGB."""
    return Image.fromarray(draw_pixels(drawn, background, image_px))


def mask_of(look: Look, box_px: Box, image_px: int) -> Mask:
    """Return the exact mask of a look over the whole image."""
    x1, y1, x2, y2 = map(int, box_px)
    whole = np.zeros((image_px, image_px), dtype=bool)
    whole[y1:y2, x1:x2] = shape_mask(look.shape, x2 - x1, y2 - y1)
    return read_mask({"size": [image_px, image_px], "counts": run_lengths(whole)})


def run_lengths(mask: np.ndarray) -> list[int]:
    """Return the lengths of the runs of a mask, column by column, zeros first (COCO's uncompressed form)."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    starts = np.concatenate([[0], changes, [flat.size]])
    runs = np.diff(starts).tolist()
    return [0, *runs] if flat[0] else runs
