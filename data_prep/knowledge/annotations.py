"""What people wrote about training samples, as PGIM and MAKAR publish it: the pool of MSEA's examples (RiVEG IV-B 1 a).

PGIM's files have an image id on one line and the text on the next one. MAKAR's are JSON lines with img_id and entities_kg.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_prep.readers.packed import open_packed
from mcr.errors import DataError, raise_faults
from mcr.io.samples import iter_json_lines
from mcr.knowledge.known_texts import Knowledge
from mcr.records import collapse_space

ID, TEXT = "img_id", "entities_kg"


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a file says of some samples.

    Attributes:
        records: of the samples.
        strangers: ids of the file that no sample has.
    """

    records: tuple[Knowledge, ...]
    strangers: tuple[str, ...]


def read_annotations(path: Path, ids: Collection[str], source: str) -> Annotations:
    """Return what a file says of samples.

    Args:
        path: of the file, packed or not.
        ids: of the samples, which are of a training split: others are no examples.
        source: who wrote it.

    Raises:
        DataError: lists the lines that are in neither form, and the samples that are annotated twice.
    """
    records: dict[str, Knowledge] = {}
    strangers, faults = [], []
    for line, sample_id, text in _iter_pairs(path, faults):
        if not sample_id or not text or " " in sample_id:
            faults.append(f"{path.name}:{line}: expected an id and a text, got {sample_id[:40]!r} and {text[:40]!r}")
        elif sample_id in records:
            faults.append(f"{path.name}:{line}: {sample_id} is annotated a second time")
        elif sample_id in ids:
            records[sample_id] = Knowledge(sample_id, text, source)
        else:
            strangers.append(sample_id)
    raise_faults(f"annotations of {path} cannot be used", faults)
    return Annotations(tuple(records.values()), tuple(strangers))


def _iter_pairs(path: Path, faults: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, id, text)."""
    with open_packed(path) as file:
        lines = [line.decode("utf-8-sig", "replace").strip() for line in file]
    if next((line for line in lines if line), "").startswith("{"):
        for number, row in iter_json_lines(path):
            if isinstance(row, DataError) or not isinstance(row, dict) or not {ID, TEXT} <= row.keys():
                faults.append(f"{path.name}:{number}: expected JSON with {ID} and {TEXT}")
                continue
            yield number, str(row[ID]).strip(), collapse_space(str(row[TEXT]))
        return
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line]
    for at in range(0, len(filled), 2):
        text = filled[at + 1][1] if at + 1 < len(filled) else ""
        yield filled[at][0], filled[at][1], collapse_space(text)
