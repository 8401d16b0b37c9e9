"""Scoring one completion against one sample's gold: parse, match, five parts, weighted sum (MCR Eq. 10)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mcr.boxes import Frame
from mcr.errors import ConfigError, DataError
from mcr.matching import assign_spans
from mcr.parsing import parse_completion
from mcr.records import TASKS, Entity, check_box
from rewards.parts import count_reward, entailment_reward, grounding_reward, grounding_score, span_reward, type_reward

NORMALIZATIONS = ("matched", "larger_count")
PARTS = ("count", "span", "type", "entailment", "grounding")
DEFAULT_WEIGHTS: Mapping[str, float] = dict.fromkeys(PARTS, 0.2)


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """The parts in [0, 1], their weighted sum, and what they came from.

    Attributes:
        matches: (index in the prediction, index in gold, span F1) of each matched pair.
        entities: the prediction, boxes in gold's frame.
        problems: why parts of the completion could not be read.
    """

    count: float
    span: float
    type: float
    entailment: float
    grounding: float
    total: float
    matches: tuple[tuple[int, int, float], ...] = ()
    entities: tuple[Entity, ...] = ()
    problems: tuple[str, ...] = ()


def score_completion(
    completion: str,
    gold: Sequence[Entity] | Sequence[Mapping],
    *,
    frame: Frame | Mapping | None = None,
    weights: Mapping[str, float] | None = None,
    sigma: float = 0.5,
    normalization: str = "matched",
    task: str = "gmner",
) -> RewardBreakdown:
    """Score what a model wrote. A bad completion scores 0 and never raises.

    >>> gold = [Entity("Ann", "PER"), Entity("Rome", "LOC")]
    >>> one_of_two = "<answer>Ann | PER | None</answer>"
    >>> round(score_completion(one_of_two, gold).total, 4)
    0.9333
    >>> round(score_completion(one_of_two, gold, normalization="larger_count").total, 4)
    0.5333

    Args:
        completion: the text, reasoning included; None, which clients return for an empty reply, counts as empty.
        gold: the sample's entities, as records or as mappings with text, type, boxes; boxes in original pixels.
        frame: how the completion's boxes are written; they are converted to original pixels. None: they are in gold's frame.
        weights: of the five parts by name, each >= 0; a part left out weighs 0. Default 0.2 each.
        sigma: IoU threshold of the grounding reward, in [0, 1).
        normalization: what span, type, entailment and grounding are averaged over: "matched", the pairs that share a word
            (the paper); "larger_count", the larger of the two counts, so that leaving out an entity, or padding, costs.
        task: "gmner"; "mner", where no place is read; "vg", where a place alone is read and gold is one phrase. Parts that a task
            does not ask for are the mean of those it does, so that the total keeps its scale.

    Raises:
        DataError: gold that cannot be gold, a completion that is no text.
        ConfigError: weights or sigma out of range, an unknown normalization or task.
    """
    entities = tuple(_gold_entity(entity) for entity in gold)
    weights = DEFAULT_WEIGHTS if weights is None else check_weights(weights)
    check_options(sigma, normalization)
    check_task(task, entities)
    if completion is not None and not isinstance(completion, str):
        raise DataError(f"completion: got {type(completion).__name__}, expected text. Pass what the model wrote.")
    parsed = parse_completion(completion or "", task)
    if not parsed.is_readable:
        return RewardBreakdown(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, problems=parsed.problems)
    if frame is not None and not isinstance(frame, Frame):
        frame = Frame.from_dict(frame)
    pred = parsed.entities if frame is None else tuple(to_pixels(entity, frame) for entity in parsed.entities)
    options = {"sigma": sigma, "normalization": normalization, "problems": parsed.problems}
    return score_entities(pred, entities, weights=weights, task=task, **options)


ASKED = {"mner": ("count", "span", "type"), "vg": ("entailment", "grounding")}


def for_task(score: RewardBreakdown, task: str, weights: Mapping[str, float]) -> RewardBreakdown:
    """Return a score whose parts that the task does not ask for are the mean of those it does."""
    if task not in ASKED:
        return score
    asked = {part: getattr(score, part) for part in ASKED[task]}
    mean = math.fsum(asked.values()) / len(asked)
    parts = {part: asked.get(part, mean) for part in PARTS}
    total = math.fsum(weights.get(name, 0.0) * value for name, value in parts.items())
    return replace(score, **parts, total=total)


def score_entities(
    pred: Sequence[Entity],
    gold: Sequence[Entity],
    *,
    weights: Mapping[str, float] = DEFAULT_WEIGHTS,
    sigma: float = 0.5,
    normalization: str = "matched",
    problems: tuple[str, ...] = (),
    task: str = "gmner",
) -> RewardBreakdown:
    """Score entities already read, boxes of both in one frame. Both empty: every part is 1; one empty: every part is 0.

    Of task mner no place counts, of task vg no text and no type: gold's phrase is taken as said, by nothing at all as absent.
    """
    if task == "mner":
        pred, gold = (tuple(replace(entity, boxes=None) for entity in entities) for entities in (pred, gold))
    elif task == "vg":
        phrase = replace(gold[0], boxes=None)
        pred = tuple(replace(phrase, boxes=entity.boxes) for entity in pred) or (phrase,)
    matches = assign_spans(pred, gold, partial(grounding_score, sigma=sigma))
    pairs = [(pred[p], gold[g]) for p, g, _ in matches]
    num = len(pairs) if normalization == "matched" else max(len(pred), len(gold))
    if not pred and not gold:
        parts = dict.fromkeys(PARTS, 1.0)
    else:
        parts = {
            "count": count_reward(len(pred), len(gold)),
            "span": span_reward([f1 for _, _, f1 in matches], num),
            "type": type_reward(pairs, num),
            "entailment": entailment_reward(pairs, num),
            "grounding": grounding_reward([grounding_score(p, g, sigma) for p, g in pairs], num),
        }
    total = math.fsum(weights.get(name, 0.0) * value for name, value in parts.items())
    score = RewardBreakdown(**parts, total=total, matches=tuple(matches), entities=tuple(pred), problems=problems)
    return for_task(score, task, weights)


def to_pixels(entity: Entity, frame: Frame) -> Entity:
    """Return the entity with its boxes converted from `frame` to original pixels."""
    if not entity.boxes:
        return entity
    return Entity(entity.text, entity.type, tuple(frame.to_px(box) for box in entity.boxes))


def _gold_entity(entity: Entity | Mapping) -> Entity:
    entity = entity if isinstance(entity, Entity) else Entity.from_dict(entity)
    if not entity.text.strip():
        raise DataError(f"gold entity: got text {entity.text!r}, expected a part of the sentence. Correct the span.")
    if entity.boxes == ():
        raise DataError(f"gold entity {entity.text!r}: got an empty list of boxes, expected boxes or null. Write null.")
    for box in entity.boxes or ():
        if not (len(box) == 4 and -math.inf < box[0] < box[2] < math.inf and -math.inf < box[1] < box[3] < math.inf):
            check_box(box, f"gold entity {entity.text!r}")
    return entity


def check_weights(weights: Mapping[str, float]) -> Mapping[str, float]:
    """Return the weights if they are finite, not negative, of known parts, and not all zero; raise ConfigError otherwise."""
    wrong = {name: value for name, value in weights.items() if name not in PARTS or not 0 <= value < math.inf}
    if wrong or not any(weights.values()):
        raise ConfigError(f"weights: got {dict(weights)}, expected finite values >= 0 for some of {PARTS}, one of them above 0.")
    return weights


def check_task(task: str, gold: Sequence[Entity]) -> None:
    """Raise unless the task is known and its gold can be gold of it."""
    if task not in TASKS:
        raise ConfigError(f"task: got {task!r}, expected one of {TASKS}.")
    if task == "vg" and len(gold) != 1:
        raise DataError(f"gold: got {len(gold)} entities, expected the one phrase that task vg asks for. Correct the sample.")


def check_options(sigma: float, normalization: str) -> None:
    """Raise ConfigError unless sigma lies in [0, 1) and the normalization is known."""
    if not 0 <= sigma < 1:
        raise ConfigError(f"sigma: got {sigma}, expected 0 <= sigma < 1. The paper uses 0.5.")
    if normalization not in NORMALIZATIONS:
        raise ConfigError(f"normalization: got {normalization!r}, expected one of {NORMALIZATIONS}. The paper's is 'matched'.")
