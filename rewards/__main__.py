"""Explain a score on the command line.

    mcr explain --gold samples.jsonl --id ID --completion TEXT [--frame norm1000 | --frame FRAME.json]
    mcr explain --gold samples.jsonl --id ID --predictions predictions.jsonl
    mcr explain --gold samples.jsonl --id ID --predictions completions.jsonl --family qwen2_5_vl
    mcr explain --gold '[{"text": ..., "type": ..., "boxes": [[x1, y1, x2, y2]]}]' --completion TEXT

`--completion -` reads standard input. Gold is what mcr score takes; predictions may hold completions alone.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mcr.boxes import Frame
from mcr.errors import ConfigError, DataError, run_command
from mcr.families import FAMILIES, FrameSettings
from mcr.io.completions import FRAME_CHOICES, FrameFlags
from mcr.io.predictions import Prediction, RawCompletion, load_lines
from mcr.io.samples import read_gold
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import Task, task_named
from rewards.arguments import add_reward_flags, read_reward_flags
from rewards.columns import read_ground_truth, read_task
from rewards.explain import explain
from rewards.options import RewardOptions
from rewards.score import RewardBreakdown, check_gold, score_completion, score_entities, unreadable

Row = TypeVar("Row", bound=Sample | Prediction | RawCompletion)


@dataclass(frozen=True, slots=True)
class Gold:
    """What a completion is scored against.

    Attributes:
        entities: of gold.
        frame: that the completion's boxes are in, where gold's JSON holds one.
        task: what was asked.
        sample: of a file; None where gold is written out as JSON.
    """

    entities: tuple[Entity, ...]
    frame: Frame | None
    task: Task
    sample: Sample | None = None


def find_gold(gold: str, sample_id: str | None) -> Gold:
    """Return the gold of one sample of a file, or what is written out as JSON, with frame and task where the JSON holds them."""
    if gold.lstrip().startswith(("[", "{")):
        return Gold(*read_ground_truth(gold), task_named(read_task(gold)))
    sample = _by_id(read_gold(Path(gold)), sample_id, gold)
    return Gold(sample.entities, None, sample.task, sample)


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
        row = _by_id(load_lines(args.predictions), args.id, str(args.predictions))
        if isinstance(row, Prediction):
            if args.frame or args.family:
                raise ConfigError(
                    "explain: the prediction has entities, whose boxes are in pixels. Leave --frame and --family out."
                )
            if not row.is_readable:
                return unreadable(row.problems)
            return score_entities(row.entities, gold.entities, task=gold.task, options=options, problems=row.problems)
        text = row.text
        if gold.task.has_location and not (args.frame or args.family or gold.frame):
            raise ConfigError(
                "explain: a completion without entities needs --family or --frame, which says how boxes are written."
            )
    elif args.completion is None:
        raise ConfigError("explain: got neither --completion nor --predictions. Give one of them.")
    else:
        text = sys.stdin.read() if args.completion == "-" else args.completion
    return score_completion(text, gold.entities, frame=find_frame(args, gold), task=gold.task, options=options)


def find_frame(args: argparse.Namespace, gold: Gold) -> Frame | None:
    """Return the frame that flags or gold name; None: pixels of the original image.

    Raises:
        ConfigError: a frame and a family, or a frame of an image whose size gold does not say.
    """
    if args.frame and args.frame not in FRAME_CHOICES:
        if args.family:
            raise ConfigError(f"frame: got --frame {args.frame} and --family {args.family}. Leave one out.")
        return read_frame(Path(args.frame))
    form = FrameFlags(args.frame or "").form(args.family, DEFAULT_LABELS)
    if not isinstance(form.boxes, FrameSettings):
        return gold.frame if form.boxes is None else None
    frame = form.boxes.frame_of(gold.sample) if gold.sample else None
    if frame is None:
        raise ConfigError(
            "frame: gold does not say the size of the image, which this frame needs. Name a JSON file that holds a frame, give "
            "gold images with width and height, or --frame pixels."
        )
    return frame


def read_frame(path: Path) -> Frame | None:
    """Return the frame that a JSON file holds."""
    try:
        return read_ground_truth("[]", path.read_text(encoding="utf-8"))[1]
    except (OSError, ValueError) as error:
        raise DataError(
            f"--frame: {path} cannot be read ({error}). Name a JSON file that holds a frame, or {', '.join(FRAME_CHOICES)}."
        ) from error


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, score, print the table."""
    parser = CommandParser(__doc__, prog="mcr")
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "explain", help="why a completion earned what it did", description=__doc__
    )
    command.add_argument("--gold", required=True, help="samples.jsonl, or the entities as JSON")
    command.add_argument("--id", help="of the sample")
    command.add_argument("--completion", help="what the model wrote; - reads standard input")
    command.add_argument("--predictions", type=Path, help="predictions.jsonl, boxes in original pixels; or its completions")
    command.add_argument("--family", choices=list(FAMILIES), help="of the model, whose frame the completion's boxes are in")
    command.add_argument("--frame", help=f"that they are in: {', '.join(FRAME_CHOICES)}, or a JSON file that holds the frame")
    add_reward_flags(command)
    args = parser.parse_args(argv)
    gold = find_gold(args.gold, args.id)
    options = read_reward_flags(args)
    print(explain(score(args, gold, options), gold.entities, task=gold.task, options=options))


if __name__ == "__main__":
    run_command(main)
