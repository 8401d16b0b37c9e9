"""Which images a model's processor refuses, found by their sizes before a model is loaded."""

from functools import cache
from typing import Any

from PIL import Image

from mcr.io.images import ImageRule

USUAL_SHORT_SIDE, USUAL_RATIO = 32, 20  # within these no known processor refuses an image
REFUSALS = (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError)  # libraries below the processor raise these


def fits_processor(processor: Any) -> ImageRule:
    """Return the rule that a processor takes an image.

    Sizes alone decide, so a blank image of an unusual size is put through the processor itself, once a size.
    """
    image_processor = processor.image_processor

    @cache
    def refusal(width: int, height: int) -> str:
        try:
            if hasattr(image_processor, "get_number_of_image_patches"):
                image_processor.get_number_of_image_patches(height, width, {})
            if min(width, height) < USUAL_SHORT_SIDE or max(width, height) > USUAL_RATIO * min(width, height):
                image_processor(images=[Image.new("RGB", (width, height))], return_tensors="pt")
        except REFUSALS as error:
            return str(error) or type(error).__name__
        return ""

    def find_fault(path: str, size: tuple[int, int]) -> str:
        reason = refusal(*size)
        if not reason:
            return ""
        return f"image {path}: {size[0]}x{size[1]} pixels, which the model's processor refuses ({reason}). Leave its sample out."

    return find_fault
