"""Scoring one completion against one sample's gold: parse, match, five parts, weighted sum (MCR Eq. 10)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mcr.boxes import Frame
from mcr.errors import DataError
from mcr.formats import parse_completion
from mcr.metrics.matching import assign_spans
from mcr.records import Entity, check_box
from mcr.tasks import GMNER, Task, task_named
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.parts import PART_TABLE, PARTS, Matching, grounding_score

SOME_BOX = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """The parts in [0, 1], their weighted sum, and what they came from. Each part is an attribute, too: `score.span`.

    Attributes:
        parts: the parts by name, in the order of `rewards.parts.PARTS`.
        total: their weighted sum (MCR Eq. 10).
        matches: (index in the prediction, index in gold, span F1) of each matched pair.
        entities: the prediction, boxes in gold's frame.
        problems: why parts of the completion could not be read.
        is_readable: False for a completion without an answer that can be read.
    """

    parts: Mapping[str, float]
    total: float
    matches: tuple[tuple[int, int, float], ...] = ()
    entities: tuple[Entity, ...] = ()
    problems: tuple[str, ...] = ()
    is_readable: bool = True

    def __getattr__(self, name: str) -> float:
        """Return a part by its name."""
        if name in PARTS:
            return self.parts[name]
        raise AttributeError(f"a reward breakdown has no {name!r}; its parts are {', '.join(PARTS)}")

    def with_total(self) -> dict[str, float]:
        """Return the parts and the total by name."""
        return {**self.parts, "total": self.total}


def unreadable(problems: tuple[str, ...] = ()) -> RewardBreakdown:
    """Return the score of a completion that cannot be read: 0 for everything."""
    return RewardBreakdown(dict.fromkeys(PARTS, 0.0), 0.0, problems=problems, is_readable=False)


def score_completion(
    completion: str,
    gold: Sequence[Entity] | Sequence[Mapping],
    *,
    frame: Frame | Mapping | None = None,
    task: Task | str = GMNER,
    options: RewardOptions = DEFAULT_OPTIONS,
    sentence: str = "",
    opened: str = "",
    is_complete: bool = True,
) -> RewardBreakdown:
    """Score what a model wrote. A bad completion scores 0 and never raises.

    >>> gold = [Entity("Ann", "PER"), Entity("Rome", "LOC")]
    >>> one_of_two = "<answer>Ann | PER | None</answer>"
    >>> round(score_completion(one_of_two, gold).total, 4)
    0.9
    >>> round(score_completion(one_of_two, gold, options=RewardOptions(normalization="larger_count")).total, 4)
    0.5

    Args:
        completion: the text, reasoning included; None, which clients return for an empty reply, counts as empty.
        gold: the sample's entities, as records or as mappings with text, type, boxes; boxes in original pixels.
        frame: how the completion's boxes are written; they are converted to original pixels. None: they are in gold's frame.
        task: what was asked (mcr.tasks), or its name. Without locations (mner) no place is read; without texts (vg) a place alone
            is read and gold is one phrase. Parts that a task does not ask for are the mean of those it does, so that the total
            keeps its scale.
        options: weights and rules.
        sentence: that was asked about, where it is known: it decides whether a number belongs to a name.
        opened: what the prompt opened for the model, such as "<think>".
        is_complete: whether the model ended its turn before the limit on tokens.

    Raises:
        DataError: gold that cannot be gold, a completion that is no text.
        ConfigError: an unknown task.
    """
    entities = tuple(_gold_entity(entity) for entity in gold)
    task = task_named(task)
    check_gold(entities, task)
    if completion is not None and not isinstance(completion, str):
        raise DataError(f"completion: got {type(completion).__name__}, expected text. Pass what the model wrote.")
    if frame is not None and not isinstance(frame, Frame):
        frame = Frame.from_dict(frame)
    parsed = parse_completion(
        completion or "",
        task,
        labels=options.labels,
        frame=frame,
        sentence=sentence,
        opened=opened,
        is_complete=is_complete,
        formats=options.formats,
        reads_empty_boxes=options.empty_boxes == "none",
    )
    if not parsed.is_readable:
        return unreadable(parsed.problems)
    predicted = parsed.entities if frame is None else tuple(entity.to_px() for entity in parsed.entities)
    return score_entities(predicted, entities, task=task, options=options, problems=parsed.problems)


def score_entities(
    predicted: Sequence[Entity],
    gold: Sequence[Entity],
    *,
    task: Task | str = GMNER,
    options: RewardOptions = DEFAULT_OPTIONS,
    problems: tuple[str, ...] = (),
) -> RewardBreakdown:
    """Score entities already read, boxes of both in pixels. Both empty: every part is 1; one empty: every part is 0.

    Without locations (mner) no place counts. Without texts (vg) gold's phrase is taken as said, by nothing at all as absent. Of a
    verdict (ve) only whether a place is claimed counts.
    """
    task = task_named(task)
    if not task.has_location:
        predicted, gold = (tuple(replace(entity, boxes=None) for entity in entities) for entities in (predicted, gold))
    if not task.has_text:
        phrase = replace(gold[0], boxes=None)
        predicted = tuple(replace(phrase, boxes=entity.boxes) for entity in predicted) or (phrase,)
    if task.is_verdict:  # which claims a place and says none: gold's counts as said
        shown = gold[0].boxes or (SOME_BOX,)
        predicted = tuple(entity if entity.boxes is None else replace(entity, boxes=shown) for entity in predicted)
    matches = tuple(assign_spans(predicted, gold, partial(grounding_score, sigma=options.sigma), options.labels))
    parts = for_task(_score_parts(predicted, gold, matches, options), task)
    return RewardBreakdown(parts, weighted_sum(parts, options), matches, tuple(predicted), problems)


def _score_parts(
    predicted: Sequence[Entity], gold: Sequence[Entity], matches: Sequence[tuple[int, int, float]], options: RewardOptions
) -> dict[str, float]:
    """Return every part of matched entities."""
    if not predicted and not gold:
        return dict.fromkeys(PARTS, 1.0)
    pairs = [(predicted[p], gold[g]) for p, g, _ in matches]
    num = len(pairs) if options.normalization == "matched" else max(len(predicted), len(gold))
    matching = Matching(len(predicted), len(gold), pairs, [f1 for _, _, f1 in matches], num)
    return {name: part.compute(matching, options) for name, part in PART_TABLE.items()}


def for_task(parts: Mapping[str, float], task: Task) -> Mapping[str, float]:
    """Return the parts, those that the task does not ask for as the mean of those it does.

    A reward of your own is in neither set: it keeps its value and moves no other.
    """
    unasked = task.unasked_reward_parts
    if not unasked:
        return parts
    mean = math.fsum(parts[part] for part in task.reward_parts) / len(task.reward_parts)
    return {part: mean if part in unasked else value for part, value in parts.items()}


def weighted_sum(parts: Mapping[str, float], options: RewardOptions) -> float:
    """Return the total of parts (MCR Eq. 10)."""
    return math.fsum([options.weights[name] * value for name, value in parts.items()])


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


def check_gold(gold: Sequence[Entity], task: Task) -> None:
    """Raise DataError unless gold can be gold of the task: one that asks for no text has one phrase."""
    if not task.has_text and len(gold) != 1:
        raise DataError(f"gold: got {len(gold)} entities, expected the one phrase that task {task} asks for. Correct the sample.")
