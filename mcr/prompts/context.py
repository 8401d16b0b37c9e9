"""What a prompt shows of a sample besides its text and images (VKEL III-D 4).

Knowledge of its entities, objects in the image, and the entities that an earlier stage named.
"""

from collections.abc import Callable, Mapping, Sequence

from mcr.boxes import Frame
from mcr.formats.location import format_box
from mcr.formats.sentences import round_boxes, write_kinds
from mcr.records import Sample

KNOWLEDGE, OBJECTS, PROPOSED = "knowledge", "objects", "proposed"
NOTHING = "nothing"


def write_context(sample: Sample, shows: Sequence[str], frame: Frame | None) -> str:
    """Return the lines of a sample's context, each part on a line; the empty text where nothing is shown.

    Args:
        sample: with knowledge, regions and proposed entities.
        shows: of CONTEXT, in this order.
        frame: that boxes are written in; None where the sample has no image.
    """
    return "\n".join(f"{HEADS[part]}: {CONTEXT[part](sample, frame) or NOTHING}" for part in shows)


def _knowledge(sample: Sample, frame: Frame | None) -> str:
    return " ".join(text if name in text else f"{name}: {text}" for name, text in sample.knowledge)


def _objects(sample: Sample, frame: Frame | None) -> str:
    if frame is None:
        return ""
    boxes = [round_boxes(format_box(frame.from_px(region.box_px), frame.decimals)) for region in sample.regions]
    return "; ".join(f"{region.label} {box}" for region, box in zip(sample.regions, boxes, strict=True))


def _proposed(sample: Sample, frame: Frame | None) -> str:
    return write_kinds(sample.proposed)


CONTEXT: Mapping[str, Callable[[Sample, Frame | None], str]] = {KNOWLEDGE: _knowledge, OBJECTS: _objects, PROPOSED: _proposed}
HEADS: Mapping[str, str] = {KNOWLEDGE: "Known", OBJECTS: "Objects", PROPOSED: "Named"}
