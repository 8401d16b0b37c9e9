"""Training sets whose schemas are templates: D1 and D2, chunk by chunk, by one process or several, the same rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from data_prep.schemas.build import SchemaOptions, check_per_sample, draw_styles, has_coinciding_routes, make_schema
from data_prep.schemas.styles import route_of
from data_prep.training_sets.parquet import SCHEMA_COLUMNS, RowWriter, WriteOptions, row_writer, schema_row
from data_prep.training_sets.set_counts import SetCounts
from mcr.errors import MAX_FAULTS_SHOWN, ConfigError, DataError, raise_faults
from mcr.io.atomic_write import write_json
from mcr.labels import LabelSet
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample
from rewards import RewardOptions, score_completion

CHUNK = 500


@dataclass(slots=True)
class Written:
    """What one chunk of samples gave: rows by set, and what the summary needs of them."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"d1": [], "d2": []})
    num_samples: int = 0
    num_coinciding: int = 0
    summed_reward: float = 0.0
    faults: list[str] = field(default_factory=list)


def schema_rows(
    sample: Sample, settings: PromptSettings, options: SchemaOptions, writing: WriteOptions
) -> Iterator[dict[str, Any]]:
    """Yield `per_sample` rows of one sample, each in another style, the styles drawn by seed.

    Raises:
        DataError: a schema that cannot be written. ConfigError: an image that the family cannot take.
    """
    frame = settings.frame.frame_of(sample)
    for style in draw_styles(options, writing.per_sample, Random(f"{writing.seed}/{sample.id}")):
        schema = make_schema(sample, style, frame, options, writing.seed)
        yield schema_row(sample, settings, style, route_of(style), schema.completion)


def write_chunk(samples: Sequence[Sample], *, settings: PromptSettings, options: SchemaOptions, writing: WriteOptions) -> Written:
    """Return the rows of some samples; what follows from a sample depends on nothing but it, the options and the seed."""
    written = Written(num_samples=len(samples))
    for sample in samples:
        try:
            rows = list(schema_rows(sample, settings, options, writing))
            written.num_coinciding += has_coinciding_routes(sample, settings.frame.frame_of(sample))
        except (DataError, ConfigError) as error:
            written.faults.append(f"sample {sample.id}: {error}")
            continue
        for row in rows:
            written.rows["d2" if writing.is_in_d2(sample.id, row["style"]) else "d1"].append(row)
            written.summed_reward += unrounded_reward(row, options.labels)
    return written


def unrounded_reward(row: dict[str, Any], labels: LabelSet) -> float:
    """Return a schema's total reward against gold that is not rounded to the frame."""
    completion, rules = row["completion"][0]["content"], RewardOptions(labels=labels)
    return score_completion(completion, row["gold"], frame=row["frame"], task=row["task"], options=rules).total


def in_chunks(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    """Yield lists of at most `size` samples."""
    left = iter(samples)
    while chunk := list(islice(left, size)):
        yield chunk


def write_training_sets(
    out: Path,
    samples: Iterable[Sample],
    settings: PromptSettings,
    options: SchemaOptions,
    writing: WriteOptions,
    *,
    num_processes: int = 1,
) -> dict[str, Any]:
    """Write d1.parquet, d2.parquet, the prompt settings and summary.json; return the summary. Samples are read as they come.

    Raises:
        ConfigError: names the settings out of range.
        DataError: lists every sample whose schema cannot be written; no file is left.
    """
    if num_processes < 1:
        raise ConfigError(f"num_processes: got {num_processes}, expected at least 1. Correct it.")
    check_per_sample(writing.per_sample, options)
    work = partial(write_chunk, settings=settings, options=options, writing=writing)
    with row_writer(out / "d1.parquet", SCHEMA_COLUMNS) as d1, row_writer(out / "d2.parquet", SCHEMA_COLUMNS) as d2:
        summary = _write_all({"d1": d1, "d2": d2}, in_chunks(samples, CHUNK), work, num_processes)
    settings.save(out)
    write_json(out / "summary.json", summary)
    return summary


def _write_all(writers: dict[str, RowWriter], chunks: Iterator[list[Sample]], work: Any, num_processes: int) -> dict[str, Any]:
    """Write the rows of all chunks in order and return the summary."""
    counts, reward, num_faults = SetCounts(), 0.0, 0
    faults: list[str] = []
    with tqdm(desc="schemas", unit="sample") as bar:
        for written in _results(chunks, work, num_processes):
            for name, rows in written.rows.items():
                writers[name].write(rows)
                counts.add(name, rows)
            counts.num_coinciding += written.num_coinciding
            reward += written.summed_reward
            num_faults += len(written.faults)
            faults += written.faults[: MAX_FAULTS_SHOWN + 1 - len(faults)]
            bar.update(written.num_samples)
    raise_faults(f"{num_faults} schemas cannot be written", faults)
    num_schemas = counts.schemas.total()
    return counts.summary() | {"rounding_cost": 1 - reward / num_schemas if num_schemas else 0.0}


def _results(chunks: Iterator[list[Sample]], work: Any, num_processes: int) -> Iterator[Written]:
    """Yield what each chunk gave, in order, by several processes, few chunks ahead of what was written."""
    if num_processes == 1:
        yield from map(work, chunks)
        return
    with get_context("spawn").Pool(num_processes) as pool:
        waiting = [pool.apply_async(work, (chunk,)) for chunk in islice(chunks, 2 * num_processes)]
        while waiting:
            yield waiting.pop(0).get()
            waiting += [pool.apply_async(work, (chunk,)) for chunk in islice(chunks, 1)]
