"""Twitter-SMNER: Twitter-GMNER's folder with masks besides, `masks/{train,dev,test}.json` in COCO's form.

`{"images": [{"id", "file_name", "width", "height"}], "annotations": [{"image_id", "entity", "segmentation"}]}`: `file_name` is
ID.jpg, `entity` the entity's text, `segmentation` run lengths or polygons. A groundable entity without a mask keeps its boxes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.readers.grefcoco import load_json
from data_prep.readers.reading import Item, Reject, require_files
from data_prep.readers.twitter_gmner import SPLITS, TWITTER_GMNER_READER
from mcr.errors import DataError
from mcr.masks import Mask, read_mask
from mcr.records import Sample, collapse_space

Masks = dict[str, dict[str, tuple[Mask, ...]]]


@dataclass(frozen=True)
class TwitterSmnerReader:
    """Twitter-SMNER."""

    splits: tuple[str, ...] = SPLITS
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless text, boxes and masks are there."""
        TWITTER_GMNER_READER.check_folder(root, image_root)
        require_files("twitter-smner", [root / "masks" / f"{split}.json" for split in self.splits], None)

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield Twitter-GMNER's samples with masks on their entities."""
        path = root / "masks" / f"{split}.json"
        masks, faults = read_masks(path)
        for sample_id, reason in faults.items():
            yield Reject(f"{path.name} ({sample_id})", reason, "mask")
        for item in TWITTER_GMNER_READER.read(root, split, image_root, notes):
            if isinstance(item, Reject):
                yield item
            elif item.id not in faults:
                yield with_masks(item, masks.get(item.id, {}), notes)


def with_masks(sample: Sample, masks: Mapping[str, tuple[Mask, ...]], notes: Counter) -> Sample:
    """Return the sample with the masks of its entities."""
    entities = tuple(replace(entity, masks=masks.get(collapse_space(entity.text))) for entity in sample.entities)
    notes["masks"] += sum(len(entity.masks or ()) for entity in entities)
    texts = {collapse_space(entity.text) for entity in entities}
    notes["masks without entity"] += sum(len(found) for text, found in masks.items() if text not in texts)
    return replace(sample, dataset="twitter-smner", entities=entities)


def read_masks(path: Path) -> tuple[Masks, dict[str, str]]:
    """Return masks by sample and entity text, and why samples' masks cannot be used."""
    data = load_json(path, dict)
    try:
        images = {row["id"]: (str(row["file_name"]).rpartition(".")[0], row["height"], row["width"]) for row in data["images"]}
        rows: list[Any] = list(data["annotations"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: not COCO's form ({type(error).__name__} {error}). Write images and annotations.") from error
    masks: Masks = {}
    faults: dict[str, str] = {}
    for row in rows:
        sample_id, height, width = images.get(row.get("image_id"), (str(row.get("image_id")), None, None))
        try:
            if height is None or not isinstance(row.get("entity"), str):
                raise DataError(f"mask: of image {row.get('image_id')!r} and entity {row.get('entity')!r}, expected known ones.")
            mask = read_mask(row.get("segmentation"), height=height, width=width)
        except DataError as error:
            faults[sample_id] = str(error)
            continue
        of_sample = masks.setdefault(sample_id, {})
        text = collapse_space(row["entity"])
        of_sample[text] = (*of_sample.get(text, ()), mask)
    return masks, faults


TWITTER_SMNER_READER = TwitterSmnerReader()
