"""predictions.jsonl on disk: `{"id", "sentence", "entities", "completion"?}`, from our models or any other system.

A line `{"id", "completion"}` without entities is still to be read (mcr.io.completions).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcr.boxes import Frame
from mcr.errors import DataError, raise_faults
from mcr.formats import parse_completion
from mcr.io.samples import ENTITY_KEYS, check_keys, iter_json_lines, misspelled
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity, Sample, ScoredSample
from mcr.uncertainties import PartUncertainties, Uncertainty, is_number

KEYS = ("id", "sentence", "entities", "completion", "is_readable", "problems")
# What ids differ by -> an id without it.
PLAIN_IDS: Mapping[str, Callable[[str], str]] = {
    "the extension": lambda one: EXTENSION.sub("", one),
    "the folder": lambda one: re.split(r"[/\\]", one)[-1],
    "the folder and the extension": lambda one: EXTENSION.sub("", re.split(r"[/\\]", one)[-1]),
    "white space and case": lambda one: "".join(one.split()).lower(),
    "zeros in front": lambda one: one.lstrip("0") or one,
}
EXTENSION = re.compile(r"\.(?:jpe?g|png|gif|webp|json|txt)$", re.IGNORECASE)
NUM_COMPARED = 5  # ids that a prefix is looked for in
NEEDED = {
    "id": "that of the sample in gold",
    "entities": "a list, [] where nothing is predicted; or write completion, what the model wrote",
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a system says of one sample; boxes in original pixels.

    Attributes:
        completion: the text it was read from, where there is one.
        is_readable: False when there was a completion but no answer in it.
        problems: why parts could not be read.
        uncertainties: of each entity or of its parts, where the system gives them (key `uncertainty` of an entity).
        misspelled: keys of the line that were not read and are like those that are; not on disk.
    """

    id: str
    sentence: str = ""
    entities: tuple[Entity, ...] = ()
    completion: str | None = None
    is_readable: bool = True
    problems: tuple[str, ...] = ()
    uncertainties: tuple[Uncertainty | None, ...] = ()
    misspelled: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the form on disk."""
        row = {"id": self.id, "sentence": self.sentence, "entities": [entity.to_dict() for entity in self.entities]}
        for entity, value in zip(row["entities"], self.uncertainties, strict=False):
            if value is not None:
                entity["uncertainty"] = value.to_dict() if isinstance(value, PartUncertainties) else value
        if self.completion is not None:
            row |= {"completion": self.completion, "is_readable": self.is_readable, "problems": list(self.problems)}
        return row


def predict_from_completion(
    sample: Sample,
    completion: str,
    frame: Frame | None,
    labels: LabelSet = DEFAULT_LABELS,
    *,
    opened: str = "",
    is_complete: bool = True,
) -> Prediction:
    """Read a completion into a prediction with boxes in original pixels; the other arguments are `parse_completion`'s."""
    parsed = parse_completion(
        completion,
        sample.task,
        labels=labels,
        frame=frame,
        sentence=sample.sentence,
        opened=opened,
        is_complete=is_complete,
    )
    entities = tuple(entity.to_px() for entity in parsed.entities)
    if not sample.task.has_text:
        entities = tuple(replace(entity, text=sample.sentence) for entity in entities)
    return Prediction(sample.id, sample.sentence, entities, completion, parsed.is_readable, parsed.problems)


@dataclass(frozen=True, slots=True)
class RawCompletion:
    """A line with what a model wrote, whose entities are still to be read."""

    id: str
    text: str


@dataclass(slots=True)
class PredictionReport:
    """What did not fit when predictions met gold; every count is shown in the report."""

    num_missing: int = 0
    num_unreadable: int = 0
    num_with_problems: int = 0
    missing_ids: list[str] = field(default_factory=list)


def load_predictions(path: str | Path) -> list[Prediction]:
    """Return all predictions of a file.

    Raises:
        DataError: lists every line that is not JSON, lacks a key, has a wrong type or an id that occurred before; or every line
            with a completion that is still to be read, for which gold is needed (`mcr.io.completions.read_predictions`).
    """
    predictions, raw = [], []
    for line in load_lines(path):
        (raw if isinstance(line, RawCompletion) else predictions).append(line)
    advice = "Give --family or --frame, which says how boxes are written; from Python call mcr.io.completions.read_predictions"
    faults = [f"sample {line.id}: a completion without entities" for line in raw]
    raise_faults(f"{len(raw)} of the lines of {path} hold a completion that is still to be read. {advice}", faults)
    return predictions


