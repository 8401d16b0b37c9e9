"""Segmentation masks as COCO writes them: run lengths (RLE), plain or compressed, or polygons. Areas by pycocotools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcr.errors import DataError


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask over the original image.

    Attributes:
        height, width: of the image, pixels.
        counts: COCO's compressed run lengths, column by column.
    """

    height: int
    width: int
    counts: str

    @property
    def area(self) -> int:
        """How many pixels it covers."""
        return sum(_runs(self.counts)[1::2])

    def to_dict(self) -> dict[str, Any]:
        """Return COCO's form."""
        return {"size": [self.height, self.width], "counts": self.counts}


def read_mask(row: Any, *, height: int | None = None, width: int | None = None) -> Mask:
    """Read a mask.

    Args:
        row: `{"size": [height, width], "counts": text or list of runs}`, or a list of polygons [[x1, y1, x2, y2, ...], ...].
        height: of the image; needed for polygons.
        width: of the image; needed for polygons.

    Raises:
        DataError: neither of the two forms, polygons without an image size or outside it, run lengths of another size.
    """
    if isinstance(row, Mapping) and {"size", "counts"} <= row.keys():
        return _from_runs(row, height, width)
    is_list = isinstance(row, Sequence) and not isinstance(row, str) and bool(row)
    if not (height and width and is_list and all(_is_polygon(part, height, width) for part in row)):
        raise DataError(
            f"mask: got {str(row)[:80]} for an image of {width}x{height}, expected COCO run lengths (size, counts) or polygons "
            "of at least three points inside the image, with its size. Correct the mask.",
            kind="mask",
        )
    coco = _coco()
    merged = coco.merge(coco.frPyObjects([list(map(float, part)) for part in row], height, width))
    return Mask(height, width, merged["counts"].decode("ascii"))


def _from_runs(row: Mapping[str, Any], image_height: int | None, image_width: int | None) -> Mask:
    try:
        height, width = map(int, row["size"])
        counts = row["counts"]
        if height < 1 or width < 1:
            raise ValueError("no pixel")
        if (image_height or height, image_width or width) != (height, width):
            raise ValueError(f"the image has {image_height}x{image_width}")
        if isinstance(counts, str):
            if sum(_runs(counts)) != height * width:
                raise ValueError(f"its runs add up to {sum(_runs(counts))}")
            return Mask(height, width, counts)
        if sum(counts) != height * width or min(counts, default=0) < 0:
            raise ValueError(f"its runs add up to {sum(counts)}")
        coded = _coco().frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
        return Mask(height, width, coded["counts"].decode("ascii"))
    except (TypeError, ValueError) as error:
        size = str(row["size"])[:80]
        raise DataError(
            f"mask: got size {size}, expected the image's and run lengths that fill it ({error}). Correct the mask.", kind="mask"
        ) from error


def _runs(coded: str) -> list[int]:
    """Return the run lengths of COCO's compressed form: five bits a character, from the third run on as differences.

    Raises:
        ValueError: characters outside the code, a run that is cut off or negative.
    """
    runs: list[int] = []
    value = shift = 0
    for char in coded:
        bits = ord(char) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"character {char!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift or min(runs, default=0) < 0:
        raise ValueError("a run that is cut off or negative")
    return runs


def _is_polygon(part: Any, height: int, width: int) -> bool:
    """Return whether `part` is x1, y1, x2, y2, ... inside the image; COCO's code crashes on numbers that are far from it."""
    if not isinstance(part, Sequence) or isinstance(part, str):
        return False
    values = [value for value in part if isinstance(value, int | float)]
    if len(values) != len(part) or len(values) < 6 or len(values) % 2:
        return False
    return all(-1 <= x <= width + 1 for x in values[::2]) and all(-1 <= y <= height + 1 for y in values[1::2])


def mask_iou(mask_a: Mask, mask_b: Mask) -> float:
    """Return intersection over union in [0, 1]; masks of different image sizes, and two empty ones, give 0."""
    if (mask_a.height, mask_a.width) != (mask_b.height, mask_b.width):
        return 0.0
    parts = [{"size": [mask.height, mask.width], "counts": mask.counts.encode("ascii")} for mask in (mask_a, mask_b)]
    value = float(_coco().iou(parts[:1], parts[1:], [0])[0][0])
    return value if value == value else 0.0


def _coco() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise DataError("masks: pycocotools is not installed. Run `pip install pycocotools`.") from error
    return mask
