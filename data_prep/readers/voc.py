"""Pascal-VOC annotations, one file an image: its size and its boxes by object name."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mcr.boxes import Box
from mcr.errors import DataError
from mcr.records import ImageRef, check_box, check_inside


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


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses a document type when it begins, in whatever encoding: it could declare entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DataError("declares a document type, expected plain annotations. Remove the declaration.", kind="annotation")


def read_annotation(path: Path) -> Annotation | None:
    """Read one file; None where there is none. Numbers are taken as published, as corners, without shifting.

    Raises:
        DataError: xml that does not parse or declares entities, missing fields, a box that is no box.
    """
    if not path.is_file():
        return None
    parser = ElementTree.XMLParser(target=_WithoutDoctype())  # noqa: S314 no document type, so no entities # nosec B314
    try:
        tree = ElementTree.fromstring(path.read_bytes(), parser)  # noqa: S314 # nosec B314
        width, height = (int(_text(tree, f"size/{name}")) for name in ("width", "height"))
        rows = [
            (_text(row, "name"), [float(_text(row, f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")])
            for row in tree.findall("object")
        ]
    except DataError as error:
        raise DataError(f"{path.name}: {error}", kind="annotation") from None
    except (ElementTree.ParseError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path.name}: not a Pascal-VOC annotation ({error}). Repair or remove the file.", kind="annotation"
        ) from error
    boxes: dict[str, tuple[Box, ...]] = {}
    for name, corners in rows:
        boxes[name] = (*boxes.get(name, ()), check_box(corners, f"{path.name}, object {name!r}"))
    return Annotation(path.name, width, height, boxes)


def _text(node: ElementTree.Element, path: str) -> str:
    """Return the text of a field; raise LookupError where it is missing or empty."""
    text = node.findtext(path)
    if not text:
        raise LookupError(f"no {path}")
    return text