def load_lines(path: str | Path) -> list[Prediction | RawCompletion]:
    """Return the lines of a predictions file: predictions, and completions that are still to be read.

    Raises:
        DataError: lists every line that is not JSON, lacks a key, has a wrong type or an id that occurred before.
    """
    lines: list[Prediction | RawCompletion] = []
    faults: list[str] = []
    seen: set[str] = set()
    for number, row in iter_json_lines(path):
        try:
            if isinstance(row, DataError):
                raise row
            is_raw = "entities" not in row and isinstance(row.get("completion"), str)
            line = _raw_completion(row) if is_raw else prediction_from_dict(row)
            if line.id in seen:
                raise DataError(f"id {line.id!r} occurs twice. Keep one.")
            seen.add(line.id)
            lines.append(line)
        except DataError as error:
            faults.append(f"{Path(path).name}:{number}: {error}")
    raise_faults(f"{len(faults)} of the lines of {path} cannot be used", faults)
    return lines


def _raw_completion(row: dict[str, Any]) -> RawCompletion:
    check_keys("prediction", row, {"id": NEEDED["id"]})
    _check_kinds(row, ("id", str, "a text"))
    return RawCompletion(row["id"], row["completion"])


def _check_kinds(row: dict[str, Any], *kinds: tuple[str, type, str]) -> None:
    wrong = [
        f"got {str(row[key])[:40]} ({type(row[key]).__name__}), expected {key}, {name}"
        for key, kind, name in kinds
        if not isinstance(row[key], kind)
    ]
    if wrong:
        raise DataError(f"prediction: {'; '.join(wrong)}. Correct the line.")


def prediction_from_dict(row: dict[str, Any]) -> Prediction:
    """Build a prediction from its form on disk.

    Raises:
        DataError: missing keys (all of them, each with what to write) or a value of a wrong type.
    """
    check_keys("prediction", row, NEEDED)
    _check_kinds(row, ("id", str, "a text"), ("entities", list, "a list"))
    entities = tuple(_entity(entity) for entity in row["entities"])
    completion = row.get("completion")
    if completion is not None and not isinstance(completion, str):
        raise DataError(f"prediction {row['id']}: completion must be text. Correct it.")
    problems = row.get("problems", [])
    if not isinstance(problems, list):
        raise DataError(f"prediction {row['id']}: problems must be a list. Correct it.")
    return Prediction(
        row["id"],
        str(row.get("sentence") or ""),
        entities,
        completion,
        bool(row.get("is_readable", True)),
        tuple(map(str, problems)),
        _uncertainties(row),
        _misspelled(row),
    )


def _misspelled(row: dict[str, Any]) -> tuple[str, ...]:
    inside = (key for entity in row["entities"] for key in misspelled(entity, (*ENTITY_KEYS, "uncertainty")))
    return tuple(dict.fromkeys([*misspelled(row, KEYS), *inside]))


def _uncertainties(row: dict[str, Any]) -> tuple[Uncertainty | None, ...]:
    """Return one value an entity, or nothing where no entity has one."""
    given = [entity.get("uncertainty") for entity in row["entities"]]
    try:
        values = [PartUncertainties.from_dict(value) if isinstance(value, dict) else value for value in given]
    except DataError as error:
        raise DataError(f"prediction {row['id']}: {error}") from None
    wrong = [value for value in values if value is not None and not isinstance(value, PartUncertainties) and not is_number(value)]
    if wrong or any(value != value for value in values):
        raise DataError(
            f"prediction {row['id']}: uncertainty must be a number, or an object of span, type and region, got {wrong or 'NaN'}. "
            "Correct it."
        )
    return () if all(value is None for value in values) else tuple(values)


