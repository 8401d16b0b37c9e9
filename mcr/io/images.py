"""Opening images safely: inside the data folder, of a bounded size, whole, and as a viewer shows them.

One place decides what an image looks like, so that annotators' boxes, the trainer and every sampler mean the same pixels: it is
turned as its EXIF orientation says, 16 bits and floats are scaled to 8 bits, and transparency is laid over white (our choice).
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from mcr.errors import DataError, raise_faults
from mcr.records import ImageRef

MAX_IMAGE_PIXELS = 64_000_000
ORIENTATION = 0x0112  # the tag of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
BROKEN_EXIF = (SyntaxError, struct.error, OSError, ValueError, LookupError, TypeError, AttributeError)
ImageRule = Callable[[str, tuple[int, int]], str]  # (path, shown size) -> what is wrong, or nothing


def open_image(image_root: Path, path: str) -> Image.Image:
    """Return one image as 8-bit RGB, turned as its EXIF orientation says, without any metadata that could turn it again.

    Raises:
        DataError: a path that leaves the folder, no such file, not an image, cut off, more than MAX_IMAGE_PIXELS pixels, or
            values whose range is not known.
    """
    with _opened(image_root, path) as picture:
        picture.load()  # Pillow turns a TIFF itself when it is loaded, and then drops its orientation
        turn = TURNS.get(orientation_of(picture))
        rgb = _to_rgb(picture, path)
    shown = rgb if turn is None else rgb.transpose(turn)
    shown.info.clear()
    return shown


def shown_size(image_root: Path, path: str) -> tuple[int, int]:
    """Return (width, height) of an image as it is shown; its pixels are not read.

    Raises:
        DataError: as `open_image`, as far as the head of the file tells.
    """
    with _opened(image_root, path) as picture:
        width, height = picture.size
        is_turned = picture.format != "TIFF" and orientation_of(picture) in SIDEWAYS  # a TIFF's size is the one it will have
        return (height, width) if is_turned else (width, height)


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (as stored) where there is none or none that means anything."""
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except BROKEN_EXIF:
        return 1
    return value if value in TURNS else 1


def is_turned_in_place(image_root: Path, path: str) -> bool:
    """Return whether an EXIF orientation turns or mirrors an image without a change of its size.

    Sizes then do not show whether boxes were drawn on the picture as shown or as stored.
    """
    with _opened(image_root, path) as picture:
        orientation = orientation_of(picture)
        return orientation != 1 and (orientation not in SIDEWAYS or picture.width == picture.height)


def check_images(image_root: Path, paths: Sequence[str], rules: Sequence[ImageRule] = ()) -> None:
    """Open every image once and raise one error that lists all that are missing, broken or against a rule."""
    faults = image_faults(image_root, paths, rules)
    raise_faults(f"{len(faults)} images cannot be used", faults)


def image_faults(image_root: Path, paths: Sequence[str], rules: Sequence[ImageRule] = ()) -> list[str]:
    """Open every image once and return what is missing, broken or against a rule.

    Raises:
        DataError: there is no such folder.
    """
    if not image_root.is_dir():
        raise DataError(f"image_root: {image_root} is no folder. Correct image_root in the config.")
    faults = []
    for path in dict.fromkeys(paths):
        try:
            size = open_image(image_root, path).size
        except DataError as error:
            faults.append(str(error))
            continue
        faults += [fault for rule in rules if (fault := rule(path, size))]
    return faults


def given_sizes(images: Iterable[ImageRef]) -> ImageRule:
    """Return the rule that an image as shown has the size that its boxes were drawn on.

    Args:
        images: with their sizes, pixels; those without a size are not looked at.
    """
    given: dict[str, set[tuple[int, int]]] = {}
    for image in images:
        if image.width is not None and image.height is not None:
            given.setdefault(image.path, set()).add((image.width, image.height))

    def find_fault(path: str, size: tuple[int, int]) -> str:
        other = sorted(given.get(path, set()) - {size})
        return f"image {path}: {describe_sizes(size, other[0])}" if other else ""

    return find_fault


def describe_sizes(found: tuple[int, int], expected: tuple[int, int]) -> str:
    """Return what is wrong with the size of an image, and what to do."""
    text = f"got {found[0]}x{found[1]} pixels as shown, expected {expected[0]}x{expected[1]}, which its boxes were drawn on."
    if found == expected[::-1]:
        return f"{text} An EXIF orientation turns it: write the sizes and boxes of the picture as shown, or remove the tag."
    return f"{text} Use the images as published, not resized, or correct the sizes."


@contextmanager
def _opened(image_root: Path, path: str) -> Iterator[Image.Image]:
    """Yield the opened file; whatever reading it brings about is a DataError that names it."""
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
            yield picture
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"image {full}: no such file. Add it or correct image_root.", kind="missing file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"image {full}: cannot be read ({error}). Replace the file.", kind="image") from error


def _to_rgb(picture: Image.Image, path: str) -> Image.Image:
    """Return 8-bit RGB; Pillow's own conversion cuts 16 bits and floats off at 255 and drops transparency."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        return _to_8_bits(picture, path).convert("RGB")
    if picture.mode == "La":  # the one mode that Pillow turns into LA alone
        picture = picture.convert("LA")
    if picture.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(picture: Image.Image, path: str) -> Image.Image:
    """Return a gray image of 16 or 32 bits or floats with values from 0 to 255.

    Modes I and F do not say what white is. Our choice: the smallest usual range that holds all values, of 1 (floats alone), 255
    and 65535 (integers alone).

    Raises:
        DataError: no usual range holds them.
    """
    import numpy as np

    values = np.asarray(picture, dtype=np.float64)
    ranges = (65535,) if picture.mode.startswith("I;16") else {"I": (255, 65535), "F": (1, 255)}[picture.mode]
    lowest, highest = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    white = next((limit for limit in ranges if lowest >= 0 and highest <= limit), None)  # comparisons with NaN are false
    if white is None:
        raise DataError(
            f"image {path}: mode {picture.mode} with values from {lowest:g} to {highest:g}, expected 0 to "
            f"{' or to '.join(map(str, ranges))}. Save it with 8 bits.",
            kind="image",
        )
    return Image.fromarray(np.floor(values * 255 / white + 0.5).astype(np.uint8))
