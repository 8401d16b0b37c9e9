"""knowledge/{split}.jsonl on disk: `{"id", "text", "source", "entity"?, "type"?}`, one text a line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcr.errors import DataError, raise_faults
from mcr.io.atomic_write import whole_file
from mcr.io.samples import iter_json_lines

KEYS = ("id", "text", "source")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One text about a sample, or about one of its entities.

    Attributes:
        id: of the sample.
        text: what is said.
        source: who says it, such as the name of a language model.
        entity: the text of the entity that it is about; None: it is about the whole sample.
        type: of the entity.
    """

    id: str
    text: str
    source: str
    entity: str | None = None
    type: str | None = None


def write_knowledge(path: Path, records: Iterable[Knowledge]) -> int:
    """Write records, the file complete or not at all; return how many."""
    num = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for record in records:
            row = {key: value for key, value in asdict(record).items() if value is not None}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            num += 1
    return num


def read_knowledge(path: Path) -> list[Knowledge]:
    """Return the records of a file.

    Raises:
        DataError: lists the lines that are not JSON, lack a key or have a value that is no text, and those that repeat what was
            said before by the same source about the same thing.
    """
    records: list[Knowledge] = []
    seen: dict[tuple[str, str, str | None, str | None], int] = {}
    faults: list[str] = []
    for number, row in iter_json_lines(path):
        try:
            record = _record_of(row)
        except DataError as error:
            faults.append(f"{path.name}:{number}: {error}")
            continue
        about = (record.id, record.source, record.entity, record.type)
        if about in seen:
            faults.append(f"{path.name}:{number}: says of {record.entity or 'sample'} {record.id} what line {seen[about]} says")
        seen.setdefault(about, number)
        records.append(record)
    raise_faults(f"knowledge of {path} cannot be used", faults)
    return records


def _record_of(row: Mapping[str, Any] | DataError) -> Knowledge:
    if isinstance(row, DataError):
        raise row
    missing = [key for key in KEYS if key not in row]
    if missing:
        raise DataError(f"knowledge: lacks {', '.join(missing)}, expected {', '.join(KEYS)}. Add what is missing.")
    values: dict[str, Any] = {key: row.get(key) for key in (*KEYS, "entity", "type")}
    wrong = [key for key, value in values.items() if not isinstance(value, str) and (value is not None or key in KEYS)]
    if wrong or not str(row["text"]).strip():
        raise DataError(f"knowledge: got {', '.join(wrong) or 'an empty text'}, expected texts. Correct or remove the line.")
    return Knowledge(**values)


def by_sample(records: Iterable[Knowledge]) -> dict[str, list[Knowledge]]:
    """Return what is said of whole samples, by their ids."""
    found: dict[str, list[Knowledge]] = {}
    for record in records:
        if record.entity is None:
            found.setdefault(record.id, []).append(record)
    return found
