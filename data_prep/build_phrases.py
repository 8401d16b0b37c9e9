"""Turns the entities of samples into phrases for visual entailment and visual grounding: RiVEG's D(VE) and D(VG) (IV-C).

    mcr build-phrases --samples data/gmner/train.jsonl --output_dir data/phrases --split train [--expansions expansions.jsonl]

Writes ve/SPLIT.jsonl, every entity with whether the image shows it; vg/SPLIT.jsonl, those that it shows with their boxes;
and vg_all/SPLIT.jsonl, all of them with box or None, for grounding without entailment. Several sources of expansions make a
phrase each (RiVEG's Mix), in training alone: dev and test have one. mcr write-schemas --single_style answer_only makes
training sets of them.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mcr.errors import ConfigError, DataError, run_command
from mcr.grounding.entity_phrases import FORMS, Expansions, expansions_of, has_usable_image, phrases_of
from mcr.io.samples import load_samples, write_samples
from mcr.knowledge.known_texts import read_knowledge
from mcr.records import Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import VE, VG


def sources_of(path: Path | None) -> dict[str, Expansions]:
    """Return the expansions of each source; one without a name that knows nothing where there is no file."""
    if path is None:
        return {"": {}}
    records = [record for record in read_knowledge(path) if record.entity is not None]
    if not records:
        raise DataError(f"--expansions: {path} says nothing of any entity. Write it with mcr ask-knowledge expansions.")
    names = dict.fromkeys(record.source for record in records)
    return {name: expansions_of(record for record in records if record.source == name) for name in names}


def make_phrases(
    samples: Sequence[Sample], sources: dict[str, Expansions], form: str, *, is_largest: bool = False
) -> Iterator[Sample]:
    """Yield the phrases of task ve: for each sample its entities, once a source; with all gold boxes or the largest alone."""
    for sample in samples:
        for number, (name, expansions) in enumerate(sources.items()):
            for phrase in phrases_of(sample, sample.entities, expansions, form, VE, is_largest=is_largest):
                yield phrase if number == 0 else replace(phrase, id=f"{phrase.id}@{name}")


def read_flags(argv: list[str] | None) -> Namespace:
    """Return the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl with gold entities and boxes")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder for ve/, vg/ and vg_all/")
    parser.add_argument("--split", required=True, help="name of the files")
    parser.add_argument("--expansions", type=Path, help="knowledge.jsonl that says what each entity is")
    parser.add_argument("--form", choices=FORMS, default="expression", help="of a phrase (RiVEG Table X)")
    parser.add_argument(
        "--largest_box", action="store_true", help="of several boxes the largest alone, for training (RiVEG IV-C 2)"
    )
    parser.add_argument("--without", nargs="*", default=[], metavar="ID", help="samples to leave out")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Read, write the sets, say how many of each there are."""
    args = read_flags(argv)
    samples = load_samples(args.samples)
    unknown = sorted({*args.without} - {sample.id for sample in samples})
    if unknown:
        raise ConfigError(f"--without: {args.samples} has no sample {unknown[0]!r}. Correct the id.")
    kept = [sample for sample in samples if sample.id not in args.without]
    usable = [sample for sample in kept if has_usable_image(sample)]
    sources = sources_of(args.expansions)
    if len(sources) > 1 and not args.split.startswith("train"):
        told = "several train a model (--split train); dev and test are asked by one"
        raise ConfigError(f"--expansions: {args.expansions} is of {len(sources)} sources: {', '.join(sources)}; {told}.")
    entailed = list(make_phrases(usable, sources, args.form, is_largest=args.largest_box))
    placed = [replace(phrase, task=VG) for phrase in entailed]
    sets = {"ve": entailed, "vg": [phrase for phrase in placed if phrase.entities[0].boxes], "vg_all": placed}
    for name, phrases in sets.items():
        path = args.output_dir / name / f"{args.split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_samples(path, phrases)
        print(f"{len(phrases)} phrases of task {phrases[0].task if phrases else name} -> {path}")
    if len(usable) < len(kept):
        print(f"{len(kept) - len(usable)} samples without an image were left out")


if __name__ == "__main__":
    run_command(main)
