"""Samples to training sets: D1 with reasoning schemas for MRSI, D2 with prompts alone for CVO.

python -m data_prep.write_schemas --samples data/gmner/train.jsonl --family qwen2_5_vl --out data/schemas \\
        --styles steps_text_first,steps_image_first,question_answer,brief,narrative --per-sample 2 --d2-share 0.3
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from data_prep.parquet import PROMPT_COLUMNS, SCHEMA_COLUMNS, RowWriter, WriteOptions, prompt_row
from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.asked_sets import dry_run, write_asked_sets
from data_prep.schemas.build import SchemaOptions, draw_styles, make_schema
from data_prep.schemas.endpoint_writer import EndpointWriter
from data_prep.schemas.styles import ANSWER_ONLY, STYLES
from data_prep.schemas.tally import Tally
from data_prep.split import is_held_back
from mcr.endpoint import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.errors import MAX_FAULTS_SHOWN, ConfigError, DataError, raise_faults, run_command
from mcr.families import FAMILY_FRAMES, frame_settings
from mcr.formats import ORDERS, WRITERS
from mcr.labels import TWITTER_GMNER
from mcr.prompts import DETAILS, PromptSettings
from mcr.records import Sample
from mcr.samples import iter_samples
from mcr.whole_file import write_json
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
        DataError: lists every sample whose schema cannot be written; no file is left.
    """
    if not 1 <= writing.per_sample <= len(options.styles) or num_processes < 1 or not 0 <= writing.d2_share <= 1:
        raise ConfigError(
            f"per_sample: got {writing.per_sample}, expected 1 to {len(options.styles)}, the number of styles; d2_share: got "
            f"{writing.d2_share}, expected 0 to 1; num_processes: got {num_processes}, expected at least 1."
        )
    work = partial(write_chunk, settings=settings, options=options, writing=writing)
    writers = RowWriter(out / "d1.parquet", SCHEMA_COLUMNS), RowWriter(out / "d2.parquet", PROMPT_COLUMNS)
    try:
        summary = _write_all(writers, in_chunks(samples, CHUNK), work, num_processes)
    except BaseException:
        for writer in writers:
            writer.discard()
        raise
    for writer in writers:
        writer.finish()
    settings.save(out)
    write_json(out / "summary.json", summary)
    return summary


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    """Add what schemas written by models need."""
    group = parser.add_argument_group("schemas written by a model behind an OpenAI-compatible endpoint")
    group.add_argument("--writer", choices=("template", *WRITERS_ASKED), default="template", help="llm sees text, mllm the image")
    group.add_argument("--model", help="what the endpoint calls it")
    group.add_argument("--base-url", help="e.g. http://localhost:8000/v1")
    group.add_argument("--api-key-env", default="OPENAI_API_KEY", help="environment variable that holds the key")
    group.add_argument("--image-root", type=Path, help="folder that the image paths start from, for mllm")
    group.add_argument("--cache", type=Path, help="file of replies (default: replies.sqlite in --out)")
    group.add_argument("--max-asks", type=int, default=3, help="replies looked at before a template takes over")
    group.add_argument("--max-tokens", type=int, default=512, help="of a reply")
    group.add_argument("--temperature", type=float, default=0.7)
    group.add_argument("--max-concurrency", type=int, default=8, help="requests at once")
    group.add_argument(
        "--max-retries", type=int, default=6, help="after 408, 409, 429, 5xx, broken connections, senseless replies"
    )
    group.add_argument("--price-in", type=float, default=0.0, help="per million prompt tokens, for the progress bar")
    group.add_argument("--price-out", type=float, default=0.0, help="per million completion tokens")
    group.add_argument("--dry-run", action="store_true", help="tell requests and tokens, ask nothing")


WRITERS_ASKED = {
    name: [style for style, one in ASKED_STYLES.items() if one.needs_image == (name == "mllm")] for name in ("llm", "mllm")
}


