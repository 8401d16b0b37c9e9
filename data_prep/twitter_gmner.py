"""Reader of Twitter-GMNER v1 and v2.0 as published: `txt/{train,dev,test}.txt`, `xml/*.xml`, images if you have them.

An object of the xml grounds an entity when its name equals the entity's tokens joined by single spaces, exactly; several
objects of one name are several boxes, and two mentions of one text share them. A tweet without groundable entity has no xml.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from mcr.errors import DataError, raise_faults
from mcr.labels import TWITTER_GMNER
from mcr.records import Box, Entity, ImageRef, Sample, check_box, check_inside

SPLITS = ("train", "dev", "test")
TAGS = {"O"} | {f"{prefix}-{label}" for prefix in "BI" for label in TWITTER_GMNER}


@dataclass(slots=True)
class ReadReport:
    """What was read and what was left out, by split; printed as the summary table."""

    counts: dict[str, Counter] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One xml file: the image's size and its boxes by object name."""

    width: int
    height: int
    boxes_px: dict[str, tuple[Box, ...]]


def read_twitter_gmner(root: Path, image_root: Path | None = None) -> tuple[dict[str, list[Sample]], ReadReport]:
    """Read all three splits.

    Args:
        root: the folder that holds `txt` and `xml`.
        image_root: the folder of `ID.jpg` files. None: sizes come from the xml and every image is marked as missing.

    Returns:
        The samples of each split, and the report: entities, groundable ones, boxes, objects that no entity matches.

    Raises:
        DataError: lists every fault: missing folders or files, broken xml, unknown tags, boxes outside the image, missing or
            broken images, ids that occur twice.
    """
    _require_folders(root, image_root)
    report = ReadReport()
    samples: dict[str, list[Sample]] = {}
    first_split: dict[str, str] = {}
    for split in SPLITS:
        samples[split] = []
        report.counts[split] = Counter()
        path = root / "txt" / f"{split}.txt"
        for line_number, tweet_id, tokens, tags in iter_tweets(path, report.faults):
            place = f"{path.name}:{line_number} ({tweet_id})"
            if tweet_id in first_split:
                report.faults.append(f"{place}: id occurs twice, first in {first_split[tweet_id]}. Remove one of them.")
                continue
            first_split[tweet_id] = split
            try:
                sample = _read_sample(root, image_root, tweet_id, tokens, tags, report.counts[split])
            except DataError as error:
                report.faults.append(f"{place}: {error}")
                continue
            samples[split].append(sample)
    report.faults += [f"{split}.txt: holds no tweet. Check the file." for split in SPLITS if not report.counts[split]["samples"]]
    if not any(counts["xml objects"] for counts in report.counts.values()):
        report.faults.append(f"{root / 'xml'}: holds no annotation of any tweet. Unpack xml/ beside txt/.")
    raise_faults(f"Twitter-GMNER in {root}: {len(report.faults)} faults", report.faults)
    return samples, report


def _require_folders(root: Path, image_root: Path | None) -> None:
    wanted = [root / "txt" / f"{split}.txt" for split in SPLITS]
    missing = [f"{path}: no such file" for path in wanted if not path.is_file()]
    if not (root / "xml").is_dir():
        missing.append(f"{root / 'xml'}: no such folder")
    if image_root is not None and not image_root.is_dir():
        missing.append(f"{image_root}: no such image folder. Correct --images or leave it out")
    raise_faults(f"Twitter-GMNER needs txt/{{train,dev,test}}.txt and xml/ under {root}", missing)


def iter_tweets(path: Path, faults: list[str]) -> Iterator[tuple[int, str, list[str], list[str]]]:
    """Yield (line of the id, id, tokens, tags) of each tweet; unusable lines go to `faults`.

    Lines are split at LF and TAB alone: tokens may hold other Unicode white space.
    """
    tweet_id, start, tokens, tags = None, 0, [], []
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        faults.append(f"{path.name}: not UTF-8 ({error}). Convert the file.")
        return
    for number, line in enumerate([*lines, ""], start=1):
        line = line.removesuffix("\r")
        if line.startswith("IMGID:"):
            if tweet_id is not None:
                yield start, tweet_id, tokens, tags
            tweet_id, start, tokens, tags = line.removeprefix("IMGID:").strip(), number, [], []
        elif line:
            cells = line.split("\t")
            if tweet_id is None or len(cells) != 2 or cells[1] not in TAGS:
                rule = f"expected 'token TAB tag' after an IMGID line, tag one of {', '.join(sorted(TAGS))}"
                faults.append(f"{path.name}:{number}: got {line!r}, {rule}. Correct the line.")
                continue
            tokens.append(cells[0])
            tags.append(cells[1])
    if tweet_id is not None:
        yield start, tweet_id, tokens, tags


