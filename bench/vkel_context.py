"""Whether VKEL's second stage uses its context: how often a box is right, by what is needed to find it and by what was told.

    python bench/vkel_context.py FOLDER...

FOLDER is the folder of one seed of mcr reproduce vkel-6, such as runs/reproduce/sandbox/seed201/vkel. For each row, the bench
counts the names that stage 1 predicted correctly, on the test and unseen splits together. In the sandbox, each coarse type has
its own shapes. So the type alone is enough if the named object is the only one of its type that is shown, or if neither it nor
another of its type is shown. Otherwise the look is needed, and what the scripted LLMs said of it was right, wrong or nothing. A
box is right as in EEG (VKEL Eq. 13), and None if the object is not shown. What was told is what rows
with all synthetic pairs read. The last column is the last logged training loss of stage 2, or of the one adapter for both stages.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.sandbox.looks import TYPE_OF_SHAPE
from mcr.boxes import iou
from mcr.io.completions import read_predictions
from mcr.io.samples import read_gold
from mcr.knowledge.known_texts import read_knowledge
from mcr.records import Entity
from mcr.regions.proposed import read_regions
from mcr.report.markdown import table

SPLITS = ("test", "unseen")
FIRST_STAGE = "qwen3_vl-1"  # what the names of stage 1 with all synthetic pairs are called
NEEDS = ("type", "look")
TOLD = ("right", "wrong", "nothing")
MIN_IOU = 0.5  # has to be exceeded


@dataclass(frozen=True, slots=True)
class Placed:
    """The place that a model gave to a name.

    Attributes:
        needs: one of NEEDS, what tells the place.
        told: one of TOLD, what the scripted LLMs say of the name's look.
        is_right: the box fits, or both say that the name is not shown.
    """

    needs: str
    told: str
    is_right: bool


def type_of_look(look: str) -> str:
    """Return the coarse type that has a look, such as "red-disc"."""
    return TYPE_OF_SHAPE[look.rpartition("-")[2]]


def what_tells(looks: Sequence[str], shown: Sequence[str], gold: Entity) -> str:
    """Return what is needed to place a name: its type, or its look.

    Args:
        looks: of the name.
        shown: the looks of all objects of the image.
        gold: the name's entity.
    """
    num_alike = sum(type_of_look(one) == type_of_look(looks[0]) for one in shown)
    return "type" if num_alike == (0 if gold.boxes is None else 1) else "look"


def what_was_told(looks: Sequence[str], text: str | None) -> str:
    """Return whether the LLMs' text gives one of a name's looks, another one, or none."""
    if text is None or "looks like" not in text:
        return "nothing"
    return "right" if any(look in text for look in looks) else "wrong"


def is_placed(predicted: Entity, gold: Entity) -> bool:
    """Return whether a place is right (Eq. 13)."""
    if predicted.boxes is None or gold.boxes is None:
        return predicted.boxes is gold.boxes
    return any(iou(one, other) > MIN_IOU for one in predicted.boxes for other in gold.boxes)


def read_looks(path: Path) -> dict[str, list[str]]:
    """Return the true looks by name, of a world's knowledge.jsonl."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["name"]: row["text"].partition("shown as ")[2].rstrip(".").split(" or ") for row in rows}


def placed_names(folder: Path, row: str, split: str, looks: Mapping[str, Sequence[str]]) -> Iterator[Placed]:
    """Yield the places that a row gives to rightly named entities of a split."""
    gold = read_gold(folder / "data" / f"{split}.jsonl")
    objects = read_regions(folder / "data" / "objects" / f"{split}.jsonl")
    known = read_knowledge(folder / "named" / FIRST_STAGE / split / "knowledge" / "all" / f"{split}.jsonl")
    texts = {(one.id, one.entity): one.text for one in known}
    predictions = {one.id: one for one in read_predictions(folder / "whole" / row / split / "predictions-000.jsonl", gold)}
    for sample in gold:
        shown = [one.label for one in objects[sample.id]]
        entities = {entity.text: entity for entity in sample.entities}
        for predicted in predictions[sample.id].entities:
            if entity := entities.get(predicted.text):
                own = looks[entity.text]
                told = what_was_told(own, texts.get((sample.id, entity.text)))
                yield Placed(what_tells(own, shown, entity), told, is_placed(predicted, entity))


def last_loss(folder: Path, row: str) -> str:
    """Return the training loss of the last steps of a row's second stage, or of the one adapter that learned both."""
    kind, _, places = row.split("-", 2)
    log = folder / ("joint" if kind == "joint" else "places") / (row if kind == "joint" else places) / "sft" / "metrics.jsonl"
    losses = [record["loss"] for record in map(json.loads, log.read_text(encoding="utf-8").splitlines()) if "loss" in record]
    return f"{losses[-1]:.3f}"


def cells(placed: Sequence[Placed]) -> list[str]:
    """Return "right of all (per cent)" for each need, and for those that need a look by what was told."""
    counts = Counter((one.needs, one.told, one.is_right) for one in placed)
    groups = [("type", TOLD), *(("look", (told,)) for told in TOLD)]
    found = []
    for needs, told in groups:
        right, wrong = (sum(counts[needs, one, is_right] for one in told) for is_right in (True, False))
        found.append(f"{right} of {right + wrong} ({100 * right / (right + wrong):.0f})" if right + wrong else "-")
    return found


def rows_of(folder: Path) -> Iterator[list[str]]:
    """Yield the table's rows of a seed, as far as they are finished."""
    looks = read_looks(folder / "data" / "knowledge.jsonl")
    finished = (path for path in (folder / "whole").iterdir() if all((path / one / "metrics.json").exists() for one in SPLITS))
    for row in sorted(path.name for path in finished):
        placed = [one for split in SPLITS for one in placed_names(folder, row, split, looks)]
        yield [folder.parent.name, row, *cells(placed), last_loss(folder, row)]


def main() -> None:
    """Print the table of all folders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, help="of seeds: what mcr reproduce vkel-6 made")
    folders = parser.parse_args().folders
    header = ["seed", "row", "the type tells", *(f"the look tells, told {told}" for told in TOLD), "last loss"]
    print(table(header, [row for folder in folders for row in rows_of(folder)]))


if __name__ == "__main__":
    main()
