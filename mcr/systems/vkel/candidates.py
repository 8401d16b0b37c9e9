"""Candidate images for sentences in the sandbox, in place of a web search (VKEL III-C 1).

    python -m mcr.systems.vkel.candidates --texts data/texts.jsonl --pool data/pool.jsonl --output data/candidates.jsonl

Each sentence gets up to four images of the pool whose sentence shares a name with it, drawn by seed, and one image of the whole
pool, which is usually unrelated. Writes one line `{"id", "images"}` per sentence, for mcr pair-images.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

from mcr.errors import run_command
from mcr.io.atomic_write import whole_file
from mcr.io.samples import load_samples
from mcr.records import Sample
from mcr.runs.command_line import CommandParser

NUM_FITTING = 4


def candidates(texts: Sequence[Sample], pool: Sequence[Sample], seed: int) -> list[tuple[str, list[str]]]:
    """Return image paths of each sentence, in random order."""
    naming: dict[str, list[str]] = defaultdict(list)
    for sample in pool:
        for name in dict.fromkeys(entity.text for entity in sample.entities):
            naming[name].append(sample.images[0].path)
    rows = []
    for text in texts:
        rng = Random(f"candidates/{seed}/{text.id}")
        fitting = sorted({path for entity in text.entities for path in naming.get(entity.text, ())})
        found = [*rng.sample(fitting, min(NUM_FITTING, len(fitting))), rng.choice(pool).images[0].path]
        rng.shuffle(found)
        rows.append((text.id, list(dict.fromkeys(found))))
    return rows


def main(argv: list[str] | None = None) -> None:
    """Read both sets, write the candidates."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--texts", type=Path, required=True, help="samples.jsonl of the sentences; their images are not looked at"
    )
    parser.add_argument("--pool", type=Path, required=True, help="samples.jsonl whose images can be found")
    parser.add_argument("--output", type=Path, required=True, help="candidates.jsonl to write")
    parser.add_argument("--seed", type=int, default=0, help="of what is found")
    args = parser.parse_args(argv)
    rows = candidates(load_samples(args.texts), load_samples(args.pool), args.seed)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(args.output) as path:
        path.write_text("".join(json.dumps({"id": one, "images": paths}) + "\n" for one, paths in rows), encoding="utf-8")
    print(f"candidates of {len(rows)} sentences -> {args.output}")


if __name__ == "__main__":
    run_command(main)
