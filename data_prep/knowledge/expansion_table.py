"""RiVEG's published expansions of Twitter-GMNER's test entities: a table of id, entity, type and expansion, parted by tabs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.readers.packed import open_packed
from mcr.errors import raise_faults
from mcr.knowledge.known_texts import Knowledge
from mcr.records import Sample, collapse_space

NUM_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Expansions:
    """What a table says of the entities of samples.

    Attributes:
        records: one for each entity of the samples that the table has.
        num_strangers: rows of no sample's entity.
        num_unknown: entities of the samples that the table lacks.
    """

    records: tuple[Knowledge, ...]
    num_strangers: int
    num_unknown: int


def read_expansions(path: Path, samples: Sequence[Sample], source: str) -> Expansions:
    """Return what a table says of the entities of samples; white space is collapsed when texts are compared.

    Args:
        path: of the table, packed or not.
        samples: with their gold entities.
        source: who wrote it.

    Raises:
        DataError: lists the lines that have not four columns.
    """
    wanted = {(one.id, collapse_space(e.text), e.type): e for one in samples for e in one.entities}
    found: dict[tuple[str, str, str], Knowledge] = {}
    faults, num_strangers = [], 0
    with open_packed(path) as file:
        for number, line in enumerate(file, start=1):
            cells = line.decode("utf-8", "replace").rstrip("\r\n").split("\t")
            if len(cells) != NUM_COLUMNS or not all(map(str.strip, cells)):
                faults.append(f"{path.name}:{number}: {len(cells)} columns, expected id, entity, type and expansion")
                continue
            key = (cells[0], collapse_space(cells[1]), cells[2])
            entity = wanted.get(key)
            if entity is None:
                num_strangers += 1
            else:
                found.setdefault(key, Knowledge(cells[0], collapse_space(cells[3]), source, entity.text, entity.type))
    raise_faults(f"expansions of {path} cannot be read", faults)
    return Expansions(tuple(found.values()), num_strangers, len(wanted) - len(found))
