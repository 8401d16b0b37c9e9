"""Pascal-VOC annotations, one file an image: its size and its boxes by object name."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mcr.errors import DataError
from mcr.records import Box, ImageRef, check_box, check_inside


@dataclass(frozen=True, slots=True)
class Annotation:
    """One xml file."""

    name: str
    width: int
    height: int
    boxes_px: dict[str, tuple[Box, ...]]

    def check(self, image: ImageRef) -> None:
        """Raise DataError for a box outside the image."""
        for name, boxes in self.boxes_px.items():
            for box in boxes:
                check_inside(box, (image,), f"{self.name}, object {name!r}")


def read_annotation(path: Path) -> Annotation | None:
    """Read one file; None where there is none. Numbers are taken as published, as corners, without shifting.

    Raises:
        DataError: xml that does not parse or declares entities, missing fields, a box that is no box.
    """
    if not path.is_file():
        return None
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DataError(f"{path.name}: declares a document type, expected plain annotations. Remove the declaration.")
    try:
        tree = ElementTree.fromstring(data)  # noqa: S314 entities were refused above # nosec B314
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
    return Annotation(path.name, width, height, boxes)
