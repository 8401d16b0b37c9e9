"""What RL frameworks hand over, read for `score_completion`: completions as text or messages, gold as a dataset column.

Gold is a list of entities (mappings with text, type, boxes in original pixels), or `{"entities": [...], "frame": {...}}` where a
framework has no column for the frame, or the JSON text of either. The JSON text is the safest: it survives every dataset format.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from mcr.boxes import Frame
from mcr.errors import DataError
from mcr.records import Entity
from rewards.score import RewardBreakdown, score_completion

GroundTruth = tuple[tuple[Entity, ...], Frame | None]


def completion_text(completion: Any) -> str:
    """Return the text of a completion: a string, or messages (mappings or objects with role and content) of the assistant.

    >>> completion_text([{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}])
    'a'
    """
    if isinstance(completion, str):
        return completion
    return "".join(_content(message) for message in completion if _field(message, "role") in ("assistant", None))


def _content(message: Any) -> str:
    content = _field(message, "content") or ""
    return content if isinstance(content, str) else "".join(_field(part, "text") or "" for part in content)


def _field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, Mapping) else getattr(message, name, None)


def read_ground_truth(gold: Any, frame: Any = None) -> GroundTruth:
    """Return (entities, frame) of one sample's columns; a `frame` column goes before the one inside gold.

    Raises:
        DataError: gold that is not of the forms above.
    """
    if isinstance(gold, str) and (frame is None or isinstance(frame, str)):
        return _read_json(gold, frame)
    gold = json.loads(gold) if isinstance(gold, str) else as_plain(gold)
    frame = json.loads(frame) if isinstance(frame, str) else as_plain(frame)
    if isinstance(gold, Mapping) and "entities" in gold:
        frame = gold.get("frame") if frame is None else frame
        gold = gold["entities"]
    if not isinstance(gold, Sequence) or isinstance(gold, str):
        raise DataError(f"gold: got {str(gold)[:80]!r}, expected a list of entities or its JSON. Correct the dataset's column.")
    entities = tuple(entity if isinstance(entity, Entity) else Entity.from_dict(entity) for entity in gold)
    return entities, frame if frame is None or isinstance(frame, Frame) else Frame.from_dict(frame)


@lru_cache(maxsize=1024)
def _read_json(gold: str, frame: str | None) -> GroundTruth:
    """Read once for all completions of a group."""
    try:
        return read_ground_truth(json.loads(gold), None if frame is None else json.loads(frame))
    except ValueError as error:
        raise DataError(f"gold: got {gold[:80]!r}, expected JSON ({error}). Correct the dataset's column.") from error


def as_plain(value: Any) -> Any:
    """Return a value with the arrays that Parquet readers leave in it as lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return {key: as_plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def as_json(value: Any) -> str:
    """Return the JSON text of a column's value."""
    return json.dumps(as_plain(value), default=lambda record: record.to_dict())


def score_row(completion: Any, gold: Any, frame: Any = None, **options: Any) -> RewardBreakdown:
    """Score one completion against the columns of its sample; `options` are those of `score_completion`."""
    entities, frame = read_ground_truth(gold, frame)
    return score_completion(completion_text(completion), entities, frame=frame, **options)
