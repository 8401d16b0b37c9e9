"""Samples to training sets: D1 with reasoning schemas for MRSI, D2 with prompts alone for CVO.

mcr write-schemas --samples data/gmner/train.jsonl --family qwen2_5_vl --output_dir data/schemas \\
        --styles steps_text_first,steps_image_first,question_answer,brief,narrative --per_sample 2 --d2_share 0.3
"""

import argparse
import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from data_prep.schemas.ask import ASKED_FORMATS, ASKED_STYLES
from data_prep.schemas.asked_sets import dry_run, write_asked_sets
from data_prep.schemas.build import SchemaOptions
from data_prep.schemas.endpoint_writer import EndpointWriter
from data_prep.schemas.gate import GATE_LEVELS
from data_prep.schemas.styles import ANSWER_ONLY, STYLES, TEMPLATES
from data_prep.schemas.tally import Tally
from data_prep.schemas.template_sets import write_training_sets
from data_prep.training_sets.parquet import WriteOptions
from mcr.endpoint.client import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.errors import ConfigError, DataError, closest, run_command
from mcr.families import FAMILIES, frame_settings
from mcr.formats.answers import ANSWER_FORMATS, ORDERS
from mcr.io.samples import iter_samples
from mcr.labels import labels_of, load_labels
from mcr.prompts.settings import DETAILS, PromptSettings
from mcr.records import Sample
from mcr.runs.command_line import CommandParser
from mcr.systems import system_named


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    """Add what schemas written by models need."""
    group = parser.add_argument_group("schemas written by a model behind an OpenAI-compatible endpoint")
    group.add_argument("--writer", choices=("template", *WRITERS_ASKED), default="template", help="llm sees text, mllm the image")
    group.add_argument("--model", help="what the endpoint calls it")
    group.add_argument("--base_url", help="e.g. http://localhost:8000/v1")
    group.add_argument("--api_key_env", default="OPENAI_API_KEY", help="environment variable that holds the key")
    group.add_argument("--image_root", type=Path, help="folder that the image paths start from, for mllm")
    group.add_argument("--cache", type=Path, help="file of replies (default: replies.sqlite in --output_dir)")
    group.add_argument("--max_asks", type=int, default=3, help="replies looked at before a template takes over")
    group.add_argument(
        "--gate", choices=GATE_LEVELS, default="answer", help="what replies must pass; strict rejects unknown names and verdicts"
    )
    group.add_argument("--max_new_tokens", type=int, default=512, help="of a reply")
    group.add_argument("--temperature", type=float, default=0.7)
    group.add_argument("--max_concurrency", type=int, default=8, help="requests at once")
    group.add_argument(
        "--max_retries", type=int, default=6, help="after 408, 409, 429, 5xx, broken connections, senseless replies"
    )
    group.add_argument("--price_in", type=float, default=0.0, help="per million prompt tokens, for the progress bar")
    group.add_argument("--price_out", type=float, default=0.0, help="per million completion tokens")
    group.add_argument("--dry_run", action="store_true", help="tell requests and tokens, ask nothing")


WRITERS_ASKED = {
    name: tuple(style for style, one in ASKED_STYLES.items() if one.needs_image == (name == "mllm")) for name in ("llm", "mllm")
}
DEFAULT_STYLES = {"template": tuple(name for name, style in TEMPLATES.items() if style.is_default)} | {
    writer: tuple(style for style in styles if ASKED_STYLES[style].is_default) for writer, styles in WRITERS_ASKED.items()
}
PER_SAMPLE = 2


def ask_for_schemas(
    args: argparse.Namespace, samples: Iterable[Sample], settings: PromptSettings, writing: WriteOptions
) -> dict[str, Any]:
    """Have a model write the schemas, or tell what that would take."""
    if not args.model or not args.base_url:
        raise ConfigError(f"--writer {args.writer}: needs --model and --base_url.")
    if args.writer == "mllm" and args.image_root is None:
        raise ConfigError("--writer mllm: needs --image_root, the folder that the image paths start from.")
    endpoint_settings = EndpointSettings(
        args.model, args.base_url, args.api_key_env, max_concurrency=args.max_concurrency, max_retries=args.max_retries
    )
    writer = EndpointWriter(
        ChatEndpoint(endpoint_settings, ReplyCache(args.cache or args.output_dir / "replies.sqlite")),
        settings.frame.frame_of,
        args.image_root,
        max_asks=args.max_asks,
        max_new_tokens=args.max_new_tokens,
        temperature=args.temperature,
        seed=args.seed,
        answer_formats=args.answer_formats,
        all_boxes=args.all_boxes,
        gate=args.gate,
    )
    if args.dry_run:
        return dry_run(samples, writer, args.styles, writing)
    tally = Tally(args.price_in, args.price_out)
    return write_asked_sets(args.output_dir, samples, settings, writer, args.styles, writing, tally)


