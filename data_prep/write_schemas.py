"""Samples to training sets: D_R, reasoning schemas written from gold labels, divided into D1 for MRSI and D2 for CVO.

mcr write-schemas --samples data/gmner/train.jsonl --family qwen2_5_vl --output_dir data/schemas \\
        [--styles steps_text_first,steps_image_first,llm_questions,llm_conclusions,mllm_distilled --teachers teachers.yaml]
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.asked_sets import dry_run, write_asked_sets
from data_prep.schemas.build import SchemaOptions
from data_prep.schemas.endpoint_writer import EndpointWriter
from data_prep.schemas.gate import GATE_LEVELS
from data_prep.schemas.styles import ANSWER_ONLY, STYLES, TEMPLATES, route_of
from data_prep.schemas.teachers import Teachers, read_teachers
from data_prep.schemas.template_sets import write_training_sets
from data_prep.training_sets.parquet import WriteOptions
from data_prep.training_sets.split import SPLITS
from mcr.endpoint.client import ChatEndpoint, ReplyCache
from mcr.errors import ConfigError, DataError, closest, run_command
from mcr.families import FAMILIES, frame_settings
from mcr.formats.answers import ANSWER_FORMATS, ORDERS
from mcr.io.samples import iter_samples
from mcr.knowledge.known_texts import read_knowledge
from mcr.labels import labels_of, load_labels
from mcr.prompts.routes import Route
from mcr.prompts.settings import DETAILS, PromptSettings
from mcr.records import Sample, collapse_space
from mcr.runs.command_line import CommandParser
from mcr.staged.with_context import known_entities
from mcr.systems import system_named

PER_SAMPLE = 2
NUM_PHRASINGS = 3
TAGGED_STYLES = ("steps_text_first", "steps_image_first")  # MCR's two routes of templates; teachers write the others
TEMPLATE_STYLES = tuple(name for name, style in TEMPLATES.items() if style.is_default)
INSTRUCTIONS = ("route", "common")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def add_teacher_flags(parser: argparse.ArgumentParser) -> None:
    """Add what schemas written by models need."""
    group = parser.add_argument_group("schemas written by models behind OpenAI-compatible endpoints")
    group.add_argument("--teachers", type=Path, help="YAML file: the models and the styles that each of them writes")
    group.add_argument("--image_root", type=Path, help="folder that the image paths start from, for teachers that see images")
    group.add_argument("--cache", type=Path, help="file of replies (default: replies.sqlite in --output_dir)")
    group.add_argument("--max_asks", type=int, default=3, help="replies looked at before a template takes over")
    group.add_argument(
        "--gate", choices=GATE_LEVELS, default="answer", help="what replies must pass; strict rejects unknown names and verdicts"
    )
    group.add_argument("--max_new_tokens", type=int, default=512, help="of a reply")
    group.add_argument("--temperature", type=float, default=0.7)
    group.add_argument(
        "--max_retries", type=int, default=6, help="after 408, 409, 429, 5xx, broken connections, senseless replies"
    )
    group.add_argument("--dry_run", action="store_true", help="report requests and tokens, ask nothing")


def add_schema_flags(parser: argparse.ArgumentParser) -> None:
    """Add what schemas look like."""
    styles = f"of templates {', '.join(STYLES)}; of teachers {', '.join(ASKED_STYLES)}"
    parser.add_argument("--styles", type=_names, help=f"{styles}; the first one's route is asked for at evaluation")
    parser.add_argument("--single_style", help="one style, answer format, order and phrasing (MCR Table 3, w/o D_R)")
    parser.add_argument("--system", help="its styles and answer formats, where --styles and --answer_formats are not given")
    parser.add_argument("--per_sample", type=int, help="schemas a sample, each in another style (default: 2, or 1 of one style)")
    parser.add_argument(
        "--shares", type=_numbers, default=(), help="how often each style is drawn, e.g. 2,3 (default: all alike)"
    )
    parser.add_argument("--answer_formats", type=_names, help=f"of {', '.join(ANSWER_FORMATS)}")
    parser.add_argument("--fixed_order", action="store_true", help="entities as in the text, parts as text, type, location")
    parser.add_argument("--phrasings", type=int, help=f"phrasings of each step, shortest first (default: {NUM_PHRASINGS})")
    parser.add_argument("--all_boxes", action="store_true", help="write every gold box of an entity, not the largest alone")


def add_prompt_flags(parser: argparse.ArgumentParser) -> None:
    """Add what decides the prompt."""
    parser.add_argument("--family", choices=list(FAMILIES), required=True, help="whose frame boxes are written in")
    parser.add_argument("--factor", type=int, help="of smart_resize, where the processor's differs from the family's")
    parser.add_argument("--min_pixels", type=int, help="likewise")
    parser.add_argument("--max_pixels", type=int, help="likewise")
    parser.add_argument("--labels", help="label set shown in the prompt: a name, a YAML file, or A,B,C (default: the dataset's)")
    parser.add_argument("--detail", choices=DETAILS, default="full", help="of the prompt; plain leaves out checks and cautions")
    parser.add_argument(
        "--instruction", choices=INSTRUCTIONS, default="route", help="route: each route's own (MCR C.1); common: one for all"
    )


def read_flags(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl of the training split")
    parser.add_argument(
        "--output_dir", type=Path, required=True, help="folder for d1.parquet, d2.parquet, mcr_prompt.json, summary.json"
    )
    parser.add_argument(
        "--knowledge",
        type=Path,
        help="knowledge.jsonl that says what entities are (mcr ask-appearance, mcr ask-knowledge expansions)",
    )
    parser.add_argument("--d2_share", type=float, default=0.3, help="share of D_R that goes to D2, for CVO")
    parser.add_argument("--split", choices=SPLITS, default="sample", help="what is divided into D1 and D2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_processes", type=int, default=1, help="at work once templates alone write; output does not change")
    add_prompt_flags(parser)
    add_schema_flags(parser)
    add_teacher_flags(parser)
    return parser.parse_args(argv)


def with_knowledge(samples: Iterable[Sample], path: Path | None) -> Iterator[Sample]:
    """Yield samples with what a file says of their gold entities; it replaces what they have of their own.

    Raises:
        DataError: the file says nothing of any entity of these samples.
    """
    if path is None:
        yield from samples
        return
    known, num = known_entities(read_knowledge(path)), 0
    for sample in samples:
        texts = {entity.text: known.get((sample.id, collapse_space(entity.text))) for entity in sample.entities}
        told = {text: looks for text, looks in texts.items() if looks is not None}
        num += len(told)
        yield replace(sample, knowledge=tuple({**dict(sample.knowledge), **told}.items()))
    if not num:
        raise DataError(f"--knowledge: {path} says nothing of any entity of these samples. Give that of their split.")


def choose(args: argparse.Namespace, teachers: Teachers | None) -> SchemaOptions:
    """Return the options of the schemas, filled in with what follows from the system, the teachers and a single style.

    Raises:
        ConfigError: styles or formats that do not exist or do not go together, a flag that would change nothing.
    """
    choose_single_style(args)
    if args.system is not None:
        system = system_named(args.system)
        theirs = system.asked_styles if teachers else system.template_styles
        if not theirs:
            raise ConfigError(
                f"--system: {args.system} has no style for {'teachers' if teachers else 'templates'}. Leave it out."
            )
        args.styles = args.styles or tuple(sorted(theirs))
        args.answer_formats = args.answer_formats or system.answer_formats
    args.styles = args.styles or ((*TAGGED_STYLES, *teachers.styles) if teachers else TEMPLATE_STYLES)
    check_styles(args.styles, teachers)
    args.per_sample = min(PER_SAMPLE, len(args.styles)) if args.per_sample is None else args.per_sample
    args.answer_formats = args.answer_formats or tuple(ANSWER_FORMATS)
    if not set(args.answer_formats) <= set(ANSWER_FORMATS):
        raise ConfigError(
            f"--answer_formats: got {', '.join(args.answer_formats)}, expected some of {', '.join(ANSWER_FORMATS)}."
        )
    return SchemaOptions(
        styles=args.styles,
        answer_formats=args.answer_formats,
        orders=ORDERS[:1] if args.fixed_order else ORDERS,
        num_phrasings=NUM_PHRASINGS if args.phrasings is None else args.phrasings,
        shuffle_entities=not args.fixed_order,
        all_boxes=args.all_boxes,
        shares=args.shares,
        labels=args.labels,
    )


def choose_single_style(args: argparse.Namespace) -> None:
    """Fill in what --single_style means, in place: one style, one format, one order, one phrasing."""
    if args.single_style is None:
        return
    given = {"--styles": args.styles, "--per_sample": args.per_sample, "--fixed_order": args.fixed_order}
    given |= {"--phrasings": args.phrasings, "--shares": args.shares}
    idle = [flag for flag, value in given.items() if value]
    if idle or len(args.answer_formats or ("rows",)) > 1:
        raise ConfigError(
            f"--single_style: means one style, answer format, order and phrasing; got {', '.join(idle) or '--answer_formats'}, "
            "too. Leave one of them out."
        )
    args.styles, args.per_sample, args.fixed_order, args.phrasings = (args.single_style,), 1, True, 1
    args.answer_formats = args.answer_formats or ("rows",)


def check_styles(styles: tuple[str, ...], teachers: Teachers | None) -> None:
    """Raise ConfigError for styles that do not exist, have no teacher, or do not go together."""
    known = (*STYLES, *ASKED_STYLES)
    wrong = [style for style in styles if style not in known]
    if wrong:
        named = ", ".join(f"{style}{closest(style, known)}" for style in wrong)
        raise ConfigError(f"--styles: got {named}, expected some of {', '.join(known)}.")
    alone = [style for style in styles if style in ASKED_STYLES and (teachers is None or style not in teachers.styles)]
    if alone:
        raise ConfigError(f"--styles: {', '.join(alone)} need a teacher. Name a file with --teachers that says who writes them.")
    if ANSWER_ONLY in styles and len(styles) > 1:
        raise ConfigError(
            f"--styles: {ANSWER_ONLY} goes with no other style, as its prompt asks for no reasoning. Write it alone."
        )
    if teachers is not None and not set(styles) & set(ASKED_STYLES):
        raise ConfigError(f"--teachers: none of {', '.join(styles)} is written by a teacher. Leave it out, or change --styles.")


def routes_of(styles: tuple[str, ...]) -> tuple[Route, ...]:
    """Return the routes of styles in their order, each once."""
    routes = (ASKED_STYLES[style].route if style in ASKED_STYLES else route_of(style) for style in styles)
    return tuple(dict.fromkeys(route for route in routes if route is not None))


def ask_teachers(
    args: argparse.Namespace,
    samples: Iterable[Sample],
    settings: PromptSettings,
    options: SchemaOptions,
    writing: WriteOptions,
    teachers: Teachers,
) -> dict[str, Any]:
    """Have teachers write their styles, templates the others, or report what that would take."""
    if args.image_root is None and any(ASKED_STYLES[style].needs_image for style in args.styles if style in ASKED_STYLES):
        raise ConfigError("--image_root: teachers that see images need the folder that the image paths start from.")
    cache = ReplyCache(args.cache or args.output_dir / "replies.sqlite")
    named = {name for style in args.styles for name in teachers.styles.get(style, ())}
    endpoints = {name: ChatEndpoint(teachers.by_name[name].endpoint_settings(args.max_retries), cache) for name in sorted(named)}
    writer = EndpointWriter(
        teachers,
        endpoints,
        settings.frame,
        options,
        args.image_root,
        max_asks=args.max_asks,
        max_new_tokens=args.max_new_tokens,
        temperature=args.temperature,
        seed=args.seed,
        gate=args.gate,
    )
    if args.dry_run:
        return dry_run(samples, writer, writing)
    return write_asked_sets(args.output_dir, samples, settings, writer, writing)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the training sets."""
    args = read_flags(argv)
    samples = iter_samples(args.samples)
    first = next(samples, None)
    if first is None:
        raise DataError(f"--samples: {args.samples} holds no sample. Check the file.")
    args.labels = load_labels(args.labels) if args.labels else labels_of(first.dataset)
    teachers = read_teachers(args.teachers) if args.teachers else None
    if teachers is None and args.dry_run:
        raise ConfigError("--dry_run: is for --teachers. Leave it out.")
    if teachers is not None and args.num_processes != 1:
        raise ConfigError("--num_processes: changes nothing with --teachers. Leave it out.")
    options = choose(args, teachers)
    frame = frame_settings(args.family, factor=args.factor, min_pixels=args.min_pixels, max_pixels=args.max_pixels)
    routes = routes_of(args.styles) if args.instruction == "route" else ()
    settings = PromptSettings(args.labels, frame, args.detail, args.styles != (ANSWER_ONLY,), routes)
    writing = WriteOptions(args.per_sample, args.d2_share, args.seed, args.split)
    samples = with_knowledge(chain([first], samples), args.knowledge)
    if teachers is not None:
        summary = ask_teachers(args, samples, settings, options, writing, teachers)
    else:
        summary = write_training_sets(args.output_dir, samples, settings, options, writing, num_processes=args.num_processes)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    run_command(main)
