"""What RL frameworks hand over, read for `score_completion`: completions as text or messages, gold as a dataset column.

Gold is a list of entities (mappings with text, type, boxes in original pixels), or `{"entities": [...], "frame": {...}}` where a
framework has no column for the frame (`"task"` may stand there, too), or the JSON text of either. The JSON text is the safest: it
survives every dataset format.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mcr.boxes import Frame
from mcr.errors import DataError
from mcr.records import Entity
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.score import RewardBreakdown, score_completion

GroundTruth = tuple[tuple[Entity, ...], Frame | None]


def completion_text(completion: Any) -> str:
    """Return the text of a completion: a string, messages (mappings or objects with role and content) of the assistant, or
    None, which clients give for an empty reply.

    >>> completion_text([{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}])
    'a'
    """
    if isinstance(completion, str):
        return completion
    if completion is None:
        return ""
    if isinstance(completion, bytes):
        return completion.decode("utf-8", "replace")
    messages = [completion] if isinstance(completion, Mapping) else completion
    if not isinstance(messages, Iterable) or any(isinstance(message, str) for message in messages):
        raise DataError(f"completion: got {str(completion)[:80]!r}, expected text, a message or a list of messages.")
    said = [_content(message) for message in messages if _field(message, "role") in ("assistant", "model", None)]
    if messages and not said:
        raise DataError(f"completion: got {str(completion)[:80]!r}, expected a message of the assistant among them.")
    return "".join(said)


def _content(message: Any) -> str:
    content = _field(message, "content") or ""
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else _part_text(part) for part in content)


def _part_text(part: Any) -> str:
    """Return the text of one part of a message; reasoning and images are no answer."""
    return (_field(part, "text") or "") if _field(part, "type") in ("text", "output_text", None) else ""


def _field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, Mapping) else getattr(message, name, None)


def read_ground_truth(gold: Any, frame: Any = None) -> GroundTruth:
    """Return (entities, frame) of one sample's columns; a `frame` column goes before the one inside gold.

    Raises:
        DataError: gold that is not of the forms above.
    """
    frame = None if frame == "" or (isinstance(frame, float) and math.isnan(frame)) else frame  # how tables write nothing
    if isinstance(gold, str) and (frame is None or isinstance(frame, str)):
        return _read_json(gold, frame)
    gold = _load("gold", gold) if isinstance(gold, str) else as_plain(gold)
    frame = _load("frame", frame) if isinstance(frame, str) else as_plain(frame)
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
    return read_ground_truth(_load("gold", gold), None if frame is None else _load("frame", frame))


def _load(column: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{column}: got {text[:80]!r}, expected JSON ({error}). Correct the dataset's column.") from error


def as_plain(value: Any) -> Any:
    """Return a value with the arrays that Parquet readers leave in it as lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return {key: as_plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def read_task(gold: Any, task: str | None = None, default: str | None = None) -> str:
    """Return the task of one sample: the column, else what gold's mapping names, else the default, else gmner."""
    if task:
        return str(task)
    if isinstance(gold, str) and '"task"' in gold:
        gold = _load("gold", gold)
    found = gold.get("task") if isinstance(gold, Mapping) else None
    return str(found or default or "gmner")


def score_row(
    completion: Any,
    gold: Any,
    frame: Any = None,
    task: str | None = None,
    options: RewardOptions = DEFAULT_OPTIONS,
    *,
    sentence: str = "",
    opened: str = "",
    is_complete: bool = True,
) -> RewardBreakdown:
    """Score one completion against the columns of its sample; further arguments go to the reader."""
    entities, frame = read_ground_truth(gold, frame)
    return score_completion(
        completion_text(completion),
        entities,
        frame=frame,
        task=read_task(gold, task),
        options=options,
        sentence=sentence,
        opened=opened,
        is_complete=is_complete,
    )
