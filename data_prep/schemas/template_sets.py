"""Training sets whose schemas are templates: D1 and D2, chunk by chunk, by one process or several, the same rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from data_prep.schemas.build import SchemaOptions, draw_styles, make_schema
from data_prep.training_sets.parquet import PROMPT_COLUMNS, SCHEMA_COLUMNS, RowWriter, WriteOptions, prompt_row, row_writer
from data_prep.training_sets.split import is_held_back
from mcr.errors import MAX_FAULTS_SHOWN, ConfigError, DataError, raise_faults
from mcr.io.atomic_write import write_json
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample
from rewards import score_completion

CHUNK = 500


@dataclass(slots=True)
class Written:
    """What one chunk of samples gave: rows, and what the summary needs of them."""

    d1: list[dict[str, Any]] = field(default_factory=list)
    d2: list[dict[str, Any]] = field(default_factory=list)
    num_d1_samples: int = 0
    summed_reward: float = 0.0
    faults: list[str] = field(default_factory=list)


def schema_rows(
    sample: Sample, settings: PromptSettings, options: SchemaOptions, writing: WriteOptions
) -> Iterator[dict[str, Any]]:
    """Yield `per_sample` rows of one sample, each in another style, the styles drawn by seed.

    Raises:
        DataError: a schema that cannot be written. ConfigError: an image that the family cannot take.
    """
    row, frame = prompt_row(sample, settings), settings.frame.frame_of(sample)
    for style in draw_styles(options, writing.per_sample, Random(f"{writing.seed}/{sample.id}")):
        schema = make_schema(sample, style, frame, options, writing.seed)
        yield row | {"style": style, "completion": [{"role": "assistant", "content": schema.completion}]}


def write_chunk(samples: Sequence[Sample], *, settings: PromptSettings, options: SchemaOptions, writing: WriteOptions) -> Written:
    """Return the rows of some samples; what follows from a sample depends on nothing but it, the options and the seed."""
    written = Written()
    for sample in samples:
        try:
            if is_held_back(sample.id, writing.d2_share, writing.seed):
                written.d2.append(prompt_row(sample, settings))
                continue
            written.num_d1_samples += 1
            rows = list(schema_rows(sample, settings, options, writing))
        except (DataError, ConfigError) as error:
            written.faults.append(f"sample {sample.id}: {error}")
            continue
        written.d1 += rows
        written.summed_reward += sum(unrounded_reward(row) for row in rows)
    return written


def unrounded_reward(row: dict[str, Any]) -> float:
    """Return a schema's total reward against gold that is not rounded to the frame."""
    return score_completion(row["completion"][0]["content"], row["gold"], frame=row["frame"], task=row["task"]).total


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
    _check_ranges(writing, num_processes, len(options.styles))
    work = partial(write_chunk, settings=settings, options=options, writing=writing)
    with row_writer(out / "d1.parquet", SCHEMA_COLUMNS) as d1, row_writer(out / "d2.parquet", PROMPT_COLUMNS) as d2:
        summary = _write_all((d1, d2), in_chunks(samples, CHUNK), work, num_processes)
    settings.save(out)
    write_json(out / "summary.json", summary)
    return summary


def _check_ranges(writing: WriteOptions, num_processes: int, num_styles: int) -> None:
    faults = []
    if not 1 <= writing.per_sample <= num_styles:
        faults.append(f"per_sample: got {writing.per_sample}, expected 1 to {num_styles}, the number of styles")
    if not 0 <= writing.d2_share <= 1:
        faults.append(f"d2_share: got {writing.d2_share}, expected 0 to 1")
    if num_processes < 1:
        faults.append(f"num_processes: got {num_processes}, expected at least 1")
    if faults:
        raise ConfigError(f"{'; '.join(faults)}. Correct {'it' if len(faults) == 1 else 'them'}.")


def _write_all(
    writers: tuple[RowWriter, RowWriter], chunks: Iterator[list[Sample]], work: Any, num_processes: int
) -> dict[str, Any]:
    """Write the rows of all chunks in order and return the summary."""
    counts, styles, reward = Counter(), Counter(), 0.0
    faults: list[str] = []
    with tqdm(desc="schemas", unit="sample") as bar:
        for written in _results(chunks, work, num_processes):
            writers[0].write(written.d1)
            writers[1].write(written.d2)
            styles.update(row["style"] for row in written.d1)
            counts.update(d1_samples=written.num_d1_samples, d1_schemas=len(written.d1), d2_prompts=len(written.d2))
            reward += written.summed_reward
            counts["faults"] += len(written.faults)
            faults += written.faults[: MAX_FAULTS_SHOWN + 1 - len(faults)]
            bar.update(written.num_d1_samples + len(written.d2))
    raise_faults(f"{counts['faults']} schemas cannot be written", faults)
    return {
        **{name: counts[name] for name in ("d1_samples", "d1_schemas", "d2_prompts")},
        "schemas_by_style": dict(sorted(styles.items())),
        "rounding_cost": 1 - reward / counts["d1_schemas"] if counts["d1_schemas"] else 0.0,
    }


def _results(chunks: Iterator[list[Sample]], work: Any, num_processes: int) -> Iterator[Written]:
    """Yield what each chunk gave, in order, by so many processes, few chunks ahead of what was written."""
    if num_processes == 1:
        yield from map(work, chunks)
        return
    with get_context("spawn").Pool(num_processes) as pool:
        waiting = [pool.apply_async(work, (chunk,)) for chunk in islice(chunks, 2 * num_processes)]
        while waiting:
            yield waiting.pop(0).get()
            waiting += [pool.apply_async(work, (chunk,)) for chunk in islice(chunks, 1)]
