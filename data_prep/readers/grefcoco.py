"""gRefCOCO for GREC: `grefs(unc).json` and COCO's `instances.json` in one folder, images of train2014.

A sample is a sentence: one phrase with its box, or with none in the image (task vg). Phrases with several targets are left out,
as MCR does, unless they are asked for.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from data_prep.readers.reading import BROKEN_ROW, Item, Placed, Reject, check_id, find_image, require_files
from mcr.boxes import Box
from mcr.errors import DataError
from mcr.io.unicode import without_surrogates
from mcr.records import Entity, Sample, check_box, collapse_space
from mcr.tasks import VG

REFS, INSTANCES = "grefs(unc).json", "instances.json"
# MCR Table 5, phrases with several targets left out; it counts the two test splits together. Its 14,000 training samples come
# from a larger split (data_prep/configs/mcr_mix.yaml), whose size it does not state.
PUBLISHED = {"val": {"samples": 5309}, "testA+testB": {"samples": 19066}}
NO_TARGET = -1
EDGE_PX = 1.0
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class GrefcocoReader:
    """gRefCOCO.

    Attributes:
        keeps_several: keep phrases with several targets, all boxes on one entity.
    """

    keeps_several: bool = False
    splits: tuple[str, ...] = ("train", "val", "testA", "testB")
    published: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: PUBLISHED)

    def check_folder(self, root: Path, image_root: Path | None) -> None:
        """Raise DataError, listing what is missing, unless both files are there."""
        require_files("gRefCOCO", [root / REFS, root / INSTANCES], image_root)

    def read(self, root: Path, split: str, image_root: Path | None, notes: Counter) -> Iterator[Item]:
        """Yield one sample a sentence, in the order of the refs.

        Raises:
            DataError: a file that is not as published.
        """
        path = root / INSTANCES
        sizes, boxes = read_instances(path, path.stat().st_mtime_ns)
        for number, ref in enumerate(iter_json_list(root / REFS)):
            if not isinstance(ref, dict) or ref.get("split") not in self.splits:
                if split == self.splits[0]:
                    reason = f"row: split is not one of {', '.join(self.splits)}, got {str(ref)[:80]!r}. Correct the ref."
                    yield Reject(f"{REFS} (number {number})", reason, "row")
            elif ref["split"] == split:
                place = f"{REFS} (ref {str(ref.get('ref_id'))[:40]})"
                yield from self._items(place, without_surrogates(ref), sizes, boxes, image_root, notes)

    def _items(self, place: str, ref: Mapping[str, Any], *others: Any) -> Iterator[Item]:
        """Yield the ref's samples, or why none of them can be used."""
        try:
            samples = list(self._samples(ref, *others))
        except DataError as error:
            yield Reject(place, str(error), error.kind)
        except BROKEN_ROW as error:
            yield Reject(place, f"row: cannot be read ({type(error).__name__}: {str(error)[:200]}). Correct the ref.", "row")
        else:
            yield from (Placed(place, sample) for sample in samples)

    def _samples(
        self,
        ref: Mapping[str, Any],
        sizes: Mapping[int, tuple[int, int]],
        boxes: Mapping[int, Box],
        image_root: Path | None,
        notes: Counter,
    ) -> Iterator[Sample]:
        targets = target_ids(ref.get("ann_id"))
        sentences = ref.get("sentences")
        if not isinstance(sentences, list) or not all(
            isinstance(one, dict) and isinstance(one.get("sent"), str) for one in sentences
        ):
            raise DataError(
                f"row: sentences are {str(sentences)[:80]!r}, expected a list with sent. Correct the ref.", kind="row"
            )
        if len(targets) > 1 and not self.keeps_several:
            notes["several targets, left out"] += len(sentences)
            return
        missing = [target for target in targets if target not in boxes]
        if missing or not isinstance(ref.get("image_id"), int) or ref["image_id"] not in sizes:
            raise DataError(
                f"box: annotations {missing} or image {ref.get('image_id')} are not in {INSTANCES}. Use its own file.", kind="box"
            )
        size = sizes[ref["image_id"]]
        image = find_image(image_root, image_name(str(ref.get("file_name", ""))), size)
        places = tuple(inside(boxes[target], size, target) for target in targets) or None
        notes["no target"] += len(sentences) if places is None else 0
        for one in sentences:
            phrase = collapse_space(one["sent"])
            sample_id = check_id(f"{ref.get('ref_id')}-{one.get('sent_id')}")
            yield Sample(sample_id, "grefcoco", VG, phrase, (image,), (Entity(phrase, "", places),))


