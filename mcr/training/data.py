"""Reading training sets (Parquet) and their images. Everything is checked before a model is loaded.

Images are named by paths inside the image folder; rows are decoded one at a time while training.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcr.boxes import Frame
from mcr.errors import ConfigError, DataError, raise_faults
from mcr.families import FrameSettings
from mcr.io.images import given_sizes, image_faults, is_turned_in_place, open_image
from mcr.models.image_rules import fits_processor
from mcr.models.unusable import naming_samples
from mcr.records import ImageRef
from mcr.systems.base import TargetTransform

REWARD_RECORD = "mcr.reward_options"  # key of a kept set's metadata: the options it was filtered with, as JSON


def read_reward_record(path: Path) -> dict[str, Any] | None:
    """Return the reward options that a kept set was filtered with; None for a set that no filter wrote."""
    import pyarrow.parquet as pq

    record = (pq.read_schema(path).metadata or {}).get(REWARD_RECORD.encode())
    return None if record is None else json.loads(record)


def load_training_set(path: Path, image_root: Path, *, needs_completion: bool) -> Any:
    """Return a `datasets.Dataset` with TRL's columns, images decoded as PIL, by `read_rows` and `check_rows`."""
    return check_rows(read_rows(path, needs_completion=needs_completion), image_root)


def read_rows(path: Path, *, needs_completion: bool) -> Any:
    """Return the rows of a training set, images as paths.

    Args:
        path: d1.parquet or d2.parquet of mcr write-schemas, or the kept.parquet of mcr filter.
        needs_completion: True for SFT, whose rows carry a completion.

    Raises:
        DataError: no such file, missing columns, or no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset

    if not path.is_file():
        raise DataError(f"training set: {path} does not exist. Run mcr write-schemas or mcr filter first.")
    try:
        num_rows = pq.read_metadata(path).num_rows
    except pa.ArrowInvalid as error:
        raise DataError(f"training set: {path} is not Parquet ({error}). Write it anew.") from error
    if not num_rows:
        raise DataError(
            f"training set: {path} has no rows. A d1 or d2 without rows comes from --d2_share of mcr write-schemas (1 or 0) or "
            "too few samples; a kept.parquet without rows from a filter rule that kept nothing: widen it and filter again."
        )
    rows = Dataset.from_parquet(str(path), keep_in_memory=True)
    wanted = {"sample_id", "prompt_id", "task", "prompt", "images", "gold", "frame"} | (
        {"completion", "style"} if needs_completion else set()
    )
    if not wanted <= set(rows.column_names):
        raise DataError(f"training set {path}: lacks columns {sorted(wanted - set(rows.column_names))}. Write it anew.")
    return rows


def check_rows(rows: Any, image_root: Path, *, processor: Any = None, frame: FrameSettings | None = None) -> Any:
    """Return rows whose images are decoded as PIL when they are read, after a check of all that a step would trip over.

    Args:
        rows: of `read_rows`.
        image_root: the folder that the image paths start from.
        processor: of the model; images that it refuses are faults. None: images are opened, no more.
        frame: that the prompts say boxes are in; rows in another frame are faults. None: rows are not compared.

    Raises:
        DataError: lists all rows and images that cannot be used.
    """
    faults, sizes = [], []
    for row in rows.select_columns(["sample_id", "prompt", "images", "frame"]):
        num_places = sum(part["type"] == "image" for message in row["prompt"] for part in message["content"])
        if num_places != len(row["images"]):
            faults.append(
                f"sample {row['sample_id']}: its prompt has {num_places} places for images and its row {len(row['images'])} "
                "images, expected as many. Write the set anew."
            )
        if row["frame"] is not None and row["images"]:
            here = Frame.from_dict(row["frame"])
            sizes.append(ImageRef(row["images"][0], int(here.width), int(here.height)))
            faults += _frame_fault(row["sample_id"], here, frame)
    rules = [given_sizes(sizes), *([] if processor is None else [fits_processor(processor)])]
    paths = [image for images in rows["images"] for image in images]
    faults = [*dict.fromkeys(faults), *image_faults(image_root, paths, rules)]
    raise_faults(f"{len(faults)} images or rows of the training set cannot be used", faults)
    turned = [image for image in dict.fromkeys(paths) if is_turned_in_place(image_root, image)]
    if turned:
        warnings.warn(
            f"training set: an EXIF orientation turns or mirrors {len(turned)} images in place ({', '.join(turned[:3])}); their "
            "boxes count as drawn on the picture as shown. Look at some of them.",
            stacklevel=2,
        )
    return rows.with_transform(_Decoder(image_root))


def _frame_fault(sample_id: str, here: Frame, frame: FrameSettings | None) -> list[str]:
    """Return the fault of a row whose frame is not the one that its set's prompts ask for."""
    if frame is None:
        return []
    try:
        asked = frame.frame_for(int(here.width), int(here.height))
    except ConfigError as error:
        return [f"sample {sample_id}: {error}"]
    if here == asked:
        return []
    return [
        f"sample {sample_id}: its boxes are written in {here.kind} {here.axes} up to {here.scale_width:g}x{here.scale_height:g}, "
        f"its prompt settings ask for {asked.kind} {asked.axes} up to {asked.scale_width:g}x{asked.scale_height:g}. Write the "
        "set anew with mcr write-schemas."
    ]


