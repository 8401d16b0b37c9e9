"""Twitter-SMNER: Twitter-GMNER's folder with masks besides, in labelme's form (RiVEG III-A) or in COCO's.

labelme: `masks/ID.json`, `{"imageHeight", "imageWidth", "shapes": [{"label", "points", "shape_type", "group_id"}]}`: `label`
is the entity's text, a shape a polygon or a rectangle; shapes of one label and group are one mask.
COCO: `masks/{train,dev,test}.json`, `{"images": [{"id", "file_name", "width", "height"}], "annotations": [{"image_id", "entity",
"segmentation"}]}`: `file_name` is ID.jpg, `entity` the entity's text, `segmentation` run lengths or polygons.
A groundable entity without a mask keeps its boxes and is counted.
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
from mcr.errors import DataError, raise_faults
from mcr.masks import Mask, read_mask
from mcr.records import Sample, collapse_space

Masks = dict[str, dict[str, tuple[Mask, ...]]]


@dataclass(frozen=True)
class TwitterSmnerReader:
    """Twitter-SMNER."""

    splits: tuple[str, ...] = SPLITS
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing or of no tweet, unless text, boxes and masks are there."""
        TWITTER_GMNER_READER.check_folder(root, image_root)
        folder = root / "masks"
        if _has_one_file_an_image(folder):
            tweets = {path.stem for path in (root / "xml").iterdir()}
            strange = sorted(path.name for path in folder.glob("*.json") if path.stem not in tweets)
            raise_faults(f"masks of tweets that have no annotation in {root / 'xml'}", strange)
        else:
            require_files("twitter-smner", [folder / f"{split}.json" for split in self.splits], None)

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield Twitter-GMNER's samples with masks on their entities."""
        if _has_one_file_an_image(root / "masks"):
            for item in TWITTER_GMNER_READER.read(root, split, image_root, notes):
                is_broken = isinstance(item, Reject)
                yield item if is_broken else read_at(item.place, partial(with_labelme, item.sample, root / "masks", notes))
            return
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
    notes["boxes without a mask"] += sum(bool(entity.boxes) and not entity.masks for entity in entities)
    texts = {collapse_space(entity.text) for entity in entities}
    notes["masks without entity"] += sum(len(found) for text, found in masks.items() if text not in texts)
    return replace(sample, dataset="twitter-smner", entities=entities)


def _has_one_file_an_image(folder: Path) -> bool:
    """Return whether masks are labelme's files: those of COCO's form are called after the splits."""
    return folder.is_dir() and not any((folder / f"{split}.json").exists() for split in SPLITS) and any(folder.glob("*.json"))


def with_labelme(sample: Sample, folder: Path, notes: Counter) -> Sample:
    """Return the sample with the masks of its labelme file, if it has one.

    Raises:
        DataError: a file that is not labelme's, of another image size, or with a shape that cannot be used.
    """
    path = folder / f"{sample.id}.json"
    if not path.is_file():
        return with_masks(sample, {}, notes)
    data = load_json(path, dict)
    try:
        size = int(data["imageHeight"]), int(data["imageWidth"])
        grouped: dict[tuple[str, Any], list[list[float]]] = {}
        for number, shape in enumerate(data["shapes"]):
            group = number if shape.get("group_id") is None else str(shape["group_id"])
            grouped.setdefault((collapse_space(shape["label"]), group), []).append(_polygon_of(shape))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        told = f"mask: {path.name} is not labelme's ({type(error).__name__} {error}). Write imageHeight, imageWidth and shapes."
        raise DataError(told, kind="mask") from error
    image = sample.images[0]
    if image.height is not None and size != (image.height, image.width):
        told = f"mask: {path.name} is of an image of {size[1]}x{size[0]}, the sample's has {image.width}x{image.height}."
        raise DataError(f"{told} Correct imageWidth and imageHeight.", kind="mask")
    masks: dict[str, tuple[Mask, ...]] = {}
    for (text, _), polygons in grouped.items():
        _, mask = read_annotated_mask({"entity": text, "segmentation": polygons}, size)
        masks[text] = (*masks.get(text, ()), mask)
    return with_masks(sample, masks, notes)


def _polygon_of(shape: Mapping[str, Any]) -> list[float]:
    """Return a shape's corners as x1, y1, x2, y2, ...

    Raises:
        ValueError: neither polygon nor rectangle.
    """
    kind, points = shape.get("shape_type", "polygon"), shape["points"]
    if kind == "rectangle":
        (left, top), (right, bottom) = points
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    elif kind != "polygon":
        raise ValueError(f"shape_type {kind!r}, expected polygon or rectangle")
    return [number for x, y in points for number in (x, y)]


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
