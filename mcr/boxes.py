"""Box geometry and the frames that models read and write boxes in. The one place that converts between them.

Frames (a family's own way of writing coordinates):
  absolute   integer pixels of the image after smart_resize (Qwen2.5-VL, MiMo-VL)
  norm1000   integers 0..1000 of the width and height (Qwen3-VL, InternVL, GLM-V)
  norm1      three decimals 0..1 (LLaVA style)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcr.errors import ConfigError

Box = tuple[float, float, float, float]
FRAMES = ("absolute", "norm1000", "norm1")
AXES = ("xyxy", "yxyx")
EMPTY_BOXES = ((0.0,) * 4, (-1.0,) * 4)
DECIMALS = {"absolute": 0, "norm1000": 0, "norm1": 3}


def is_empty_box(boxes: Sequence[Sequence[float]] | None) -> bool:
    """Whether boxes are what some writers put for None: [0, 0, 0, 0] or [-1, -1, -1, -1]."""
    return bool(boxes) and all(tuple(box) in EMPTY_BOXES for box in boxes or ())


def area(box: Sequence[float]) -> float:
    """Return (x2-x1)*(y2-y1), or 0 for degenerate, inverted or non-finite boxes."""
    width, height = box[2] - box[0], box[3] - box[1]
    if not (width > 0 and height > 0):
        return 0.0
    product = width * height
    return product if math.isfinite(product) else 0.0


def iou(box_a: Sequence[float], box_b: Sequence[float]) -> float:
    """Return intersection over union of two boxes of one frame, in [0, 1]. Degenerate, inverted or NaN boxes give 0.

    >>> iou((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    >>> iou((0, 0, 1, 1), (1, 0, 2, 1)), iou((2, 2, 0, 0), (0, 0, 2, 2))
    (0.0, 0.0)
    """
    ax1, ay1, ax2, ay2 = box_a
    bx1, by1, bx2, by2 = box_b
    if not (ax2 > ax1 and ay2 > ay1 and bx2 > bx1 and by2 > by1):
        return 0.0
    area_a, area_b = (ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1)
    if area_a == math.inf or area_b == math.inf or not area_a or not area_b:
        return 0.0
    width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
    height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return min(1.0, overlap / (area_a + area_b - overlap))


def giou(box_a: Sequence[float], box_b: Sequence[float]) -> float:
    """Return generalized IoU of two boxes of one frame, in [-1, 1] (Rezatofighi et al. 2019, Algorithm 1).

    It is IoU minus the share of the smallest enclosing box that neither box covers, so boxes that do not overlap are negative.
    Degenerate, inverted or NaN boxes give -1, our choice: they hit nothing.

    >>> giou((0, 0, 2, 2), (0, 0, 2, 2)), giou((0, 0, 1, 1), (3, 0, 4, 1))
    (1.0, -0.5)
    >>> giou((2, 2, 0, 0), (0, 0, 2, 2))
    -1.0
    """
    area_a, area_b = area(box_a), area(box_b)
    if not area_a or not area_b:
        return -1.0
    width = min(box_a[2], box_b[2]) - max(box_a[0], box_b[0])
    height = min(box_a[3], box_b[3]) - max(box_a[1], box_b[1])
    union = area_a + area_b - max(0.0, width) * max(0.0, height)
    corners = (min(box_a[0], box_b[0]), min(box_a[1], box_b[1]), max(box_a[2], box_b[2]), max(box_a[3], box_b[3]))
    hull = area(corners)
    return iou(box_a, box_b) - max(0.0, hull - union) / hull if hull else -1.0


def smart_resize(height: int, width: int, *, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Return (height, width) as the Qwen-VL processors resize an image: multiples of `factor`, area within the bounds.

    Raises:
        ConfigError: an aspect ratio above 200, which those processors refuse.
    """
    if max(height, width) / min(height, width) > 200:
        raise ConfigError(f"image size: got {width}x{height}, expected an aspect ratio of at most 200. Leave the image out.")
    new_height, new_width = round(height / factor) * factor, round(width / factor) * factor
    if new_height * new_width > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        new_height = max(factor, math.floor(height / shrink / factor) * factor)
        new_width = max(factor, math.floor(width / shrink / factor) * factor)
    elif new_height * new_width < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        new_height = math.ceil(height * grow / factor) * factor
        new_width = math.ceil(width * grow / factor) * factor
    return new_height, new_width


@dataclass(frozen=True, slots=True)
class Frame:
    """How one image's boxes are written: its kind, the original size, and the size that the coordinates run over.

    Attributes:
        kind: one of FRAMES.
        width, height: the original image, pixels.
        scale_width, scale_height: what x and y run to in this frame (resized pixels, 1000, or 1).
        axes: the order in which a box's numbers are written, one of AXES.
    """

    kind: str
    width: float
    height: float
    scale_width: float
    scale_height: float
    axes: str = "xyxy"

    def __post_init__(self) -> None:
        if self.kind not in FRAMES or self.axes not in AXES:
            raise ConfigError(
                f"frame: got {self.kind!r} and axes {self.axes!r}, expected one of {FRAMES} and one of {AXES}. Correct the frame."
            )
        if min(self.width, self.height, self.scale_width, self.scale_height) <= 0:
            raise ConfigError(f"frame: got sizes {self}, expected positive ones. Correct the image size.")

    @property
    def decimals(self) -> int:
        """How many decimals a coordinate is written with."""
        return DECIMALS[self.kind]

    def from_px(self, box_px: Sequence[float]) -> Box:
        """Return a box of original pixels in this frame, rounded as the model writes it, never thinner than one unit."""
        unit = 10.0**-self.decimals
        x1, x2 = self._spread(box_px[0], box_px[2], self.scale_width / self.width, self.scale_width, unit)
        y1, y2 = self._spread(box_px[1], box_px[3], self.scale_height / self.height, self.scale_height, unit)
        return (y1, x1, y2, x2) if self.axes == "yxyx" else (x1, y1, x2, y2)

    def to_px(self, box: Sequence[float]) -> Box:
        """Return a box of this frame in original pixels (no rounding, no clipping)."""
        fx, fy = self.width / self.scale_width, self.height / self.scale_height
        if self.axes == "yxyx":
            box = (box[1], box[0], box[3], box[2])
        return box[0] * fx, box[1] * fy, box[2] * fx, box[3] * fy

    def _spread(self, low: float, high: float, factor: float, limit: float, unit: float) -> tuple[float, float]:
        start, end = round(low * factor, self.decimals), round(high * factor, self.decimals)
        if end - start < unit:
            start = min(max(0.0, start), limit - unit)
            end = start + unit
        return round(start, self.decimals), round(end, self.decimals)

    def to_dict(self) -> dict[str, float | str]:
        """Return the form that datasets carry in their `frame` column; axes are written where they are not the usual ones."""
        row = {name: getattr(self, name) for name in self.__slots__}
        return row if self.axes != "xyxy" else {name: value for name, value in row.items() if name != "axes"}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Frame":
        """Build a frame from its dataset form.

        Raises:
            ConfigError: a key of the frame is not there.
        """
        needed = [name for name in cls.__slots__ if name != "axes"]
        missing = [name for name in needed if name not in row]
        if missing:
            raise ConfigError(f"frame: got {dict(row)}, expected the keys {needed}. Add {missing}.")
        return cls(**{name: row[name] for name in needed}, axes=row.get("axes") or "xyxy")


def frame_for(
    kind: str,
    width: int,
    height: int,
    *,
    factor: int = 28,
    min_pixels: int = 56 * 56,
    max_pixels: int = 12845056,
    axes: str = "xyxy",
) -> Frame:
    """Return the frame of one image. `factor` and the bounds matter for `absolute` only (defaults: Qwen2.5-VL)."""
    if kind == "absolute":
        rows, cols = smart_resize(height, width, factor=factor, min_pixels=min_pixels, max_pixels=max_pixels)
        return Frame(kind, width, height, cols, rows, axes)
    limit = 1.0 if kind == "norm1" else 1000.0
    return Frame(kind, width, height, limit, limit, axes)
