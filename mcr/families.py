"""Model families: one record each, found by a model's own `model_type`. Plain data: loading is in mcr.models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from mcr.boxes import Frame, frame_for
from mcr.errors import ConfigError
from mcr.records import Sample


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """The frame of a family. `factor` and the pixel bounds matter for `absolute` only and must equal the processor's.

    Attributes:
        kind: one of mcr.boxes.FRAMES.
        axes: the order of a box's numbers, one of mcr.boxes.AXES.
    """

    kind: str
    factor: int = 28
    min_pixels: int = 56 * 56
    max_pixels: int = 12845056
    axes: str = "xyxy"

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def frame_of(self, sample: Sample) -> Frame | None:
        """Return the frame of a sample's first image; None without an image or where its size is unknown.

        A sample whose image's size is unknown has no boxes, so nothing is lost for writing schemas.
        """
        if not sample.images:
            return None
        image = sample.images[0]
        if image.width is None or image.height is None:
            return None
        return self.frame_for(image.width, image.height)

    def frame_for(self, width: int, height: int) -> Frame:
        """Return the frame of an image of that size, pixels.

        Raises:
            ConfigError: an aspect ratio that the family's processors refuse.
        """
        return frame_for(
            self.kind,
            width,
            height,
            factor=self.factor,
            min_pixels=self.min_pixels,
            max_pixels=self.max_pixels,
            axes=self.axes,
        )


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """What differs between families of vision-language models, for reading, writing, sampling and training.

    Attributes:
        name: as `--family` takes it.
        model_types: `model_type` in the config of its models; MiMo-VL's is qwen2_5_vl. Empty: behind an endpoint alone.
        frame: how boxes are written.
        vision_tokens: tokens that stand for images; sampling one would crash the next forward.
        image_pad: the token that the processor repeats for each patch of an image; None where there is none.
        turn_ends: tokens that end a turn.
        box_markers: (before, after) a box, where the family marks boxes.
        reasoning_markers: (before, after) the reasoning, where its chat template has some.
        shares_prefix: whether one forward can serve a whole group (docs/shared-prefix.md).
    """

    name: str
    model_types: tuple[str, ...]
    frame: FrameSettings
    vision_tokens: tuple[str, ...] = ()
    image_pad: str | None = None
    turn_ends: tuple[str, ...] = ()
    box_markers: tuple[str, str] | None = None
    reasoning_markers: tuple[str, str] | None = None
    shares_prefix: bool = False


_QWEN_VISION = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")
_QWEN_ENDS = ("<|im_end|>", "<|endoftext|>")
_GLM_VISION = (
    *("<|begin_of_image|>", "<|image|>", "<|end_of_image|>"),
    *("<|begin_of_video|>", "<|video|>", "<|end_of_video|>"),
)
FAMILIES: Mapping[str, ModelFamily] = {
    family.name: family
    for family in (
        ModelFamily(
            name="qwen2_5_vl",
            model_types=("qwen2_5_vl",),
            frame=FrameSettings("absolute"),
            vision_tokens=_QWEN_VISION,
            image_pad="<|image_pad|>",
            turn_ends=_QWEN_ENDS,
            box_markers=("<|box_start|>", "<|box_end|>"),
            shares_prefix=True,
        ),
        ModelFamily(
            name="qwen3_vl",
            model_types=("qwen3_vl",),
            frame=FrameSettings("norm1000", factor=32),
            vision_tokens=_QWEN_VISION,
            image_pad="<|image_pad|>",
            turn_ends=_QWEN_ENDS,
            box_markers=("<|box_start|>", "<|box_end|>"),
            reasoning_markers=("<think>", "</think>"),
            shares_prefix=True,
        ),
        ModelFamily(
            name="qwen3_vl_moe",
            model_types=("qwen3_vl_moe",),
            frame=FrameSettings("norm1000", factor=32),
            vision_tokens=_QWEN_VISION,
            image_pad="<|image_pad|>",
            turn_ends=_QWEN_ENDS,
            box_markers=("<|box_start|>", "<|box_end|>"),
            reasoning_markers=("<think>", "</think>"),
        ),
        ModelFamily(
            name="internvl",
            model_types=("internvl",),
            frame=FrameSettings("norm1000"),
            vision_tokens=("<img>", "</img>", "<IMG_CONTEXT>"),
            image_pad="<IMG_CONTEXT>",
            turn_ends=_QWEN_ENDS,
            box_markers=("<box>", "</box>"),
        ),
        ModelFamily(
            name="glm4v",
            model_types=("glm4v", "glm4v_moe"),
            frame=FrameSettings("norm1000"),
            vision_tokens=_GLM_VISION,
            image_pad="<|image|>",
            turn_ends=("<|endoftext|>", "<|user|>", "<|observation|>"),
            box_markers=("<|begin_of_box|>", "<|end_of_box|>"),
            reasoning_markers=("<think>", "</think>"),
        ),
        ModelFamily(
            name="llava",
            model_types=("llava", "llava_next"),
            frame=FrameSettings("norm1"),
            vision_tokens=("<image>",),
            image_pad="<image>",
            turn_ends=("</s>",),
        ),
        ModelFamily(
            name="llava_onevision",
            model_types=("llava_onevision",),
            frame=FrameSettings("norm1"),
            vision_tokens=("<image>", "<video>"),
            image_pad="<image>",
            turn_ends=_QWEN_ENDS,
        ),
        ModelFamily(
            name="idefics3",
            model_types=("idefics3", "smolvlm"),
            frame=FrameSettings("norm1000"),  # our choice: these models were not trained to write boxes
            vision_tokens=("<image>", "<fake_token_around_image>", "<global-img>"),
            image_pad="<image>",
            turn_ends=("<end_of_utterance>", "<|end_of_text|>", "<|im_end|>"),
        ),
        ModelFamily(name="gemini", model_types=(), frame=FrameSettings("norm1000", axes="yxyx")),
    )
}


def family_named(name: str) -> ModelFamily:
    """Return a family by its name.

    Raises:
        ConfigError: a family that is not known.
    """
    if name not in FAMILIES:
        raise ConfigError(f"family: got {name!r}, expected one of {', '.join(FAMILIES)}. Choose the model's family.")
    return FAMILIES[name]


def family_of(model_type: str) -> ModelFamily:
    """Return the family of a model by the `model_type` of its config.

    Raises:
        ConfigError: no family has it.
    """
    for family in FAMILIES.values():
        if model_type in family.model_types:
            return family
    known = ", ".join(one for family in FAMILIES.values() for one in family.model_types)
    raise ConfigError(
        f"model: its model_type is {model_type!r}, expected one of {known}. Add a family to mcr/families.py (docs/extending.md)."
    )


def frame_settings(family: str, **changes: int | None) -> FrameSettings:
    """Return a family's frame settings, with any of factor, min_pixels, max_pixels changed (None keeps the default).

    Raises:
        ConfigError: a family that is not known.
    """
    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    return replace(family_named(family).frame, **given)
