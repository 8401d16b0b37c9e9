"""predictions.jsonl on disk: `{"id", "sentence", "entities", "completion"?}`, from our models or any other system."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcr.boxes import Frame
from mcr.errors import DataError, raise_faults
from mcr.formats import parse_completion
from mcr.io.samples import ENTITY_KEYS, iter_json_lines, misspelled
from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.records import Entity, Sample, ScoredSample

KEYS = ("id", "sentence", "entities", "completion", "is_readable", "problems")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a system says of one sample; boxes in original pixels.

    Attributes:
        completion: the text it was read from, where there is one.
        is_readable: False when there was a completion but no answer in it.
        problems: why parts could not be read.
        uncertainties: of each entity, where the system gives one (key `uncertainty` of an entity).
        misspelled: keys of the line that were not read and are like those that are; not on disk.
    """

    id: str
    sentence: str = ""
    entities: tuple[Entity, ...] = ()
    completion: str | None = None
    is_readable: bool = True
    problems: tuple[str, ...] = ()
    uncertainties: tuple[float | None, ...] = ()
    misspelled: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the form on disk."""
        row = {"id": self.id, "sentence": self.sentence, "entities": [entity.to_dict() for entity in self.entities]}
        for entity, value in zip(row["entities"], self.uncertainties, strict=False):
            if value is not None:
                entity["uncertainty"] = value
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
        DataError: lists every line that is not JSON, lacks a key, has a wrong type or an id that occurred before.
    """
    predictions: list[Prediction] = []
    faults: list[str] = []
    seen: set[str] = set()
    for number, row in iter_json_lines(path):
        try:
            if isinstance(row, DataError):
                raise row
            prediction = prediction_from_dict(row)
            if prediction.id in seen:
                raise DataError(f"id {prediction.id!r} occurs twice. Keep one.")
            seen.add(prediction.id)
            predictions.append(prediction)
        except DataError as error:
            faults.append(f"{Path(path).name}:{number}: {error}")
    raise_faults(f"{len(faults)} of the lines of {path} cannot be used", faults)
    return predictions


def prediction_from_dict(row: dict[str, Any]) -> Prediction:
    """Build a prediction from its form on disk.

    Raises:
        DataError: a missing key or a value of a wrong type.
    """
    for key, kind, name in (("id", str, "a text"), ("entities", list, "a list")):
        if not isinstance(row.get(key), kind):
            got = f"{str(row[key])[:40]} ({type(row[key]).__name__})" if key in row else f"keys {', '.join(sorted(row))}"
            raise DataError(f"prediction: got {got}, expected {key}, {name}. Correct the line.")
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


def _uncertainties(row: dict[str, Any]) -> tuple[float | None, ...]:
    """Return one value an entity, or nothing where no entity has one."""
    values = [entity.get("uncertainty") for entity in row["entities"]]
    wrong = [value for value in values if value is not None and (isinstance(value, bool) or not isinstance(value, int | float))]
    if wrong or any(value != value for value in values):
        raise DataError(f"prediction {row['id']}: uncertainty must be a number, got {wrong or 'NaN'}. Correct it.")
    return () if all(value is None for value in values) else tuple(values)


def _entity(row: Any) -> Entity:
    """Build a predicted entity. Its boxes may be degenerate (they score 0), but they must be four numbers.

    [[]] and boxes of nulls are empty boxes, as [0, 0, 0, 0] is (mcr.metrics.conventions).
    """
    boxes = row.get("boxes") if isinstance(row, dict) else None
    if isinstance(boxes, list) and boxes and all(isinstance(box, list) and not any(v is not None for v in box) for box in boxes):
        row = {**row, "boxes": [[0.0] * 4]}
    entity = Entity.from_dict(row)
    if any(len(box) != 4 for box in entity.boxes or ()):
        raise DataError(f"entity {entity.text!r}: got boxes {row['boxes']}, expected four numbers each. Correct them.")
    return entity


def join_gold(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> tuple[list[ScoredSample], PredictionReport]:
    """Put predictions beside gold, in gold's order. A missing prediction counts as empty and is reported.

    Raises:
        DataError: predictions for samples that gold does not have.
    """
    by_id = {prediction.id: prediction for prediction in predictions}
    known = {sample.id for sample in samples}
    unknown = [f"id {prediction_id!r} is not in gold" for prediction_id in by_id if prediction_id not in known]
    raise_faults(f"{len(unknown)} predictions have no gold. Give the gold file that they were made for", unknown)
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
