"""What went wrong, entity by entity: every error has one kind, and the kinds add up to all errors."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcr.labels import DEFAULT_LABELS, LabelSet
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.metrics.grec import is_exact_place, is_right_verdict
from mcr.metrics.matching import Hit, assign_spans, first_box_iou, match_exact
from mcr.records import Entity, ScoredSample, collapse_space

KINDS = {
    "missed": "a gold entity that was not named",
    "unreadable": "a gold entity lost because the completion held no readable answer, or a location that could not be read",
    "invented": "a prediction whose text does not occur in the sentence, counted by N-Count (visual bias)",
    "extra": "a prediction whose text occurs in the sentence but shares no word with a gold entity that is left",
    "span": "a prediction whose text occurs in the sentence and shares words with a gold entity, with other borders",
    "type": "the text is right, the type is not",
    "should be None": "text and type are right, a box was given to what the image does not show (textual bias)",
    "should have a box": "text and type are right, the image shows it, None was said",
    "box off": "text and type are right, the box does not overlap enough",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one prediction, one gold entity or a pair of them.

    Attributes:
        kind: a key of KINDS, or "right".
        predicted_index: in the sample's predictions; None for what was not named.
        gold_index: in the sample's gold; None for what is not gold's.
    """

    kind: str
    predicted_index: int | None
    gold_index: int | None


def judge(row: ScoredSample, *, is_readable: bool = True, conventions: Conventions = DEFAULT) -> list[Verdict]:
    """Return one verdict for each prediction and each gold entity, pairs told once.

    Right pairs are taken first, then pairs of the same text and type, of the same text, and of texts that share words, ties by
    content, so the order of either list decides no count. What the task does not ask for cannot be wrong. Rows are taken as
    `Conventions.unify` and `by_box` give them.

    A prediction whose text does not occur in the sentence is "invented", also where it shares words with a gold entity. So there
    are as many as N-Count says.
    """
    if not row.task.has_text:
        return _judge_place(row, is_readable, conventions)
    verdicts: list[Verdict] = []
    predicted_left, gold_left = (_by_content(part, conventions.labels) for part in (row.predicted, row.gold))

    def take(pairs: Sequence[tuple[int, int]], kind_of: Callable[[Entity, Entity], str]) -> None:
        taken = [(predicted_left[p], gold_left[g]) for p, g in pairs]
        for p, g in taken:
            verdicts.append(Verdict(kind_of(row.predicted[p], row.gold[g]), p, g))
            predicted_left.remove(p)
            gold_left.remove(g)

    def left() -> tuple[list[Entity], list[Entity]]:
        return [row.predicted[index] for index in predicted_left], [row.gold[index] for index in gold_left]

    take(match_exact(*left(), _hit_of(row, conventions)), lambda p, g: "right")
    is_type_asked = row.task.has_type
    take(match_exact(*left(), lambda p, g: not is_type_asked or conventions.agrees_on_type(p, g)), _kind_of_location)
    take(match_exact(*left(), lambda p, g: True), lambda p, g: "type")
    sentence = collapse_space(row.sentence)

    def unless_invented(entity: Entity, kind: str) -> str:
        return kind if collapse_space(entity.text) in sentence else "invented"

    pairs = assign_spans(*left(), first_box_iou, conventions.labels)
    take([(p, g) for p, g, _ in pairs], lambda p, g: unless_invented(p, "span"))
    verdicts += [Verdict(unless_invented(row.predicted[index], "extra"), index, None) for index in predicted_left]
    verdicts += [Verdict("missed" if is_readable else "unreadable", None, index) for index in gold_left]
    return verdicts


def _hit_of(row: ScoredSample, conventions: Conventions) -> Hit:
    """Return the test that makes a prediction of gold's text right, by what the task asks for."""
    if row.task.has_type and row.task.has_location:
        return conventions.agrees_on_type_and_location
    return conventions.agrees_on_location if row.task.has_location else conventions.agrees_on_type


def _by_content(entities: Sequence[Entity], labels: LabelSet) -> list[int]:
    """Return the indices of entities in an order that follows from what they say alone."""
    keys = [(collapse_space(entity.text), labels.canonical(entity.type), str(entity.boxes)) for entity in entities]
    return sorted(range(len(entities)), key=keys.__getitem__)


def _judge_place(row: ScoredSample, is_readable: bool, conventions: Conventions) -> list[Verdict]:
    """Judge a phrase: its first prediction against its place, any further prediction is extra."""
    if not row.predicted:
        is_right = is_readable and row.is_answered and not any(entity.boxes for entity in row.gold)
        kind = "right" if is_right else "missed" if is_readable else "unreadable"
        return [Verdict(kind, None, index) for index in range(len(row.gold))]
    if row.task.is_verdict:
        wrong = "should have a box" if row.predicted[0].boxes is None else "should be None"
        return [Verdict("right" if is_right_verdict(row) else wrong, 0, 0)]
    kind = (
        "right" if is_exact_place(row, conventions) else _kind_of_location(row.predicted[0], row.gold[0]) if row.gold else "extra"
    )
    further = [Verdict("extra", index, None) for index in range(1, len(row.predicted))] if kind != "right" else []
    return [Verdict(kind, 0, 0 if row.gold else None), *further]


def _kind_of_location(predicted: Entity, gold: Entity) -> str:
    if predicted.boxes == ():
        return "unreadable"
    if gold.boxes is None:
        return "should be None"
    return "should have a box" if predicted.boxes is None else "box off"


def count_kinds(verdicts: Sequence[Sequence[Verdict]]) -> dict[str, int]:
    """Return how many errors there are of each kind."""
    counts = Counter(verdict.kind for row in verdicts for verdict in row)
    return {kind: counts[kind] for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often gold's type (row) was predicted as which (column)."""

    types: Sequence[str]
    counts: Sequence[Sequence[int]]


def confusion(
    rows: Sequence[ScoredSample], verdicts: Sequence[Sequence[Verdict]], labels: LabelSet = DEFAULT_LABELS
) -> Confusion:
    """Return which types were predicted as which, over pairs of the same text."""
    pairs: Counter[tuple[str, str]] = Counter()
    for row, of_row in zip(rows, verdicts, strict=True):
        for verdict in of_row if row.task.has_type else ():
            if verdict.predicted_index is not None and verdict.gold_index is not None and verdict.kind != "span":
                gold, predicted = row.gold[verdict.gold_index], row.predicted[verdict.predicted_index]
                pairs[labels.canonical(gold.type), labels.canonical(predicted.type)] += 1
    names = sorted({name for pair in pairs for name in pair})
    return Confusion(names, [[pairs[gold, predicted] for predicted in names] for gold in names])
