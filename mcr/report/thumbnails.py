"""Small copies of the samples' images, and masks, as data URIs that a self-contained page can show."""

import base64
import io
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mcr.errors import DataError
from mcr.io.bounded_threads import map_bounded
from mcr.io.images import open_image
from mcr.masks import Mask
from mcr.records import Sample

SIDE_PX, QUALITY = 480, 70
GOLD_RGB, PREDICTED_RGB = (0, 114, 178), (213, 94, 0)


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """The images of a page.

    Attributes:
        place: for each sample, which of `sources` shows it, or -1.
        sources: data URIs.
        num_unavailable: samples whose image is not at hand or cannot be opened.
        num_left_out: samples whose image did not fit under the bound.
        bytes_left: of the bound, for masks.
    """

    place: list[int]
    sources: list[str]
    num_unavailable: int
    num_left_out: int
    bytes_left: int


def embed_images(
    samples: Sequence[Sample], order: Sequence[int], image_root: Path | None, *, max_bytes: int, num_threads: int = 2
) -> Thumbnails:
    """Embed the first image of each sample as a JPEG of at most SIDE_PX.

    Args:
        samples: in the page's order.
        order: in which order they get their share of `max_bytes`, e.g. wrong ones first.
        image_root: the folder that image paths start from; None embeds nothing.
        max_bytes: of all data URIs together.
        num_threads: that open images at once.
    """
    if image_root is None:
        return Thumbnails([-1] * len(samples), [], sum(bool(sample.images) for sample in samples), 0, max_bytes)
    place, sources, size, num_left_out = [-1] * len(samples), [], 0, 0
    wanted = [index for index in order if samples[index].images]
    num_unavailable = sum(bool(sample.images) for sample in samples) - len(wanted)
    paths = (samples[index].images[0].path for index in wanted)
    with closing(map_bounded(lambda path: _thumbnail(image_root, path), paths, num_threads=num_threads)) as thumbnails:
        for number, (index, source) in enumerate(zip(wanted, thumbnails, strict=True)):
            if source is None:
                num_unavailable += 1
            elif size + len(source) > max_bytes:
                num_left_out += 1
            else:
                place[index] = len(sources)
                sources.append(source)
                size += len(source)
            if size >= max_bytes:
                num_left_out += len(wanted) - number - 1
                break
    return Thumbnails(place, sources, num_unavailable, num_left_out, max_bytes - size)


def _thumbnail(image_root: Path, path: str) -> str | None:
    """Return a data URI, or None where there is no readable image."""
    try:
        image = open_image(image_root, path)
    except (DataError, OSError):
        return None
    image.thumbnail((SIDE_PX, SIDE_PX), reducing_gap=2.0)
    return _data_uri(image, "JPEG", quality=QUALITY)


def mask_uri(mask: Mask, rgb: tuple[int, int, int]) -> str:
    """Return a mask as a transparent PNG in one color."""
    from pycocotools import mask as coco

    inside = coco.decode({"size": [mask.height, mask.width], "counts": mask.counts.encode("ascii")})
    alpha = Image.fromarray(inside * 255)
    alpha.thumbnail((SIDE_PX, SIDE_PX))
    image = Image.new("RGBA", alpha.size, (*rgb, 0))
    image.putalpha(alpha)
    return _data_uri(image, "PNG")


def _data_uri(image: Image.Image, kind: str, **settings: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
