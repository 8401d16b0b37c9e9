"""Model families and the frame each writes boxes in. Plain data: loading is in mcr.models."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from mcr.boxes import Frame, frame_for
from mcr.errors import ConfigError
from mcr.records import Sample


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """The frame of a family. `factor` and the pixel bounds matter for `absolute` only and must equal the processor's."""

    kind: str
    factor: int = 28
    min_pixels: int = 56 * 56
    max_pixels: int = 12845056

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def frame_of(self, sample: Sample) -> Frame | None:
        """Return the frame of a sample's first image; None without an image or where its size is unknown.

        A sample whose image's size is unknown has no boxes, so nothing is lost for writing schemas.
        """
        if not sample.images or sample.images[0].width is None:
            return None
        image = sample.images[0]
        return frame_for(
            self.kind, image.width, image.height, factor=self.factor, min_pixels=self.min_pixels, max_pixels=self.max_pixels
        )


FAMILY_FRAMES = {
    "qwen2_5_vl": FrameSettings("absolute"),
    "mimo_vl": FrameSettings("absolute"),
    "qwen3_vl": FrameSettings("norm1000", factor=32),
    "internvl": FrameSettings("norm1000"),
    "glm4v": FrameSettings("norm1000"),
    "llava": FrameSettings("norm1"),
}


def frame_settings(family: str, **changes: int | None) -> FrameSettings:
    """Return a family's frame settings, with any of factor, min_pixels, max_pixels changed (None keeps the default).

    Raises:
        ConfigError: a family that is not known.
    """
    if family not in FAMILY_FRAMES:
        raise ConfigError(f"family: got {family!r}, expected one of {sorted(FAMILY_FRAMES)}. Choose the model's family.")
    return replace(FAMILY_FRAMES[family], **{key: value for key, value in changes.items() if value is not None})
