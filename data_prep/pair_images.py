"""Synthetic pairs of text and image for stage 1 of VKEL (III-C 1): text with names, beside the candidate image that fits it best.

    mcr pair-images --figer train.json --images images/ --index candidates.jsonl --clip openai/clip-vit-large-patch14 \\
        --output data/synthetic.jsonl
    mcr pair-images --samples data/conll/train.jsonl ...

Candidates are up to five images a sentence, `{"id", "images": [paths]}` a line; the sentences of --figer are figer-000001,
figer-000002 and so on, by their line. The paper finds them by a web search, which is
left to the user: search for the sentence with its names, save the first five images. CLIP chooses (Eq. 2). A sentence whose best
image is below --min_cosine is dropped, and so is one of more than --max_words words. A candidate that cannot be opened is left
out. All of this is counted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from mcr.errors import ConfigError, DataError, raise_faults, run_command
from mcr.io.images import open_image
from mcr.io.samples import iter_json_lines, load_samples, write_samples
from mcr.knowledge.appearance_templates import coarse_type
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, ImageRef, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import MNER

DATASET = "synthetic"
MAX_CANDIDATES = 5
MIN_COSINE, MAX_WORDS = 0.3, 26  # VKEL III-C 1 and IV-D
# FIGER's types by their first part, to FMNERG's coarse types (our table: the paper says that it maps, not how).
FIGER_COARSE: Mapping[str, str] = {
    "person": "person",
    "location": "location",
    "geography": "location",
    "park": "location",
    "transportation": "location",
    "building": "building",
    "organization": "organization",
    "government": "organization",
    "government_agency": "organization",
    "news_agency": "organization",
    "newspaper": "organization",
    "broadcast": "organization",
    "broadcast_network": "organization",
    "product": "product",
    "game": "product",
    "software": "product",
    "train": "product",
    "art": "art",
    "music": "art",
    "play": "art",
    "written_work": "art",
    "broadcast_program": "art",
    "event": "event",
    "military": "organization",
}


def read_figer(path: Path) -> Iterator[Sample]:
    """Yield the sentences of a file in FIGER's form, `{"tokens", "mentions": [{"start", "end", "labels"}]}` a line.

    Of a mention's labels, such as /person/actor, the first part of the first one decides.

    Raises:
        DataError: lists the lines that are not of this form.
    """
    faults: list[str] = []
    for number, row in iter_json_lines(path):
        try:
            yield _figer_sample(row, number)
        except (DataError, KeyError, TypeError, IndexError, AttributeError) as error:
            faults.append(f"{path.name}:{number}: {type(error).__name__} {error}")
    raise_faults(f"{len(faults)} lines of {path} are not of FIGER's form", faults)


def _figer_sample(row: Any, number: int) -> Sample:
    if isinstance(row, DataError):
        raise row
    tokens = [str(token) for token in row["tokens"]]
    entities = [
        Entity(" ".join(tokens[mention["start"] : mention["end"]]), _figer_type(mention["labels"])) for mention in row["mentions"]
    ]
    return Sample(f"figer-{number:06d}", DATASET, MNER, " ".join(tokens), (), tuple(dict.fromkeys(entities)))


def _figer_type(labels: Sequence[str]) -> str:
    return FIGER_COARSE.get(labels[0].strip("/").split("/")[0], "other")


def read_texts(path: Path) -> Iterator[Sample]:
    """Yield the samples of samples.jsonl with their types mapped to FMNERG's coarse ones, without images."""
    for sample in load_samples(path):
        entities = tuple(Entity(one.text, coarse_type(one.type, DEFAULT_LABELS)) for one in sample.entities)
        yield Sample(sample.id, DATASET, MNER, sample.sentence, (), entities)


def read_index(path: Path) -> dict[str, list[str]]:
    """Return the candidate images of sentences by id.

    Raises:
        DataError: lists the lines that are not of this form, or name more than MAX_CANDIDATES images.
    """
    found: dict[str, list[str]] = {}
    faults = []
    for number, row in iter_json_lines(path):
        images = row.get("images") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(images, list):
            faults.append(f"{path.name}:{number}: expected an id and a list of images")
        elif len(images) > MAX_CANDIDATES:
            faults.append(f"{path.name}:{number}: {len(images)} images, expected at most {MAX_CANDIDATES}")
        else:
            found[row["id"]] = [str(image) for image in images]
    raise_faults(f"{len(faults)} lines of {path} cannot be used", faults)
    return found


