"""Synthetic pairs of text and image for stage 1 of VKEL (III-C 1): text with names, beside the candidate image that fits it best.

    mcr pair-images --figer train.json --images images/ --index candidates.jsonl --clip openai/clip-vit-large-patch14 \\
        --output data/synthetic.jsonl
    mcr pair-images --conll eng.train ... ; mcr pair-images --samples samples.jsonl ...

Candidates are up to five images a sentence: `{"id", "images": [paths]}` a line of --index, or, without it, what the folder
--images/ID/ holds. The sentences of --figer are figer-000001, figer-000002 and so on, by their line, those of --conll
conll-000001 and so on, by their place. The paper finds images by a web search, which is left to the user: search for the sentence
with its names, save the first five. CLIP chooses (Eq. 2). A sentence whose best image is below --min_cosine is dropped, and so is
one of more than --max_words words. A candidate that cannot be opened is left out. All of this is counted.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from data_prep.training_sets.named_texts import DATASET, read_conll, read_figer, read_texts
from mcr.errors import ConfigError, DataError, raise_faults, run_command
from mcr.io.images import open_image
from mcr.io.samples import iter_json_lines, write_samples
from mcr.records import ImageRef, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import MNER

MAX_CANDIDATES = 5
MIN_COSINE, MAX_WORDS = 0.3, 26  # VKEL III-C 1 and IV-D
READERS = {"figer": read_figer, "conll": read_conll, "samples": read_texts}


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


def index_of_folder(samples: Sequence[Sample], images: Path) -> dict[str, list[str]]:
    """Return the candidate images of sentences by id: the files of the folder that is called like the sentence, by name.

    Raises:
        DataError: lists the folders that hold more than MAX_CANDIDATES files.
    """
    found = {}
    for sample in samples:
        folder = images / sample.id
        if folder.is_dir() and folder.resolve().is_relative_to(images.resolve()):
            found[sample.id] = [f"{sample.id}/{path.name}" for path in sorted(folder.iterdir()) if path.is_file()]
    faults = [f"{images / name}: {len(paths)} files" for name, paths in found.items() if len(paths) > MAX_CANDIDATES]
    raise_faults(f"{len(faults)} folders hold more than {MAX_CANDIDATES} candidate images", faults)
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
        paths = list(dict.fromkeys(index.get(sample.id, ())))
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
    parser.add_argument("--conll", type=Path, help="text in CoNLL-2003's form")
    parser.add_argument("--samples", type=Path, help="samples.jsonl with names in text")
    parser.add_argument("--images", type=Path, required=True, help="folder that the candidates' paths start from")
    parser.add_argument("--index", type=Path, help="candidates.jsonl: up to five images a sentence (default: --images/ID/)")
    parser.add_argument("--clip", required=True, help="CLIP: a folder or a name of the hub")
    parser.add_argument("--min_cosine", type=float, default=MIN_COSINE, help="below it the best image does not fit (Eq. 2)")
    parser.add_argument("--max_words", type=int, default=MAX_WORDS, help="longer sentences are dropped (IV-D)")
    parser.add_argument("--output", type=Path, required=True, help="samples.jsonl to write")
    args = parser.parse_args(argv)
    given = [name for name in READERS if getattr(args, name) is not None]
    if len(given) != 1:
        raise ConfigError(
            f"pair-images: got {len(given)} texts, expected one. Give one of {', '.join(f'--{one}' for one in READERS)}."
        )
    from mcr.embedding.embedders import ClipEmbedder

    samples = list(READERS[given[0]](getattr(args, given[0])))
    index = read_index(args.index) if args.index else index_of_folder(samples, args.images)
    clip = ClipEmbedder(args.clip, args.images)
    paired, dropped = pair_all(samples, index, args.images, clip, args.min_cosine, args.max_words)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_samples(args.output, paired)
    print(f"{len(paired)} of {len(samples)} sentences have an image -> {args.output}; dropped: {json.dumps(dropped)}")


if __name__ == "__main__":
    run_command(main)
