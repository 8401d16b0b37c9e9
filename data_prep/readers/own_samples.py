"""Our own samples: every `*.jsonl` of a folder but rejected.jsonl is a split; for data brought into the form by other means."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from data_prep.readers.reading import Item, read_at, require_files, splits_of_folder
from mcr.errors import DataError
from mcr.io.images import describe_sizes, open_image
from mcr.io.samples import iter_json_lines, sample_from_dict
from mcr.records import ImageRef, Sample


@dataclass(frozen=True)
class OwnSamplesReader:
    """Samples in the form that every reader writes, checked once more, images included."""

    splits: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError unless there is a split."""
        require_files("own samples", [root], image_root)
        if not splits_of_folder(root):
            raise DataError(f"{root}: holds no .jsonl. Name the folder of samples.")

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield samples and rejects in the order of the file."""
        path = root / f"{split}.jsonl"
        for number, row in iter_json_lines(path):
            yield read_at(f"{path.name}:{number}", partial(read_sample, row, image_root))


def read_sample(row: Any, image_root: Path | None) -> Sample:
    """Return one sample from its row, or the row's own error.

    Raises:
        DataError: it cannot be used.
    """
    if isinstance(row, DataError):
        raise row
    sample = sample_from_dict(row)
    check_images(sample, image_root)
    return sample


def check_images(sample: Sample, image_root: Path | None) -> None:
    """Raise DataError for an image that cannot be read or has another size than the sample says."""
    for image in sample.images:
        if image_root is not None and not image.is_missing:
            _check_size(image, open_image(image_root, image.path).size, sample.id)


def _check_size(image: ImageRef, size: tuple[int, int], sample_id: str) -> None:
    if size != (image.width, image.height):
        given = (image.width or 0, image.height or 0)
        raise DataError(f"image {image.path} (sample {sample_id}): {describe_sizes(size, given)}", kind="image")


OWN_SAMPLES_READER = OwnSamplesReader()
READERS = {"samples": OWN_SAMPLES_READER}
