"""What the scripted LLM sees: the looks in a picture of the world, read off its pixels."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from data_prep.sandbox.drawing import shape_mask
from data_prep.sandbox.looks import COLORS, TYPE_OF_SHAPE, Look
from mcr.boxes import Box
from mcr.regions.components import components

MIN_IOU = 0.9  # of a component with the shape that it is taken for; two things of one color that touch are no shape
MAX_SIDE_PX = 1024
DATA_URI = "data:image/png;base64,"


def pictures_in(messages: Sequence[Mapping[str, Any]]) -> list[Image.Image]:
    """Return the pictures of a conversation, in order: PNG in data URIs.

    Raises:
        ValueError: an image that is no PNG in a data URI, or a large one.
    """
    parts = [part for message in messages if isinstance(message.get("content"), list) for part in message["content"]]
    return [_decoded(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]


def _decoded(url: str) -> Image.Image:
    if not url.startswith(DATA_URI):
        raise ValueError("image_url: expected a PNG in a data URI.")
    with Image.open(io.BytesIO(base64.b64decode(url.removeprefix(DATA_URI))), formats=["PNG"]) as picture:
        if max(picture.size) > MAX_SIDE_PX:
            raise ValueError(f"image_url: got {picture.width}x{picture.height} pixels, expected at most {MAX_SIDE_PX} a side.")
        return picture.convert("RGB")


def looks_in(picture: Image.Image) -> list[tuple[Look, Box]]:
    """Return the looks that a picture shows, each with its box, pixels."""
    pixels = np.asarray(picture)
    seen = ((_look_at(pixels, box), box) for box in components(pixels))
    return [(look, box) for look, box in seen if look is not None]


def _look_at(pixels: np.ndarray, box: Box) -> Look | None:
    x1, y1, x2, y2 = map(int, box)
    cut = pixels[y1:y2, x1:x2]
    for color, rgb in COLORS.items():
        mask = (cut == np.array(rgb, dtype=np.uint8)).all(axis=2)
        if not mask.any():
            continue
        ious = {shape: _iou(mask, shape_mask(shape, x2 - x1, y2 - y1)) for shape in TYPE_OF_SHAPE}
        best = max(ious, key=lambda shape: ious[shape])
        if ious[best] >= MIN_IOU:
            return Look(color, best)
    return None


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