def target_ids(value: Any) -> list[int]:
    """Return the annotations that a ref names: a list or one number; [-1] or -1 names none.

    Raises:
        DataError: anything else.
    """
    ids = value if isinstance(value, list) else [value]
    if not ids or not all(isinstance(one, int) and not isinstance(one, bool) for one in ids):
        raise DataError(
            f"row: ann_id is {str(value)[:80]!r}, expected a number or a list of numbers. Correct the ref.", kind="row"
        )
    return [one for one in dict.fromkeys(ids) if one != NO_TARGET]


def image_name(file_name: str) -> str:
    """Return the name of COCO's file: a ref's has the annotation's number as a fourth part.

    >>> image_name("COCO_train2014_000000581857_16.jpg")
    'COCO_train2014_000000581857.jpg'
    """
    stem, dot, ending = file_name.rpartition(".")
    return "_".join(stem.split("_")[:3]) + dot + ending


@lru_cache(maxsize=1)
def read_instances(path: Path, mtime_ns: int) -> tuple[dict[int, tuple[int, int]], dict[int, Box]]:
    """Return (width, height) by image and corners by annotation; COCO writes [x, y, width, height].

    Kept from split to split while the file is as it was at `mtime_ns`. Outlines, most of the file, are dropped as they are read.
    """
    data = load_json(path, dict, without=("segmentation",))
    try:
        sizes = {row["id"]: (int(row["width"]), int(row["height"])) for row in data["images"]}
        boxes = {row["id"]: _corners(row["bbox"]) for row in data["annotations"] if _is_bbox(row.get("bbox"))}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not COCO's instances ({type(error).__name__} {error}). Use the file as published.") from error
    return sizes, boxes


def _is_bbox(bbox: Any) -> bool:
    return isinstance(bbox, list) and len(bbox) == 4 and all(isinstance(value, int | float) for value in bbox)


def _corners(bbox: Sequence[float]) -> Box:
    x, y, width, height = map(float, bbox)
    return x, y, x + width, y + height


def inside(box_px: Box, size: tuple[int, int], target: int) -> Box:
    """Return a box clipped by less than a pixel, which is how far COCO's rounding goes over the edge.

    Raises:
        DataError: no area, or farther outside.
    """
    x1, y1, x2, y2 = box_px
    if min(x1, y1) < -EDGE_PX or x2 > size[0] + EDGE_PX or y2 > size[1] + EDGE_PX:
        raise DataError(
            f"box: got {list(box_px)} of annotation {target}, expected inside {size[0]}x{size[1]}. Correct it.", kind="box"
        )
    return check_box((max(x1, 0.0), max(y1, 0.0), min(x2, size[0]), min(y2, size[1])), f"annotation {target}")


def iter_json_list(path: Path) -> Iterator[Any]:
    """Yield the items of a file that is one JSON list, one at a time: the text is in memory once, the items are not.

    Raises:
        DataError: not a list, or not JSON, when its place is reached.
    """
    decoder, text = json.JSONDecoder(), _text_of(path)
    place = _skip_space(text, 0)
    if text[place : place + 1] != "[":
        raise DataError(f"{path}: does not begin with a list. Use the file as published.")
    mark, place = ",", _skip_space(text, place + 1)
    is_empty = text[place : place + 1] == "]"
    while mark == "," and not is_empty:
        try:
            item, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: not JSON ({error}). Use the file as published.") from error
        yield item
        place = _skip_space(text, place)
        mark, place = text[place : place + 1], _skip_space(text, place + 1)
    if is_empty:
        mark, place = "]", _skip_space(text, place + 1)
    if mark != "]" or place < len(text):
        raise DataError(f"{path}: not one JSON list (at character {place}). Use the file as published.")


def _skip_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error}). Use the file as published.") from error


def load_json(path: Path, kind: type, without: Collection[str] = ()) -> Any:
    """Return a file's JSON of a kind, objects without some of their keys.

    Raises:
        DataError: not JSON, or another kind.
    """
    drop = (lambda row: {key: value for key, value in row.items() if key not in without}) if without else None
    try:
        value = json.loads(_text_of(path), object_hook=drop)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}). Use the file as published.") from error
    if not isinstance(value, kind):
        raise DataError(f"{path}: holds a {type(value).__name__}, expected a {kind.__name__}. Use the file as published.")
    return without_surrogates(value)


READERS = {"grefcoco": GrefcocoReader()}