def best_candidate(cosines: Sequence[float], min_cosine: float = MIN_COSINE) -> int | None:
    """Return the candidate of the highest cosine, the first of equal ones; None where it is below the bound (VKEL Eq. 2).

    >>> [best_candidate(one) for one in ([0.30, 0.28, 0.60], [0.28, 0.1], [0.1, 0.3], [])]
    [2, None, 1, None]
    """
    if not cosines:
        return None
    best = max(range(len(cosines)), key=lambda at: cosines[at])
    return best if cosines[best] >= min_cosine else None


def pair_all(
    samples: Sequence[Sample], index: Mapping[str, Sequence[str]], image_root: Path, clip: Any, min_cosine: float, max_words: int
) -> tuple[list[Sample], Counter[str]]:
    """Return the samples with the image that fits each best, and how many were dropped, or images left out, for what reason.

    Raises:
        DataError: the index has candidates, and none of them is of these sentences.
    """
    if index and not any(sample.id in index for sample in samples):
        first = f"{next(iter(index))!r} where {samples[0].id!r} is a sentence" if samples else "and there is no sentence"
        raise DataError(f"index: no candidate is of these sentences: {first}. Correct the ids.")
    paired, dropped = [], Counter()
    for sample in tqdm(samples, desc="pairing", unit="sentence"):
        paths = list(index.get(sample.id, ()))
        if len(sample.sentence.split()) > max_words:
            dropped["too long"] += 1
            continue
        if not paths:
            dropped["no candidate image"] += 1
            continue
        pictures = _opened(image_root, paths)
        dropped["image that cannot be opened"] += len(paths) - len(pictures)
        if not pictures:
            dropped["no candidate image"] += 1
            continue
        cosines = (clip.texts([sample.sentence]) @ clip.pictures([*pictures.values()]).T)[0].tolist()
        chosen = best_candidate(cosines, min_cosine)
        if chosen is None:
            dropped[f"best image below {min_cosine:g}"] += 1
            continue
        path, picture = [*pictures.items()][chosen]
        image = ImageRef(path, *picture.size)
        paired.append(Sample(f"{DATASET}-{sample.id}", DATASET, MNER, sample.sentence, (image,), sample.entities))
    return paired, +dropped


def _opened(image_root: Path, paths: Sequence[str]) -> dict[str, Image.Image]:
    """Return the images that can be opened, by their paths."""
    found = {}
    for path in paths:
        with suppress(DataError):
            found[path] = open_image(image_root, path)
    return found


def main(argv: list[str] | None = None) -> None:
    """Read, pair, write, say what was dropped."""
    parser = CommandParser(__doc__)
    parser.add_argument("--figer", type=Path, help="text in FIGER's form")
    parser.add_argument("--samples", type=Path, help="samples.jsonl with names in text, e.g. of CoNLL")
    parser.add_argument("--images", type=Path, required=True, help="folder that the candidates' paths start from")
    parser.add_argument("--index", type=Path, required=True, help="candidates.jsonl: up to five images a sentence")
    parser.add_argument("--clip", required=True, help="CLIP: a folder or a name of the hub")
    parser.add_argument("--min_cosine", type=float, default=MIN_COSINE, help="below it the best image does not fit (Eq. 2)")
    parser.add_argument("--max_words", type=int, default=MAX_WORDS, help="longer sentences are dropped (IV-D)")
    parser.add_argument("--output", type=Path, required=True, help="samples.jsonl to write")
    args = parser.parse_args(argv)
    if (args.figer is None) == (args.samples is None):
        raise ConfigError("pair-images: give --figer or --samples, one of them.")
    from mcr.embedding.embedders import ClipEmbedder

    samples = list(read_figer(args.figer) if args.figer else read_texts(args.samples))
    clip = ClipEmbedder(args.clip, args.images)
    paired, dropped = pair_all(samples, read_index(args.index), args.images, clip, args.min_cosine, args.max_words)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_samples(args.output, paired)
    print(f"{len(paired)} of {len(samples)} sentences have an image -> {args.output}; dropped: {json.dumps(dropped)}")


if __name__ == "__main__":
    run_command(main)
