"""Gives each sample the knowledge of another one: what an ablation compares real knowledge with.

    mcr shuffle-knowledge --knowledge data/gmner/knowledge/train.jsonl --output shuffled.jsonl [--seed 0]

No text stays where it was, unless there is one alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from mcr.errors import run_command
from mcr.knowledge.known_texts import Knowledge, read_knowledge, write_knowledge
from mcr.runs.command_line import CommandParser


def shuffled(records: Sequence[Knowledge], seed: int) -> list[Knowledge]:
    """Return records whose texts went around by one place in a random circle; everything else stays.

    >>> [one.text for one in shuffled([Knowledge("1", "a", "x"), Knowledge("2", "b", "x")], 0)]
    ['b', 'a']
    """
    circle = Random(f"shuffled knowledge/{seed}").sample(range(len(records)), len(records))
    texts = {to: records[source].text for source, to in zip(circle, [*circle[1:], *circle[:1]], strict=True)}
    return [replace(record, text=texts[index]) for index, record in enumerate(records)]


def main(argv: list[str] | None = None) -> None:
    """Read, shuffle, write."""
    parser = CommandParser(__doc__)
    parser.add_argument("--knowledge", type=Path, required=True, help="knowledge.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="knowledge.jsonl to write")
    parser.add_argument("--seed", type=int, default=0, help="of the circle")
    args = parser.parse_args(argv)
    num = write_knowledge(args.output, shuffled(read_knowledge(args.knowledge), args.seed))
    print(f"{num} texts went to other samples -> {args.output}")


if __name__ == "__main__":
    run_command(main)