def spans_of(tags: list[str]) -> list[tuple[int, int, str]]:
    """Return [start, end) and type of each entity. An I- that continues nothing (v1 has a few) begins an entity.

    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    spans: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        if tag == "O":
            continue
        prefix, label = tag.split("-")
        if prefix == "I" and spans and spans[-1][1:] == (index, label):
            spans[-1] = (spans[-1][0], index + 1, label)
        else:
            spans.append((index, index + 1, label))
    return spans


def _read_sample(
    root: Path, image_root: Path | None, tweet_id: str, tokens: list[str], tags: list[str], counts: Counter
) -> Sample:
    if not tweet_id or set(tweet_id) & set("/\\:") or tweet_id.startswith("."):
        raise DataError(f"id: got {tweet_id!r}, expected a plain name. Correct the IMGID line.")
    annotation = read_annotation(root / "xml" / f"{tweet_id}.xml")
    image = _find_image(image_root, tweet_id, annotation)
    boxes_px = annotation.boxes_px if annotation else {}
    entities = []
    for start, end, label in spans_of(tags):
        text = " ".join(tokens[start:end])
        entities.append(Entity(text, label, boxes_px.get(text)))
    for name, boxes in boxes_px.items():
        for box in boxes:
            check_inside(box, (image,), f"{tweet_id}.xml, object {name!r}")
    sample = Sample(tweet_id, "twitter-gmner", "gmner", " ".join(tokens), (image,), tuple(entities))
    _count(counts, sample, boxes_px)
    return sample


def _count(counts: Counter, sample: Sample, boxes_px: dict[str, tuple[Box, ...]]) -> None:
    texts = {entity.text for entity in sample.entities}
    counts["samples"] += 1
    counts["entities"] += len(sample.entities)
    counts["groundable"] += sum(entity.is_grounded for entity in sample.entities)
    counts["boxes"] += sum(len(entity.boxes or ()) for entity in sample.entities)
    counts["xml objects"] += sum(len(boxes) for boxes in boxes_px.values())
    counts["objects without entity"] += sum(len(boxes) for name, boxes in boxes_px.items() if name not in texts)
    counts["images missing"] += sample.images[0].is_missing


def read_annotation(path: Path) -> Annotation | None:
    """Read one Pascal-VOC file; None where there is none. Numbers are taken as published, as corners, without shifting.

    Raises:
        DataError: xml that does not parse or declares entities, missing fields, a box that is no box.
    """
    if not path.is_file():
        return None
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DataError(f"{path.name}: declares a document type, expected plain annotations. Remove the declaration.")
    try:
        tree = ElementTree.fromstring(data)
        width, height = (int(tree.find("size").find(name).text) for name in ("width", "height"))
        rows = [
            (row.find("name").text, [row.find("bndbox").find(k).text for k in ("xmin", "ymin", "xmax", "ymax")])
            for row in tree.findall("object")
        ]
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path.name}: not a Pascal-VOC annotation ({error}). Repair or remove the file.") from error
    boxes: dict[str, tuple[Box, ...]] = {}
    for name, corners in rows:
        boxes[name] = (*boxes.get(name, ()), check_box(corners, f"{path.name}, object {name!r}"))
    return Annotation(width, height, boxes)


def _find_image(image_root: Path | None, tweet_id: str, annotation: Annotation | None) -> ImageRef:
    """Return the image with its real size, or, without images, a missing one with the annotation's size."""
    name = f"{tweet_id}.jpg"
    if image_root is None:
        size = (annotation.width, annotation.height) if annotation else (None, None)
        return ImageRef(name, *size, is_missing=True)
    try:
        with Image.open(image_root / name) as picture:
            picture.verify()
            size = picture.size
    except FileNotFoundError:
        raise DataError(f"image {image_root / name}: no such file. Add it, or leave --images out.") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"image {image_root / name}: cannot be read ({error}). Replace the file.") from error
    if annotation and size != (annotation.width, annotation.height):
        raise DataError(
            f"image {image_root / name}: got {size[0]}x{size[1]} pixels, expected {annotation.width}x{annotation.height}, which "
            "its boxes were drawn on. Use the images as published, not resized."
        )
    return ImageRef(name, *size)
