"""The records everything speaks in: Box, Region, Entity, ImageRef, Sample. Frozen, and checked when built.

A box is (x1, y1, x2, y2) with x1 < x2 and y1 < y2, corners in continuous coordinates. An entity says which frame its boxes are
in: pixels of the original image, or the frame that a model reads and writes (mcr.boxes.Frame).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mcr.boxes import Box, Frame
from mcr.errors import ConfigError, DataError
from mcr.masks import Mask, read_mask
from mcr.tasks import GMNER, Task, task_named
from mcr.uncertainties import Uncertainty


def check_box(box: Sequence[float], place: str) -> Box:
    """Return `box` as a tuple of four finite numbers with positive area.

    Raises:
        DataError: wrong length, not finite, or x1 >= x2 or y1 >= y2; `place` says where.
    """
    try:
        x1, y1, x2, y2 = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"box: got {str(box)[:200]}, expected four numbers [x1, y1, x2, y2] ({place}). Correct the box.", kind="box"
        ) from None
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x1 >= x2 or y1 >= y2:
        raise DataError(
            f"box: got {list(box)}, expected finite x1 < x2 and y1 < y2 ({place}). Swap the corners or drop the box.", kind="box"
        )
    return x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: text span, type, and where it is.

    Attributes:
        text: the span as it stands in the sentence.
        type: its label, e.g. "PER".
        boxes: None when the entity is not in the image; otherwise one or more boxes. The empty tuple means that a
            location was written but could not be read: it is neither None nor a hit (predictions only).
        masks: where the dataset segments (Twitter-SMNER); None where it does not.
        frame: that the boxes are written in; None: pixels of the original image.
    """

    text: str
    type: str
    boxes: tuple[Box, ...] | None = None
    masks: tuple[Mask, ...] | None = field(default=None, repr=False)
    frame: Frame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not isinstance(self.type, str):
            raise DataError(
                f"entity: got text {self.text!r} and type {self.type!r}, expected two strings. Correct the entity.", kind="entity"
            )
        if self.boxes is not None:
            try:
                boxes = tuple([tuple(map(float, box)) for box in self.boxes])
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    f"entity {self.text!r}: got boxes {str(self.boxes)[:200]}, expected a list of boxes [[x1, y1, x2, y2], ...] "
                    f"({error}). Correct it.",
                    kind="entity",
                ) from error
            object.__setattr__(self, "boxes", boxes)

    @property
    def is_grounded(self) -> bool:
        """Whether the entity claims a place in the image, readable or not."""
        return self.boxes is not None

    def to_px(self) -> "Entity":
        """Return the entity with its boxes in pixels of the original image."""
        if self.frame is None:
            return self
        boxes = self.boxes and tuple(self.frame.to_px(box) for box in self.boxes)
        return replace(self, boxes=boxes, frame=None)

    def in_frame(self, frame: Frame | None) -> "Entity":
        """Return an entity in pixels with its boxes rounded to a frame, as a model writes them.

        Raises:
            DataError: it has boxes and there is no frame, or it is in a frame already.
        """
        if self.frame is not None or (self.boxes and frame is None):
            raise DataError(
                f"entity {self.text!r}: got boxes in {self.frame or 'pixels'} for frame {frame}, expected pixels and a frame.",
                kind="entity",
            )
        if frame is None:
            return self
        boxes = self.boxes and tuple(frame.from_px(box) for box in self.boxes)
        return replace(self, boxes=boxes, frame=frame)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that samples and predictions have on disk, boxes in pixels of the original image."""
        if self.frame is not None:
            return self.to_px().to_dict()
        boxes = None if self.boxes is None else [list(box) for box in self.boxes]
        row = {"text": self.text, "type": self.type, "boxes": boxes}
        return row if self.masks is None else row | {"masks": [mask.to_dict() for mask in self.masks]}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Entity":
        """Build an entity from its form on disk (keys text, type, boxes, and masks where there are any)."""
        if not isinstance(row, Mapping) or not {"text", "type", "boxes"} <= row.keys():
            raise DataError(f"entity: got {row!r}, expected keys text, type, boxes. Add what is missing.", kind="entity")
        if row["boxes"] is not None and not isinstance(row["boxes"], Sequence):
            raise DataError(
                f"entity {row['text']!r}: got boxes {row['boxes']!r}, expected a list of boxes or null. Correct it.",
                kind="entity",
            )
        masks = row.get("masks")
        if masks is not None and not isinstance(masks, list):
            raise DataError(
                f"entity {row['text']!r}: got masks {str(masks)[:80]}, expected a list of masks or null. Correct it.",
                kind="entity",
            )
        return cls(
            row["text"],
            row["type"],
            None if row["boxes"] is None else tuple(row["boxes"]),
            None if masks is None else tuple(map(read_mask, masks)),
        )


@dataclass(frozen=True, slots=True)
class Region:
    """Something known to be visible, named or not: what a detector, a captioner or the sandbox says of the image."""

    label: str
    box_px: Box


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image by its path inside the image folder, with its size in pixels; a missing image's size may be unknown (None)."""

    path: str
    width: int | None
    height: int | None
    is_missing: bool = False

    def __post_init__(self) -> None:
        is_unknown = self.is_missing and self.width is None and self.height is None
        if not is_unknown and not (self.width and self.height and self.width > 0 and self.height > 0):
            raise DataError(
                f"image {self.path!r}: got size {self.width}x{self.height}, expected positive pixels. Correct the size.",
                kind="image",
            )
        if "\0" in self.path or self.path.startswith(("/", "\\")) or ".." in self.path.replace("\\", "/").split("/"):
            raise DataError(
                f"image {self.path!r}: expected a path inside the data folder. Write it relative, without '..'.", kind="image"
            )