def choose(args: argparse.Namespace, dataset: str) -> None:
    """Fill in what follows from the writer and the dataset, in place.

    Raises:
        ConfigError: a style or format that the writer does not have, a flag that would change nothing.
    """
    is_template = args.writer == "template"
    if args.system is not None:
        system = system_named(args.system)
        theirs = system.template_styles if is_template else set(system.asked_styles) & set(WRITERS_ASKED[args.writer])
        if not theirs:
            raise ConfigError(f"--system: {args.system} has no style for --writer {args.writer}. Leave --system out.")
        args.styles = args.styles or tuple(sorted(theirs))
        args.answer_formats = args.answer_formats or system.answer_formats
    known = STYLES if is_template else WRITERS_ASKED[args.writer]
    wrong = [style for style in args.styles or () if style not in known]
    if wrong:
        told = ", ".join(f"{style}{closest(style, known)}" for style in wrong)
        raise ConfigError(f"--styles: got {told}, expected some of {', '.join(known)} (--writer {args.writer}).")
    idle = {
        "--shares": args.shares,
        "--fixed_order": args.fixed_order,
        "--phrasings": args.phrasings is not None,
        "--num_processes": args.num_processes != 1,
    }
    idle = [] if is_template else [flag for flag, value in idle.items() if value]
    if idle:
        raise ConfigError(f"{', '.join(idle)}: change nothing with --writer {args.writer}. Leave them out.")
    if is_template and args.dry_run:
        raise ConfigError("--dry_run: is for --writer llm and mllm. Leave it out.")
    args.styles = args.styles or DEFAULT_STYLES[args.writer]
    args.per_sample = min(PER_SAMPLE, len(args.styles)) if args.per_sample is None else args.per_sample
    args.answer_formats = args.answer_formats or (tuple(ANSWER_FORMATS) if is_template else ASKED_FORMATS)
    if not set(args.answer_formats) <= set(ANSWER_FORMATS):
        raise ConfigError(
            f"--answer_formats: got {', '.join(args.answer_formats)}, expected some of {', '.join(ANSWER_FORMATS)}."
        )
    args.labels = load_labels(args.labels) if args.labels else labels_of(dataset)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the training sets."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl of the training split")
    parser.add_argument(
        "--output_dir", type=Path, required=True, help="folder for d1.parquet, d2.parquet, mcr_prompt.json, summary.json"
    )
    parser.add_argument("--family", choices=list(FAMILIES), required=True, help="whose frame boxes are written in")
    parser.add_argument("--factor", type=int, help="of smart_resize, where the processor's differs from the family's")
    parser.add_argument("--min_pixels", type=int, help="likewise")
    parser.add_argument("--max_pixels", type=int, help="likewise")
    asked = "; ".join(f"of {name} {', '.join(styles)}" for name, styles in WRITERS_ASKED.items())
    parser.add_argument("--styles", type=_names, help=f"of templates {', '.join(STYLES)}; {asked}")
    parser.add_argument("--system", help="its styles and answer formats, where --styles and --answer_formats are not given")
    parser.add_argument("--per_sample", type=int, help="schemas a sample, each in another style (default: 2, or 1 of one style)")
    parser.add_argument(
        "--shares", type=_numbers, default=(), help="how often each style is drawn, e.g. 2,3 (default: all alike)"
    )
    parser.add_argument("--d2_share", type=float, default=0.3, help="share of samples kept back for CVO")
    parser.add_argument("--labels", help="label set shown in the prompt: a name, a YAML file, or A,B,C (default: the dataset's)")
    parser.add_argument("--detail", choices=DETAILS, default="full", help="of the prompt; plain leaves out checks and cautions")
    parser.add_argument("--answer_formats", type=_names, help=f"of {', '.join(ANSWER_FORMATS)}")
    parser.add_argument("--fixed_order", action="store_true", help="entities as in the text, parts as text, type, location")
    parser.add_argument("--phrasings", type=int, help="phrasings of each step, shortest first (default: 3)")
    parser.add_argument("--all_boxes", action="store_true", help="write every gold box of an entity, not the largest alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_processes", type=int, default=1, help="at work at once; the output does not depend on it")
    add_endpoint_flags(parser)
    args = parser.parse_args(argv)
    samples = iter_samples(args.samples)
    first = next(samples, None)
    if first is None:
        raise DataError(f"--samples: {args.samples} holds no sample. Check the file.")
    choose(args, first.dataset)
    frame = frame_settings(args.family, factor=args.factor, min_pixels=args.min_pixels, max_pixels=args.max_pixels)
    settings = PromptSettings(args.labels, frame, args.detail, is_reasoned=args.styles != (ANSWER_ONLY,))
    writing = WriteOptions(args.per_sample, args.d2_share, args.seed)
    samples = chain([first], samples)
    if args.writer != "template":
        print(json.dumps(ask_for_schemas(args, samples, settings, writing), indent=2))
        return
    options = SchemaOptions(
        styles=args.styles,
        answer_formats=args.answer_formats,
        orders=ORDERS[:1] if args.fixed_order else ORDERS,
        num_phrasings=3 if args.phrasings is None else args.phrasings,
        shuffle_entities=not args.fixed_order,
        all_boxes=args.all_boxes,
        shares=args.shares,
    )
    summary = write_training_sets(args.output_dir, samples, settings, options, writing, num_processes=args.num_processes)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    run_command(main)
