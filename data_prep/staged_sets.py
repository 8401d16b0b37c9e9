"""Training sets of VKEL's two stages, each with its own prompt and answer (III-C 1, III-D 4).

    mcr write-staged names --samples data/fmnerg/train.jsonl [--synthetic data/synthetic.jsonl --synthetic_share 0.8] \\
        --family llava --output_dir data/vkel/names
    mcr write-staged places --samples data/fmnerg/train.jsonl --knowledge knowledge/train.jsonl --regions regions/train.jsonl \\
        --noise_ratio 0.1 --held_out data/fmnerg/dev.jsonl data/fmnerg/test.jsonl --family llava --output_dir data/vkel/places

names: "Kevin Love is a person; ...", coarse types, no boxes. places: fine types and boxes, from a prompt that shows knowledge,
objects and what the first stage named: in training gold's entities, some of them disturbed. direct: fine types and boxes of text
and image alone, the baseline. joint: the rows of names and of places, for one adapter. mcr sft trains on any of these sets.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from data_prep.training_sets.parquet import SCHEMA_COLUMNS, schema_row, write_parquet
from mcr.errors import ConfigError, DataError, raise_faults, run_command
from mcr.families import FAMILIES, frame_settings
from mcr.formats import parse_completion
from mcr.formats.sentences import read_kinds, write_fine_sentences, write_kinds
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import read_knowledge
from mcr.labels import LabelSet, labels_of_samples, load_labels
from mcr.prompts.context import KNOWLEDGE, OBJECTS, PROPOSED
from mcr.prompts.settings import PromptSettings
from mcr.records import Entity, Sample
from mcr.regions.proposed import Proposals, read_regions, regions_of
from mcr.runs.command_line import CommandParser
from mcr.staged.name_noise import UNITS, disturb, refuse_held_out
from mcr.staged.stage_prompts import (
    BRIEF,
    DIRECT,
    JOINT,
    NAMES,
    PLACES,
    PLAIN,
    coarse_labels,
    names_alone,
    names_settings,
    places_settings,
)
from mcr.staged.with_context import TOP_K, known_entities, with_context


def write_names(sample: Sample, settings: PromptSettings) -> str:
    """Return the answer of the first stage to a sample.

    Raises:
        DataError: the answer does not parse back to the sample's entities.
    """
    answer = write_kinds(sample.entities)
    found, problems = read_kinds(answer, settings.labels, sample.sentence)
    if found != list(sample.entities) or problems:
        raise DataError(f"sample {sample.id}: {answer!r} reads back as something else. Leave the sample out.")
    return answer


def num_boxes(entity: Entity) -> int | None:
    """Return how many boxes an entity has; None where the image does not show it."""
    return None if entity.boxes is None else len(entity.boxes)


def write_places(sample: Sample, settings: PromptSettings) -> str:
    """Return the answer of the second stage to a sample.

    Raises:
        DataError: the answer does not parse back to the sample's entities.
    """
    frame = settings.frame.frame_of(sample)
    entities = [entity.in_frame(frame) for entity in sample.entities]
    answer = write_fine_sentences(entities, settings.labels) if entities else "None"
    parsed = parse_completion(answer, sample.task, labels=settings.labels, frame=frame, sentence=sample.sentence)
    wanted, found = ([(one.text, one.type, num_boxes(one)) for one in row] for row in (entities, parsed.entities))
    if wanted != found or parsed.problems:
        raise DataError(f"sample {sample.id}: {answer[:120]!r} reads back as something else. Leave the sample out.")
    return answer


def rows_of(
    asked: Sequence[Sample], settings: PromptSettings, stage: str, write: Callable[[Sample, PromptSettings], str]
) -> list[dict[str, Any]]:
    """Return one row per sample.

    Raises:
        DataError: lists the samples whose answer cannot be written.
    """
    rows, faults = [], []
    for sample in asked:
        try:
            rows.append(schema_row(sample, settings, stage, None, write(sample, settings)))
        except (DataError, ConfigError) as error:
            faults.append(str(error))
    raise_faults(f"{len(faults)} samples cannot be written", faults)
    return rows


def with_synthetic(samples: list[Sample], args: Namespace) -> list[Sample]:
    """Return samples with a share of the synthetic pairs, drawn by seed (VKEL Fig. 9)."""
    if args.synthetic is None:
        return samples
    pairs = load_samples(args.synthetic)
    drawn = Random(f"synthetic/{args.seed}").sample(pairs, round(args.synthetic_share * len(pairs)))
    print(f"{len(samples)} samples and {len(drawn)} of {len(pairs)} synthetic pairs")
    return samples + drawn


def refuse_unknown_types(asked: Sequence[Sample], labels: LabelSet) -> None:
    """Raise ConfigError where samples or synthetic pairs have a type that the first stage's label set lacks."""
    unknown = sorted({one.type for sample in asked for one in sample.entities} - {*labels.labels})
    if unknown:
        known = ", ".join(labels.labels)
        raise ConfigError(f"types {', '.join(unknown)}: expected some of {known}. Name a set with all of them in --labels.")


def names_rows(samples: list[Sample], labels: LabelSet, args: Namespace) -> tuple[PromptSettings, list[dict[str, Any]]]:
    """Return the prompts of the first stage, and its rows."""
    settings = names_settings(labels, frame_settings(args.family), args.detail)
    asked = [names_alone(sample, labels) for sample in with_synthetic(samples, args)]
    refuse_unknown_types(asked, settings.labels)
    return settings, rows_of(asked, settings, NAMES, write_names)


