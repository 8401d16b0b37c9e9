"""VinVL's regions as they are published for Twitter-FMNERG: a file `ID.jpg.npz` an image.

Its arrays: num_boxes, image_h, image_w, bounding_boxes [n, 4] in pixels, box_features [n, 2048], scores [n], objects [n]. Only
numbers and texts are read, never pickled objects. The features are not used: a vision encoder looks at the regions anew.
"""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcr.errors import DataError
from mcr.records import ImageRef, Sample
from mcr.regions.proposed import UNNAMED, Proposal, Proposals

SUFFIX = ".npz"
NEEDED = ("image_h", "image_w", "bounding_boxes")


class VinvlProposer:
    """A proposer (`mcr.regions.proposers.Proposer`) that reads published files.

    Args:
        folder: of the files, each named as its image with `.npz` behind it.
        image_root: not used: the files have boxes already.
        top_k: regions an image at most, those of the highest scores.
    """

    def __init__(self, folder: str, image_root: Path, top_k: int) -> None:
        self.folder, self.top_k = Path(folder), top_k
        if not folder or not self.folder.is_dir():
            raise DataError(f"vinvl: {folder!r} is no folder. Give the folder of the published .npz files as the model.")

    def propose(self, samples: Sequence[Sample]) -> Iterator[Proposals]:
        """Yield the regions of each sample's first image."""
        for sample in samples:
            yield read_published(self.folder / f"{Path(sample.images[0].path).name}{SUFFIX}", sample.images[0])[: self.top_k]


def read_published(path: Path, image: ImageRef) -> Proposals:
    """Return the regions of one file, highest score first; those without an area inside the image are left out.

    Raises:
        DataError: no such file, not an archive of plain arrays, or boxes of an image of another size.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name not in ("box_features", "objects")}
            labels = _labels(archive)
    except FileNotFoundError:
        raise DataError(f"vinvl: {path}: no such file. Add it, or leave the sample out.") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"vinvl: {path}: is no archive of plain arrays ({error}). Copy the file again.") from error
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise DataError(f"vinvl: {path}: lacks {', '.join(missing)}. Give the published files.")
    boxes = np.asarray(arrays["bounding_boxes"], dtype=np.float64).reshape(-1, 4)
    width, height = float(arrays["image_w"]), float(arrays["image_h"])
    if (image.width, image.height) != (None, None) and (width, height) != (image.width, image.height):
        raise DataError(
            f"vinvl: {path}: boxes of an image of {width:g}x{height:g} pixels, expected {image.width}x{image.height}, as the "
            "sample has it. Use the images as published."
        )
    scores = np.asarray(arrays.get("scores", np.ones(len(boxes))), dtype=np.float64).reshape(-1)
    if len(scores) != len(boxes):
        raise DataError(f"vinvl: {path}: {len(boxes)} boxes and {len(scores)} scores. Copy the file again.")
    names = labels if len(labels) == len(boxes) else [UNNAMED] * len(boxes)
    order = np.argsort(-scores, kind="stable")
    found = (_proposal(boxes[at], float(scores[at]), names[at], width, height) for at in order)
    return tuple(one for one in found if one is not None)


def _labels(archive: Any) -> list[str]:
    """Return the names of the categories where the file has them as texts; some files have numbers or objects."""
    if "objects" not in archive.files:
        return []
    try:
        objects = archive["objects"]
    except ValueError:  # pickled objects, which are not read
        return []
    return [str(one) for one in objects.reshape(-1)] if objects.dtype.kind in "US" else []


def _proposal(box: np.ndarray, score: float, label: str, width: float, height: float) -> Proposal | None:
    x1, y1, x2, y2 = (float(side) for side in box)
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)
    return Proposal((x1, y1, x2, y2), score, label) if x1 < x2 and y1 < y2 else None
