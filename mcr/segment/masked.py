"""Masks for the boxes of a prediction (RiVEG IV-C 2): SMNER from GMNER, without training."""

from dataclasses import replace
from pathlib import Path

from mcr.io.images import open_image
from mcr.io.predictions import Prediction
from mcr.records import Sample
from mcr.segment.segmenters import Segmenter


def with_masks(prediction: Prediction, sample: Sample, image_root: Path, segmenter: Segmenter) -> Prediction:
    """Return a prediction whose boxes have masks; without an image, or without boxes, it stays as it is."""
    boxes = [box for entity in prediction.entities for box in entity.boxes or ()]
    if not boxes or not sample.images or sample.images[0].is_missing:
        return prediction
    masks = iter(segmenter.segment(open_image(image_root, sample.images[0].path), boxes))
    entities = tuple(
        replace(entity, masks=tuple(next(masks) for _ in entity.boxes)) if entity.boxes else entity
        for entity in prediction.entities
    )
    return replace(prediction, entities=entities)