def places_rows(samples: list[Sample], labels: LabelSet, args: Namespace) -> tuple[PromptSettings, list[dict[str, Any]]]:
    """Return the prompts and rows of the second stage. Its prompts show gold names, some of them disturbed (--noise_ratio)."""
    if args.noise_ratio:
        if not args.held_out:
            raise ConfigError("--noise_ratio: noise is for training samples alone. Give --held_out, the dev and test samples.")
        for path in args.held_out:
            refuse_held_out(samples, load_samples(path))
    shows = [name for name, is_given in ((KNOWLEDGE, args.knowledge), (OBJECTS, args.regions), (PROPOSED, True)) if is_given]
    settings = places_settings(labels, frame_settings(args.family), shows, args.detail, args.stage, args.top_k)
    known = known_entities(read_knowledge(args.knowledge)) if args.knowledge else {}
    objects: Mapping[str, Proposals] = {}
    if args.regions:
        objects = {sample.id: found for sample, found in regions_of(samples, read_regions(args.regions), args.top_k)}
    named = [list(names_alone(sample, labels).entities) for sample in samples]
    shown = disturb(named, args.noise_ratio, coarse_labels(labels).labels, args.seed, args.noise_unit)
    asked = [
        with_context(sample, proposed, known, objects.get(sample.id, ()), args.top_k)
        for sample, proposed in zip(samples, shown, strict=True)
    ]
    return settings, rows_of(asked, settings, PLACES, write_places)


def direct_rows(samples: list[Sample], labels: LabelSet, args: Namespace) -> tuple[PromptSettings, list[dict[str, Any]]]:
    """Return the prompts of a model that is tuned on text and image directly (VKEL IV-B 2), and its rows."""
    settings = places_settings(labels, frame_settings(args.family), (), args.detail, DIRECT)
    return settings, rows_of(samples, settings, DIRECT, write_places)


def joint_rows(samples: list[Sample], labels: LabelSet, args: Namespace) -> tuple[PromptSettings, list[dict[str, Any]]]:
    """Return the prompts of the second stage, and the rows of both for one adapter (VKEL Table VI, w Joint Training)."""
    settings, places = places_rows(samples, labels, args)
    return settings, names_rows(samples, labels, args)[1] + places


STAGES = {NAMES: names_rows, PLACES: places_rows, DIRECT: direct_rows, JOINT: joint_rows}
OF_NAMES = ("synthetic", "synthetic_share")
OF_PLACES = ("knowledge", "regions", "top_k", "noise_ratio", "noise_unit", "held_out")
IDLE = {NAMES: OF_PLACES, PLACES: OF_NAMES, DIRECT: (*OF_NAMES, *OF_PLACES), JOINT: ()}  # flags that a stage does not use


def read_flags(argv: list[str] | None) -> Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("stage", choices=tuple(STAGES))
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl of the training split")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder for d1.parquet and mcr_prompt.json")
    parser.add_argument("--family", choices=list(FAMILIES), required=True, help="whose frame boxes are written in")
    parser.add_argument("--labels", help="label set of the samples (default: the dataset's)")
    told = "of the prompts; brief: one line, for tiny models that learn the form of the answer from examples alone"
    parser.add_argument("--detail", choices=(PLAIN, BRIEF), default=PLAIN, help=told)
    parser.add_argument("--seed", type=int, default=0, help="of noise and of the choice of synthetic pairs")
    parser.add_argument("--synthetic", type=Path, help="names: samples.jsonl of mcr pair-images")
    parser.add_argument("--synthetic_share", type=float, default=1.0, help="names: how much of them, 0 to 1 (VKEL Fig. 9)")
    parser.add_argument("--knowledge", type=Path, help="places: knowledge.jsonl of the entities (mcr ask-appearance)")
    parser.add_argument("--regions", type=Path, help="places: regions.jsonl of the images (mcr propose-regions)")
    parser.add_argument("--top_k", type=int, default=TOP_K, help="places: objects an image (VKEL Fig. 8)")
    parser.add_argument("--noise_ratio", type=float, default=0.0, help="places: share of names that are disturbed (VKEL Fig. 10)")
    parser.add_argument("--noise_unit", choices=UNITS, default=UNITS[0], help="places: what the share is of")
    parser.add_argument("--held_out", type=Path, nargs="+", default=[], help="places: dev and test samples, which get no noise")
    args = parser.parse_args(argv)
    if not 0 <= args.synthetic_share <= 1:
        raise ConfigError(f"--synthetic_share: got {args.synthetic_share}, expected 0 to 1.")
    defaults = parser.parse_args([args.stage, "--samples", ".", "--output_dir", ".", "--family", args.family])
    idle = [name for name in IDLE[args.stage] if getattr(args, name) != getattr(defaults, name)]
    if idle:
        raise ConfigError(f"{', '.join(f'--{one}' for one in idle)}: stage {args.stage} does not use it. Leave it out.")
    return args


def main(argv: list[str] | None = None) -> None:
    """Read the samples, write the set and its prompts."""
    args = read_flags(argv)
    samples = load_samples(args.samples)
    labels = load_labels(args.labels) if args.labels else labels_of_samples(samples)
    settings, rows = STAGES[args.stage](samples, labels, args)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    write_parquet(args.output_dir / "d1.parquet", rows, SCHEMA_COLUMNS)
    settings.save(args.output_dir)
    print(f"{len(rows)} rows of stage {args.stage} -> {args.output_dir / 'd1.parquet'}")


if __name__ == "__main__":
    run_command(main)
