"""What a schema may say of a sample: its entities and regions in the model's frame, and nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcr.boxes import Box, Frame, area
from mcr.formats.location import format_box
from mcr.records import Entity, Sample, collapse_space
from mcr.tasks import GMNER, Task

SENTENCE_END = re.compile(r"(?<=[.!?]) ")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one sample, boxes rounded to the frame they will be written in.

    Attributes:
        sentence: the text.
        entities: gold entities; boxes in the frame, the largest one alone or all of them.
        regions: (label, box in the frame) of what is known to be visible, named or not.
        looks: for each entity, what it looks like: the label of the region with its box, else what is known of it, else None.
        frame: that the boxes are in; None without an image.
        captions: the first sentence of each caption of the image.
        task: what is asked, and so what may be reasoned about.
    """

    sentence: str
    entities: tuple[Entity, ...]
    regions: tuple[tuple[str, Box], ...]
    looks: tuple[str | None, ...]
    frame: Frame | None
    task: Task = GMNER
    captions: tuple[str, ...] = ()

    def reordered(self, order: Sequence[int]) -> "Facts":
        """Return the same facts with the entities in another order."""
        entities, looks = (tuple(column[i] for i in order) for column in (self.entities, self.looks))
        return replace(self, entities=entities, looks=looks)

    def write_box(self, box: Box) -> str:
        """Return a box of this frame as text."""
        return format_box(box, self.frame.decimals if self.frame else 0)


def collect_facts(sample: Sample, frame: Frame | None, *, all_boxes: bool = False) -> Facts:
    """Return what a schema may say.

    Args:
        sample: with gold boxes in original pixels.
        frame: of the sample's first image; None for a sample without an image.
        all_boxes: write all gold boxes of an entity (E2E-GMNER) rather than the largest (RiVEG). Of task vg always all: there
            a sentence counts when each of its targets is found.
    """
    all_boxes = all_boxes or not sample.task.has_text
    labels = {region.box_px: region.label for region in sample.regions}
    known = dict(sample.knowledge)
    entities, looks = [], []
    for entity in sample.entities:
        boxes_px = entity.boxes and (entity.boxes if all_boxes else (max(entity.boxes, key=area),))
        entities.append(Entity(entity.text, entity.type, boxes_px).in_frame(frame))
        looks.append((labels.get(boxes_px[0]) if boxes_px else None) or known.get(entity.text))
    regions = () if frame is None else tuple((region.label, frame.from_px(region.box_px)) for region in sample.regions)
    captions = tuple(first_sentence(caption) for caption in sample.captions)
    return Facts(sample.sentence, tuple(entities), regions, tuple(looks), frame, sample.task, captions)


def first_sentence(text: str) -> str:
    """Return the first sentence of a text: captioners write paragraphs, a schema needs what the image shows in short.

    >>> first_sentence("A man speaks on TV. Behind him is a map.")
    'A man speaks on TV.'
    """
    first = SENTENCE_END.split(collapse_space(text), maxsplit=1)[0]
    return first if first.endswith((".", "!", "?")) else f"{first}."
