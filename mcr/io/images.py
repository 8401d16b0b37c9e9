"""Opening images safely: inside the data folder, of a bounded size, whole."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mcr.errors import DataError, raise_faults

MAX_IMAGE_PIXELS = 64_000_000


def open_image(image_root: Path, path: str) -> Image.Image:
    """Return one image as RGB.

    Raises:
        DataError: a path that leaves the folder, no such file, not an image, cut off, or more than MAX_IMAGE_PIXELS pixels.
    """
    root = image_root.resolve()
    try:
        full = (root / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"image {path!r}: is no path ({error}). Correct the name or the link.", kind="image") from error
    if not full.is_relative_to(root):
        raise DataError(f"image {path!r}: leaves the image folder {image_root}. Write paths inside it.", kind="image")
    try:
        with Image.open(full) as picture:
            if picture.width * picture.height > MAX_IMAGE_PIXELS:
                raise DataError(
                    f"image {full}: {picture.width}x{picture.height} pixels, at most {MAX_IMAGE_PIXELS}. Shrink it.", kind="image"
                )
            return picture.convert("RGB")
    except FileNotFoundError:
        raise DataError(f"image {full}: no such file. Add it or correct image_root.", kind="missing file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"image {full}: cannot be read ({error}). Replace the file.", kind="image") from error


def check_images(image_root: Path, paths: Sequence[str]) -> None:
    """Open every image once and raise one error that lists all that are missing or broken."""
    if not image_root.is_dir():
        raise DataError(f"image_root: {image_root} is no folder. Correct image_root in the config.")
    faults = []
    for path in dict.fromkeys(paths):
        try:
            open_image(image_root, path)
        except DataError as error:
            faults.append(str(error))
    raise_faults(f"{len(faults)} images cannot be used", faults)
