"""What every reader has in common: samples or rejects one after the other, counts, images, and reading all at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcr.errors import DataError, raise_faults
from mcr.io.images import describe_sizes, is_turned_in_place, open_image
from mcr.io.samples import hash_id
from mcr.records import ImageRef, Sample


@dataclass(frozen=True, slots=True)
class Reject:
    """A place in the data that cannot be used, and why.

    Attributes:
        place: file and line, or file and id.
        reason: what is wrong, the rule, what to do.
        kind: a word or two that rejects are counted under.
    """

    place: str
    reason: str
    kind: str = "broken"


@dataclass(frozen=True, slots=True)
class Placed:
    """A sample and the file and line it was read from."""

    place: str
    sample: Sample


Item = Placed | Reject
TURNED = "images turned in place (EXIF)"
BROKEN_ROW = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def read_at(place: str, read: Callable[[], Sample]) -> Item:
    """Return a sample with its place, or why it cannot be used: whatever a row brings about, it costs that row alone."""
    try:
        return Placed(place, read())
    except DataError as error:
        return Reject(place, str(error), error.kind)
    except BROKEN_ROW as error:
        return Reject(place, f"row: cannot be read ({type(error).__name__}: {str(error)[:200]}). Repair the row.", "row")


class Reader(Protocol):
    """One dataset as published."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the files written; none where the folder decides."""
        ...

    @property
    def published(self) -> Mapping[str, Mapping[str, int]]:
        """Counts that should come out, where there are any: samples, entities, groundable, boxes, by split or by the sum of
        several ("testA+testB").
        """
        ...

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless the folder is laid out as published."""
        ...

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield samples and rejects in the order of the files; `notes` takes counts of the reader's own."""
        ...


class IdRegister:
    """Finds ids that occur twice, across splits; it keeps a hash and the place of each."""

    def __init__(self) -> None:
        self.seen: dict[int, str] = {}

    def check(self, sample_id: str, place: str) -> str | None:
        """Return why an id cannot be used, or None and remember it."""
        key = hash_id(sample_id)
        if key in self.seen:
            return f"id {sample_id!r} occurs twice, first in {self.seen[key]}. Remove one of them."
        self.seen[key] = place
        return None


def count_sample(counts: Counter, sample: Sample) -> None:
    """Add one sample to the counts of its split."""
    counts["samples"] += 1
    counts["entities"] += len(sample.entities)
    counts["groundable"] += sum(entity.is_grounded for entity in sample.entities)
    counts["boxes"] += sum(len(entity.boxes or ()) for entity in sample.entities)
    counts["images missing"] += sum(image.is_missing for image in sample.images)


def count_turned(counts: Counter, sample: Sample, image_root: Path | None) -> None:
    """Count the images that an EXIF orientation turns or mirrors in place, whose boxes deserve a look.

    Boxes count as drawn on the picture as shown. Where they were drawn on the picture as stored, no size shows it.
    """
    if image_root is not None:
        found = [image.path for image in sample.images if not image.is_missing and is_turned_in_place(image_root, image.path)]
        if found:
            counts[TURNED] += len(found)


def without_duplicates(items: Iterable[Item], register: IdRegister) -> Iterator[Sample | Reject]:
    """Yield samples and rejects, samples whose id occurred before as rejects."""
    for item in items:
        if isinstance(item, Reject):
            yield item
            continue
        reason = register.check(item.sample.id, item.place)
        yield item.sample if reason is None else Reject(item.place, reason, "duplicate id")


def read_all(reader: Reader, root: Path, image_root: Path | None = None) -> tuple[dict[str, list[Sample]], dict[str, Counter]]:
    """Read every split into memory, strictly.

    Returns:
        The samples and the counts of each split.

    Raises:
        DataError: lists what is missing or cannot be used.
    """
    reader.check_folder(root, image_root)
    samples: dict[str, list[Sample]] = {}
    counts: dict[str, Counter] = {}
    faults: list[str] = []
    register = IdRegister()
    for split in reader.splits or splits_of_folder(root):
        samples[split], counts[split] = [], Counter()
        for item in without_duplicates(reader.read(root, split, image_root, counts[split]), register):
            if isinstance(item, Reject):
                faults.append(f"{item.place}: {item.reason}")
            else:
                samples[split].append(item)
                count_sample(counts[split], item)
        if not samples[split]:
            faults.append(f"{split}: holds no sample. Check the file.")
    raise_faults(f"{root}: {len(faults)} faults", faults)
    return samples, counts


def splits_of_folder(root: Path) -> tuple[str, ...]:
    """Return the splits of a folder of our own samples: every .jsonl but the rejects."""
    return tuple(sorted(path.stem for path in root.glob("*.jsonl") if path.stem != "rejected"))


def require_files(what: str, paths: Sequence[Path], image_root: Path | None) -> None:
    """Raise one DataError that lists every file or folder that is not there."""
    missing = [f"{path}: no such file or folder" for path in paths if not path.exists()]
    if image_root is not None and not image_root.is_dir():
        missing.append(f"{image_root}: no such image folder. Correct --image_root or leave it out")
    raise_faults(f"{what} is not laid out as published", missing)


def find_image(image_root: Path | None, name: str, size: tuple[int, int] | None = None) -> ImageRef:
    """Return an image with its real size, or, without images, a missing one with the size that annotations give.

    Args:
        image_root: the folder of images; None: they are not at hand.
        name: path inside it.
        size: (width, height) that annotations give, if any.

    Raises:
        DataError: it is not there, cannot be read whole, is too large, leaves the folder, or has another size than annotated.
    """
    if image_root is None:
        return ImageRef(name, *(size or (None, None)), is_missing=True)
    found = open_image(image_root, name).size
    if size is not None and found != size:
        raise DataError(f"image {image_root / name}: {describe_sizes(found, size)}", kind="image")
    return ImageRef(name, *found)


def check_id(sample_id: object) -> str:
    """Return an id that can be a file's name.

    Raises:
        DataError: it is no plain name.
    """
    text = sample_id if isinstance(sample_id, str) else f"{sample_id:d}" if _is_plain_number(sample_id) else ""
    if not text or set(text) & set("/\\:") or text.startswith("."):
        raise DataError(f"id: got {str(text or type(sample_id).__name__)[:80]!r}, expected a plain name. Correct it.", kind="id")
    return text


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18