def _entity(row: Any) -> Entity:
    """Build a predicted entity. Its boxes may be degenerate (they score 0), but they must be four numbers.

    [[]] and boxes of nulls are empty boxes, as [0, 0, 0, 0] is (mcr.metrics.conventions).
    """
    boxes = row.get("boxes") if isinstance(row, dict) else None
    if _has_text(boxes):
        raise DataError(
            f"entity {row.get('text')!r}: got boxes {str(row['boxes'])[:80]!r} as text, expected numbers. Write "
            "[[x1, y1, x2, y2], ...], or null for what is not in the image."
        )
    if isinstance(boxes, list) and boxes and all(isinstance(box, list) and not any(v is not None for v in box) for box in boxes):
        row = {**row, "boxes": [[0.0] * 4]}
    entity = Entity.from_dict(row)
    if any(len(box) != 4 for box in entity.boxes or ()):
        raise DataError(f"entity {entity.text!r}: got boxes {row['boxes']}, expected four numbers each. Correct them.")
    return entity


def _has_text(boxes: Any) -> bool:
    """Whether boxes, one of them or a number is written as text."""
    return isinstance(boxes, str) or (isinstance(boxes, list | tuple) and any(map(_has_text, boxes)))


def check_ids(known: Sequence[str], predicted: Sequence[str]) -> None:
    """Refuse predictions for samples that gold does not have, and say by what their ids differ where that is plain.

    >>> check_ids(["7", "8"], ["7.jpg", "8.jpg"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mcr.errors.DataError: 2 predictions have no gold. 2 of them match once the extension is left out, as '7.jpg' is '7': ...
    """
    of_gold = set(known)
    unknown = [one for one in predicted if one not in of_gold]
    if not unknown:
        return
    advice = "Give the gold file that they were made for"
    matches = {what: _matches(known, unknown, plain) for what, plain in {**PLAIN_IDS, **_prefixes(known, unknown)}.items()}
    what = max(matches, key=lambda one: len(matches[one]))
    if matches[what]:
        one, is_gold = matches[what][0]
        advice = f"{len(matches[what])} of them match once {what} is left out, as {one!r} is {is_gold!r}: write ids as gold does"
    raise_faults(f"{len(unknown)} predictions have no gold. {advice}", [f"id {one!r} is not in gold" for one in unknown])


def _prefixes(known: Sequence[str], unknown: Sequence[str]) -> dict[str, Callable[[str], str]]:
    """Return the prefixes by which one of the first unknown ids is one of gold's, each with a function that leaves it out."""
    pairs = [pair for one in unknown[:NUM_COMPARED] for other in known for pair in ((one, other), (other, one))]
    prefixes = dict.fromkeys(long.removesuffix(short) for long, short in pairs if short and long.endswith(short))
    return {f"the prefix {prefix!r}": lambda one, prefix=prefix: one.removeprefix(prefix) for prefix in prefixes}


def _matches(known: Sequence[str], unknown: Sequence[str], plain: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the ids that are one of gold's, each with it, once both are written plainly; those that would mean two are none."""
    by_plain: dict[str, list[str]] = {}
    for one in known:
        by_plain.setdefault(plain(one), []).append(one)
    return [(one, of_key[0]) for one in unknown if len(of_key := by_plain.get(plain(one), [])) == 1]


def join_gold(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> tuple[list[ScoredSample], PredictionReport]:
    """Put predictions beside gold, in gold's order. A missing prediction counts as empty and is reported.

    Raises:
        DataError: predictions for samples that gold does not have.
    """
    by_id = {prediction.id: prediction for prediction in predictions}
    check_ids([sample.id for sample in samples], list(by_id))
    report = PredictionReport()
    rows = []
    for sample in samples:
        prediction = by_id.get(sample.id)
        if prediction is None:
            report.missing_ids.append(sample.id)
        else:
            report.num_unreadable += not prediction.is_readable
            report.num_with_problems += bool(prediction.problems) and prediction.is_readable
        found = (prediction.entities, prediction.uncertainties) if prediction else ((), ())
        is_answered = prediction is not None and prediction.is_readable
        rows.append(ScoredSample(sample.sentence, sample.entities, *found, task=sample.task, is_answered=is_answered))
    report.num_missing = len(report.missing_ids)
    return rows, report


def write_prediction(file: Any, prediction: Prediction) -> None:
    """Append one prediction to an open file and flush, so that a stopped run loses nothing."""
    file.write(json.dumps(prediction.to_dict(), ensure_ascii=False) + "\n")
    file.flush()
