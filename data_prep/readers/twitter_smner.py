"""Twitter-SMNER: Twitter-GMNER's folder with masks besides, `masks/{train,dev,test}.json` in COCO's form.

`{"images": [{"id", "file_name", "width", "height"}], "annotations": [{"image_id", "entity", "segmentation"}]}`: `file_name` is
ID.jpg, `entity` the entity's text, `segmentation` run lengths or polygons. A groundable entity without a mask keeps its boxes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.readers.grefcoco import load_json
from data_prep.readers.reading import Item, Reject, read_at, require_files
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
            elif item.sample.id not in faults:
                of_sample = masks.pop(item.sample.id, {})
                yield read_at(item.place, partial(with_masks, item.sample, of_sample, notes))
        for sample_id in masks.keys() - faults.keys():
            yield Reject(
                f"{path.name} ({sample_id})",
                f"mask: {split} has no sample {sample_id!r} that can be used. Correct file_name or that sample.",
                "mask",
            )


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
        images = {row["id"]: (sample_id_of(row["file_name"]), int(row["height"]), int(row["width"])) for row in data["images"]}
        rows: list[Any] = list(data["annotations"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not COCO's form ({type(error).__name__} {error}). Write images and annotations.") from error
    masks: Masks = {}
    faults: dict[str, str] = {}
    for number, row in enumerate(rows):
        image_id = row.get("image_id") if isinstance(row, dict) else None
        unknown = (f"annotation {number}",)
        sample_id, *size = images.get(image_id, unknown) if isinstance(image_id, int | str) else unknown
        try:
            text, mask = read_annotated_mask(row, size)
        except DataError as error:
            faults[sample_id] = str(error)
            continue
        of_sample = masks.setdefault(sample_id, {})
        of_sample[text] = (*of_sample.get(text, ()), mask)
    return masks, faults


def sample_id_of(file_name: str) -> str:
    """Return the sample that an image's file belongs to.

    >>> sample_id_of("images/71044.jpg")
    '71044'
    """
    return PurePosixPath(file_name.replace("\\", "/")).stem


def read_annotated_mask(row: Any, size: Sequence[int]) -> tuple[str, Mask]:
    """Return an annotation's entity text and its mask over an image of `size` (height, width).

    Raises:
        DataError: no known image, no entity, a mask that covers nothing or is none of the image.
    """
    if not size or not isinstance(row.get("entity"), str):
        raise DataError(
            f"mask: got {str(row)[:120]}, expected an image_id of images and an entity. Correct the annotation.", kind="mask"
        )
    mask = read_mask(row.get("segmentation"), height=size[0], width=size[1])
    if not mask.area:
        raise DataError(
            f"mask: of entity {row['entity']!r} covers no pixel. Correct it or leave the annotation out.", kind="mask"
        )
    return collapse_space(row["entity"]), mask


TWITTER_SMNER_READER = TwitterSmnerReader()
READERS = {"twitter-smner": TWITTER_SMNER_READER}