def image_paths(rows: Any) -> list[str]:
    """Return the paths of all images of a training set, each once."""
    return list(dict.fromkeys(image for images in rows.with_format(None)["images"] for image in images))


def for_fine_tuning(rows: Any, image_root: Path, transform: TargetTransform | None) -> Any:
    """Return a training set whose rows hold an id and what SFTTrainer takes, their targets transformed where asked for.

    Args:
        rows: of `check_rows`.
        image_root: the folder that the image paths start from.
        transform: of a system, or None.
    """
    return rows.with_transform(_Decoder(image_root, ("sample_id", "prompt", "completion", "images"), transform))


def mixes_images(rows: Any) -> bool:
    """Whether some rows of a training set have images and others have none."""
    return len({bool(paths) for paths in rows.with_format(None)["images"]}) > 1


class NamingCollator:
    """A collator whose errors name the sample at fault."""

    def __init__(self, collate: Callable[[list[dict[str, Any]]], Any]) -> None:
        self.collate = collate

    def __call__(self, examples: list[dict[str, Any]]) -> Any:
        """Collate rows of `for_fine_tuning`.

        Raises:
            DataError: a row that cannot be encoded.
        """
        ids = [str(example.get("sample_id", index)) for index, example in enumerate(examples)]
        with naming_samples(ids, lambda index: self.collate([dict(examples[index])])):
            return self.collate([dict(example) for example in examples])  # TRL's changes the rows it gets


class _Decoder:
    """Decodes the images of a batch of rows and drops the nulls that Parquet puts into prompts."""

    def __init__(
        self, image_root: Path, columns: tuple[str, ...] | None = None, transform: TargetTransform | None = None
    ) -> None:
        self.image_root, self.columns, self.transform = image_root, columns, transform

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        decoded = dict(batch)
        if self.transform is not None and "gold" in batch:
            rows = [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
            decoded["completion"] = [[{"role": "assistant", "content": self.transform(row)}] for row in rows]
        if "images" in batch:
            decoded["images"] = [[open_image(self.image_root, path) for path in paths] for paths in batch["images"]]
        if "prompt" in batch:
            decoded["prompt"] = [[clean_message(message) for message in prompt] for prompt in batch["prompt"]]
        return decoded if self.columns is None else {name: decoded[name] for name in self.columns if name in decoded}


def clean_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return a prompt's message without the nulls that Parquet puts into its parts; some chat templates trip over them."""
    content = [{key: value for key, value in part.items() if value is not None} for part in message["content"]]
    return {"role": message["role"], "content": content}
