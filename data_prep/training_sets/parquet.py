"""The columns and rows of training sets, and writing them row group by row group, complete or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_prep.training_sets.split import SPLITS, is_held_back
from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import whole_file
from mcr.labels import LabelSet
from mcr.prompts.control_tokens import QUOTED
from mcr.prompts.routes import Route
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample

GROUP_ROWS = 500
CONTENT = pa.list_(pa.struct([(name, pa.string()) for name in ("type", "text", QUOTED)]))
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", CONTENT)]))
GOLD = pa.list_(pa.struct([("text", pa.string()), ("type", pa.string()), ("boxes", pa.list_(pa.list_(pa.float64())))]))
FRAME_FIELDS = [(name, pa.float64()) for name in ("width", "height", "scale_width", "scale_height")]
PROMPT_COLUMNS = [
    ("sample_id", pa.string()),
    ("prompt_id", pa.string()),
    ("task", pa.string()),
    ("prompt", MESSAGES),
    ("images", pa.list_(pa.string())),
    ("gold", GOLD),
    ("frame", pa.struct([("kind", pa.string()), *FRAME_FIELDS, ("axes", pa.string())])),
]
SCHEMA_COLUMNS = [
    *PROMPT_COLUMNS,
    ("style", pa.string()),
    ("route", pa.string()),
    ("completion", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
]


def schema_row(sample: Sample, settings: PromptSettings, style: str, route: Route | None, completion: str) -> dict[str, Any]:
    """Return one row of D_R: a prompt, and a schema that answers it.

    Args:
        sample: what is asked about.
        settings: of the prompt.
        style: of the schema.
        route: that the style is written for; None for the bare answer.
        completion: the schema.

    Raises:
        DataError: gold has a type that the prompt does not show.
    """
    message = {"role": "assistant", "content": completion}
    return prompt_row(sample, settings, route) | {"style": style, "route": route and route.name, "completion": [message]}


def prompt_row(sample: Sample, settings: PromptSettings, route: Route | None = None) -> dict[str, Any]:
    """Return one row of a set of prompts. `prompt_id` is the same for rows of one prompt.

    Raises:
        DataError: gold has a type that the prompt does not show.
    """
    check_types(sample, settings.labels)
    frame = settings.frame.frame_of(sample)
    return {
        "sample_id": sample.id,
        "prompt_id": settings.prompt_id(sample, route),
        "task": sample.task.name,
        "prompt": settings.prompt_for(sample, route),
        "images": [image.path for image in sample.images],
        "gold": [entity.to_dict() for entity in sample.entities],
        "frame": frame and frame.to_dict(),
    }


def check_types(sample: Sample, labels: LabelSet) -> None:
    """Raise DataError where gold has a type that no answer could know of; vg has none."""
    unknown = sorted({entity.type for entity in sample.entities if labels.canonical(entity.type) not in labels.labels})
    if unknown and sample.task.has_type:
        raise DataError(
            f"type: got {', '.join(map(repr, unknown))} (sample {sample.id}), but the prompt shows {', '.join(labels.labels)}. "
            "Name the label set with --labels."
        )


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a training set is made by, besides prompt settings and schema options.

    Attributes:
        per_sample: schemas a sample, each in another style.
        d2_share: share of D_R that goes to D2, for CVO, from 0 to 1.
        seed: of the split, the styles and the phrasing.
        split: what is divided, one of data_prep.training_sets.split.SPLITS.
    """

    per_sample: int
    d2_share: float
    seed: int
    split: str = "sample"

    def __post_init__(self) -> None:
        faults = []
        if self.per_sample < 1:
            faults.append(f"per_sample: got {self.per_sample}, expected at least 1")
        if not 0 <= self.d2_share <= 1:
            faults.append(f"d2_share: got {self.d2_share}, expected 0 to 1")
        if self.split not in SPLITS:
            faults.append(f"split: got {self.split!r}, expected one of {', '.join(SPLITS)}")
        if faults:
            raise ConfigError(f"{'; '.join(faults)}. Correct {'it' if len(faults) == 1 else 'them'}.")

    def is_in_d2(self, sample_id: str, style: str) -> bool:
        """Whether a schema of a sample in a style belongs to D2."""
        return is_held_back(sample_id if self.split == "sample" else f"{sample_id}/{style}", self.d2_share, self.seed)


class RowWriter:
    """Writes rows to a Parquet file, in the order given; `row_writer` makes one."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.writer, self.schema = writer, schema
        self.waiting: list[dict[str, Any]] = []

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows; they reach the disk in groups of at least GROUP_ROWS."""
        self.waiting += rows
        if len(self.waiting) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait for their group to be full."""
        if self.waiting:
            self.writer.write_table(pa.Table.from_pylist(self.waiting, schema=self.schema))
        self.waiting = []


@contextmanager
def row_writer(
    path: Path, columns: list[tuple[str, pa.DataType]], metadata: Mapping[str, str] | None = None
) -> Iterator[RowWriter]:
    """Yield a writer of rows; the file is complete at the end, or not there; `metadata` stays with it."""
    schema = pa.schema(columns, metadata)
    with whole_file(path) as partial:
        parquet = pq.ParquetWriter(partial, schema)
        try:
            rows = RowWriter(parquet, schema)
            yield rows
            rows.flush()
            parquet.close()
        except BaseException:
            with suppress(OSError):  # on a full disk closing fails as writing did
                parquet.close()
            raise


def write_parquet(
    path: Path,
    rows: Sequence[dict[str, Any]],
    columns: list[tuple[str, pa.DataType]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write rows as Parquet, complete or not at all; `metadata` stays with the file."""
    with row_writer(path, columns, metadata) as writer:
        writer.write(rows)