def ask_for_schemas(
    args: argparse.Namespace, samples: Iterable[Sample], settings: PromptSettings, writing: WriteOptions
) -> dict[str, Any]:
    """Have a model write the schemas, or tell what that would take."""
    if not args.model or not args.base_url:
        raise ConfigError(f"--writer {args.writer}: needs --model and --base-url.")
    if args.writer == "mllm" and args.image_root is None:
        raise ConfigError("--writer mllm: needs --image-root, the folder that the image paths start from.")
    endpoint_settings = EndpointSettings(
        args.model, args.base_url, args.api_key_env, max_concurrency=args.max_concurrency, max_retries=args.max_retries
    )
    styles = WRITERS_ASKED[args.writer]
    writing = replace(writing, per_sample=min(writing.per_sample, len(styles)))
    writer = EndpointWriter(
        ChatEndpoint(endpoint_settings, ReplyCache(args.cache or args.out / "replies.sqlite")),
        settings.frame.frame_of,
        args.image_root,
        max_asks=args.max_asks,
        max_tokens=args.max_tokens,
        temperature=args.temperature,
        seed=args.seed,
    )
    if args.dry_run:
        return dry_run(samples, writer, styles, writing)
    tally = Tally(args.price_in, args.price_out)
    return write_asked_sets(args.out, samples, settings, writer, styles, writing, tally)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the training sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl of the training split")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for d1.parquet, d2.parquet, mcr_prompt.json, summary.json"
    )
    parser.add_argument("--family", choices=sorted(FAMILY_FRAMES), required=True, help="whose frame boxes are written in")
    parser.add_argument("--factor", type=int, help="of smart_resize, where the processor's differs from the family's")
    parser.add_argument("--min-pixels", type=int, help="likewise")
    parser.add_argument("--max-pixels", type=int, help="likewise")
    parser.add_argument(
        "--styles", type=_names, default=tuple(s for s in STYLES if s != ANSWER_ONLY), help=f"of {', '.join(STYLES)}"
    )
    parser.add_argument("--per-sample", type=int, default=2, help="schemas a sample, each in another style")
    parser.add_argument(
        "--shares", type=_numbers, default=(), help="how often each style is drawn, e.g. 2,3 (default: all alike)"
    )
    parser.add_argument("--d2-share", type=float, default=0.3, help="share of samples kept back for CVO")
    parser.add_argument("--labels", type=_names, default=TWITTER_GMNER, help="label set shown in the prompt")
    parser.add_argument("--detail", choices=DETAILS, default="full", help="of the prompt; plain leaves out checks and cautions")
    parser.add_argument("--answer-formats", type=_names, default=tuple(WRITERS), help=f"of {', '.join(WRITERS)}")
    parser.add_argument("--fixed-order", action="store_true", help="entities as in the text, parts as text, type, location")
    parser.add_argument("--phrasings", type=int, default=3, help="phrasings of each step, shortest first")
    parser.add_argument("--all-boxes", action="store_true", help="write every gold box of an entity, not the largest alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num-processes", type=int, default=1, help="at work at once; the output does not depend on it")
    add_endpoint_flags(parser)
    args = parser.parse_args(argv)
    frame = frame_settings(args.family, factor=args.factor, min_pixels=args.min_pixels, max_pixels=args.max_pixels)
    settings = PromptSettings(args.labels, frame, args.detail, is_reasoned=args.styles != (ANSWER_ONLY,))
    options = SchemaOptions(
        styles=args.styles,
        answer_formats=args.answer_formats,
        orders=ORDERS[:1] if args.fixed_order else ORDERS,
        num_phrasings=args.phrasings,
        shuffle_entities=not args.fixed_order,
        all_boxes=args.all_boxes,
        shares=args.shares,
    )
    writing = WriteOptions(args.per_sample, args.d2_share, args.seed)
    samples = iter_samples(args.samples)
    if args.writer != "template":
        print(json.dumps(ask_for_schemas(args, samples, settings, writing), indent=2))
        return
    summary = write_training_sets(args.out, samples, settings, options, writing, num_processes=args.num_processes)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    run_command(main)
