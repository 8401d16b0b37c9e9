"""Explain a score on the command line.

    mcr explain --gold samples.jsonl --id ID --completion TEXT [--frame FRAME.json]
    mcr explain --gold samples.jsonl --id ID --predictions predictions.jsonl
    mcr explain --gold '[{"text": ..., "type": ..., "boxes": [[x1, y1, x2, y2]]}]' --completion TEXT

`--completion -` reads standard input.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mcr.boxes import Frame
from mcr.errors import ConfigError, DataError, run_command
from mcr.io.predictions import Prediction, load_predictions
from mcr.io.samples import load_samples
from mcr.records import Entity, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import Task, task_named
from rewards.arguments import add_reward_flags, read_reward_flags
from rewards.columns import read_ground_truth, read_task
from rewards.explain import explain
from rewards.options import RewardOptions
from rewards.score import RewardBreakdown, check_gold, score_completion, score_entities, unreadable

Row = TypeVar("Row", Sample, Prediction)


@dataclass(frozen=True, slots=True)
class Gold:
    """What a completion is scored against."""

    entities: tuple[Entity, ...]
    frame: Frame | None
    task: Task


def find_gold(gold: str, sample_id: str | None) -> Gold:
    """Return the gold of one sample of a file, or what is written out as JSON, with frame and task where the JSON holds them."""
    if gold.lstrip().startswith(("[", "{")):
        return Gold(*read_ground_truth(gold), task_named(read_task(gold)))
    sample = _by_id(load_samples(Path(gold)), sample_id, gold)
    return Gold(sample.entities, None, sample.task)


def _by_id(rows: Sequence[Row], sample_id: str | None, path: str) -> Row:
    found = [row for row in rows if row.id == sample_id]
    if not found:
        raise DataError(
            f"--id: got {sample_id!r}, expected one of the {len(rows)} ids of {path}, e.g. {rows[0].id if rows else '-'}."
        )
    return found[0]


def score(args: argparse.Namespace, gold: Gold, options: RewardOptions) -> RewardBreakdown:
    """Score the prediction of a file, or the completion."""
    check_gold(gold.entities, gold.task)
    if args.predictions and args.completion is not None:
        raise ConfigError("explain: got both --completion and --predictions. Give one of them.")
    if args.predictions:
        row = _by_id(load_predictions(args.predictions), args.id, str(args.predictions))
        if not row.is_readable:
            return unreadable(row.problems)
        return score_entities(row.entities, gold.entities, task=gold.task, options=options, problems=row.problems)
    if args.completion is None:
        raise ConfigError("explain: got neither --completion nor --predictions. Give one of them.")
    text = sys.stdin.read() if args.completion == "-" else args.completion
    frame = gold.frame if args.frame is None else read_frame(args.frame)
    return score_completion(text, gold.entities, frame=frame, task=gold.task, options=options)


def read_frame(path: Path) -> Frame | None:
    """Return the frame that a JSON file holds."""
    try:
        return read_ground_truth("[]", path.read_text(encoding="utf-8"))[1]
    except (OSError, ValueError) as error:
        raise DataError(f"--frame: {path} cannot be read ({error}). Name a JSON file that holds a frame.") from error


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print the table."""
    parser = CommandParser(__doc__, prog="mcr")
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "explain", help="why a completion earned what it did", description=__doc__
    )
    command.add_argument("--gold", required=True, help="samples.jsonl, or the entities as JSON")
    command.add_argument("--id", help="of the sample")
    command.add_argument("--completion", help="what the model wrote; - reads standard input")
    command.add_argument("--predictions", type=Path, help="predictions.jsonl, boxes in original pixels")
    command.add_argument("--frame", type=Path, help="JSON file with the frame that the completion's boxes are in")
    add_reward_flags(command)
    args = parser.parse_args(argv)
    gold = find_gold(args.gold, args.id)
    options = read_reward_flags(args)
    print(explain(score(args, gold, options), gold.entities, task=gold.task, options=options))


if __name__ == "__main__":
    run_command(main)