@dataclass(frozen=True, slots=True)
class Sample:
    """One text with zero or more images and its gold entities.

    Attributes:
        task: what is asked; its name is looked up.
        regions: what is known to be visible, named or not; schemas may speak of it.
        captions: descriptions of the image, e.g. of a captioner; schemas may speak of them, prompts do not.
        knowledge: (entity text, what it looks like) from outside, e.g. a language model; schemas may speak of it, prompts do
            where their settings say so.
        proposed: entities that an earlier stage named, without boxes; prompts show them where their settings say so (VKEL).
        is_scored_only: the sample is gold to score against and nothing else, so its boxes need no image of a known size.

    Raises:
        DataError: an entity that the sentence does not hold, a box outside the first image, which all boxes belong to, an
            unknown task, task vg without exactly one phrase, an empty id.
    """

    id: str
    dataset: str
    task: Task
    sentence: str
    images: tuple[ImageRef, ...]
    entities: tuple[Entity, ...]
    regions: tuple[Region, ...] = ()
    knowledge: tuple[tuple[str, str], ...] = ()
    captions: tuple[str, ...] = ()
    proposed: tuple[Entity, ...] = ()
    is_scored_only: bool = field(default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id or not isinstance(self.sentence, str):
            raise DataError(
                f"sample: got id {self.id!r} and sentence {self.sentence!r}, expected a non-empty id and a text. Correct them.",
                kind="sample",
            )
        try:
            object.__setattr__(self, "task", task_named(self.task))
        except (ConfigError, TypeError) as error:
            raise DataError(f"sample {self.id}: {error}", kind="sample") from None
        if not self.task.has_text and len(self.entities) != 1:
            raise DataError(
                f"sample: got {len(self.entities)} entities for task {self.task} (sample {self.id}), expected one, the phrase. "
                "Correct it.",
                kind="sample",
            )
        if not all(isinstance(caption, str) and caption.strip() for caption in self.captions):
            raise DataError(
                f"captions: got {str(self.captions)[:200]} (sample {self.id}), expected texts. Correct or leave out.",
                kind="sample",
            )
        sentence = collapse_space(self.sentence)
        for entity in self.entities:
            if not entity.text.strip() or collapse_space(entity.text) not in sentence:
                raise DataError(
                    f"entity text: got {entity.text!r}, expected a part of the sentence {self.sentence!r} (sample {self.id}). "
                    "Correct the span; it is compared case-sensitively with white space collapsed.",
                    kind="entity",
                )
            for box in self._checked_boxes(entity):
                if not self.is_scored_only or (self.images and self.images[0].width is not None):
                    check_inside(box, self.images, f"sample {self.id}, entity {entity.text!r}")
        for region in self.regions:
            check_inside(check_box(region.box_px, f"sample {self.id}"), self.images, f"sample {self.id}, region {region.label!r}")

    def _checked_boxes(self, entity: Entity) -> list[Box]:
        if entity.boxes is None:
            return []
        if not entity.boxes:
            raise DataError(
                f"entity {entity.text!r}: got an empty list of boxes (sample {self.id}). Gold has boxes or null; write null.",
                kind="entity",
            )
        return [check_box(box, f"sample {self.id}, entity {entity.text!r}") for box in entity.boxes]


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """One sample's gold beside what was predicted for it.

    Attributes:
        uncertainties: of each prediction or of its parts, where the system gives them (UnCo); None where it does not.
        task: what was asked; its name is looked up.
        is_answered: False where there is no prediction or none that can be read.
    """

    sentence: str
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    uncertainties: tuple[Uncertainty | None, ...] = ()
    task: Task = GMNER
    is_answered: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", task_named(self.task))


def check_inside(box_px: Box, images: Sequence[ImageRef], place: str) -> None:
    """Raise DataError unless `box_px` lies inside the first image."""
    if not images:
        raise DataError(f"box: got {list(box_px)} but no image to hold it ({place}). Add the image or write null.", kind="box")
    image = images[0]
    if image.width is None or image.height is None:
        raise DataError(f"box: got {list(box_px)} but the image's size is unknown ({place}). Give the size.", kind="box")
    if box_px[0] < 0 or box_px[1] < 0 or box_px[2] > image.width or box_px[3] > image.height:
        raise DataError(
            f"box: got {list(box_px)}, expected inside the image's {image.width}x{image.height} pixels ({place}). "
            "Clip the box or correct the size.",
            kind="box",
        )


def collapse_space(text: str) -> str:
    """Return `text` with each run of white space as one space, none at the ends."""
    return " ".join(text.split())
