"""Samples to training sets: D1 with reasoning schemas for MRSI, D2 with prompts alone for CVO.

python -m data_prep.write_schemas --samples data/gmner/train.jsonl --family qwen2_5_vl --out data/schemas \\
        --styles steps_text_first,steps_image_first,question_answer,brief,narrative --per-sample 2 --d2-share 0.3
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from data_prep.schemas.build import SchemaOptions, draw_styles, make_schema
from data_prep.schemas.styles import ANSWER_ONLY, STYLES
from data_prep.split import split_samples
from mcr.errors import ConfigError, DataError, raise_faults, run_command
from mcr.families import FAMILY_FRAMES, frame_settings
from mcr.formats import ORDERS, WRITERS
from mcr.labels import TWITTER_GMNER
from mcr.prompts import DETAILS, PromptSettings
from mcr.records import Sample
from mcr.samples import read_samples
from rewards import score_completion

CONTENT = pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", CONTENT)]))
GOLD = pa.list_(pa.struct([("text", pa.string()), ("type", pa.string()), ("boxes", pa.list_(pa.list_(pa.float64())))]))
FRAME_FIELDS = [(name, pa.float64()) for name in ("width", "height", "scale_width", "scale_height")]
PROMPT_COLUMNS = [
    ("sample_id", pa.string()),
    ("prompt", MESSAGES),
    ("images", pa.list_(pa.string())),
    ("gold", GOLD),
    ("frame", pa.struct([("kind", pa.string()), *FRAME_FIELDS])),
]
SCHEMA_COLUMNS = [
    *PROMPT_COLUMNS,
    ("style", pa.string()),
    ("completion", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
]


def prompt_row(sample: Sample, settings: PromptSettings) -> dict[str, Any]:
    """Return one row of a set of prompts."""
    frame = settings.frame.frame_of(sample)
    return {
        "sample_id": sample.id,
        "prompt": settings.prompt_for(sample),
        "images": [image.path for image in sample.images],
        "gold": [entity.to_dict() for entity in sample.entities],
        "frame": frame and frame.to_dict(),
    }


def schema_rows(
    samples: Sequence[Sample], settings: PromptSettings, options: SchemaOptions, *, per_sample: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield `per_sample` rows a sample, each in another style, the styles drawn by seed.

    Raises:
        DataError: lists every sample whose schema cannot be written.
    """
    if not 1 <= per_sample <= len(options.styles):
        raise ConfigError(f"per_sample: got {per_sample}, expected 1 to {len(options.styles)}, the number of styles.")
    faults = []
    for sample in tqdm(samples, desc="schemas", unit="sample"):
        try:
            row, frame = prompt_row(sample, settings), settings.frame.frame_of(sample)
        except ConfigError as error:
            faults.append(f"sample {sample.id}: {error}")
            continue
        for style in draw_styles(options, per_sample, Random(f"{seed}/{sample.id}")):
            try:
                schema = make_schema(sample, style, frame, options, seed)
            except DataError as error:
                faults.append(str(error))
                continue
            yield row | {"style": style, "completion": [{"role": "assistant", "content": schema.completion}]}
    raise_faults(f"{len(faults)} schemas cannot be written", faults)


def write_parquet(path: Path, rows: Sequence[dict[str, Any]], columns: list[tuple[str, pa.DataType]]) -> None:
    """Write rows as Parquet, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(columns)), partial)
    os.replace(partial, path)


def rounding_cost(rows: Sequence[dict[str, Any]]) -> float:
    """Return 1 - mean total reward of the schemas against gold that is not rounded: what the frame's rounding costs."""
    totals = [score_completion(r["completion"][0]["content"], r["gold"], frame=r["frame"]).total for r in rows]
    return 1 - sum(totals) / len(totals) if totals else 0.0


def write_training_sets(
    out: Path,
    samples: Sequence[Sample],
    settings: PromptSettings,
    options: SchemaOptions,
    *,
    per_sample: int,
    d2_share: float,
    seed: int,
) -> dict[str, Any]:
    """Write d1.parquet, d2.parquet, the prompt settings and summary.json; return the summary."""
    d1, d2 = split_samples(samples, d2_share, seed)
    rows = list(schema_rows(d1, settings, options, per_sample=per_sample, seed=seed))
    write_parquet(out / "d1.parquet", rows, SCHEMA_COLUMNS)
    write_parquet(out / "d2.parquet", [prompt_row(sample, settings) for sample in d2], PROMPT_COLUMNS)
    settings.save(out)
    summary = {
        "d1_samples": len(d1),
        "d1_schemas": len(rows),
        "d2_prompts": len(d2),
        "schemas_by_style": dict(sorted(Counter(row["style"] for row in rows).items())),
        "rounding_cost": rounding_cost(rows),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


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
    summary = write_training_sets(
        args.out,
        read_samples(args.samples),
        settings,
        options,
        per_sample=args.per_sample,
        d2_share=args.d2_share,
        seed=args.seed,
    )
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    run_command(main)
