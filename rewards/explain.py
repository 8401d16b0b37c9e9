"""A score as a small table, so that a person sees why a completion earned what it earned. Plain text, for a terminal."""

from collections.abc import Sequence

from mcr.boxes import Box
from mcr.metrics.matching import first_box_iou, is_entailed_alike, is_same_type
from mcr.records import Entity
from mcr.tasks import GMNER, Task, task_named
from rewards.options import DEFAULT_OPTIONS, RewardOptions
from rewards.parts import grounding_reward
from rewards.score import RewardBreakdown

MAX_CELL_CHARS = 40
COLUMNS = ("predicted", "gold", "span F1", "type", "entailment", "IoU", "grounding")


def explain(
    score: RewardBreakdown, gold: Sequence[Entity], *, task: Task | str = GMNER, options: RewardOptions = DEFAULT_OPTIONS
) -> str:
    """Return the matches, the entities without a match on either side, each part, and what could not be read.

    What the task does not ask for is "-" in the table.

    >>> from rewards import score_completion
    >>> gold = [Entity("Ann", "PER")]
    >>> print(explain(score_completion("Ann | LOC | None", gold), gold))  # doctest: +ELLIPSIS
    predicted         gold              span F1  type  entailment  IoU  grounding
    Ann | LOC | None  Ann | PER | None  1.00     no    yes         -    1.00
    <BLANKLINE>
    count 1.000  span 1.000  type 0.000  ...  total 0.800
    """
    task = task_named(task)
    rows = [_matched(score.entities[p], gold[g], f1, task, options) for p, g, f1 in score.matches]
    used_pred, used_gold = {p for p, _, _ in score.matches}, {g for _, g, _ in score.matches}
    rows += [(_cell(e), "(nothing)", *"-----") for i, e in enumerate(score.entities) if i not in used_pred]
    rows += [("(missed)", _cell(e), *"-----") for i, e in enumerate(gold) if i not in used_gold]
    parts = "  ".join(f"{part} {value:.3f}" for part, value in score.with_total().items())
    problems = [f"could not be read: {printable(problem)}" for problem in score.problems]
    return "\n".join([*_align([COLUMNS, *rows]), "", parts, *problems])


def _matched(pred: Entity, gold: Entity, f1: float, task: Task, options: RewardOptions) -> tuple[str, ...]:
    is_type_right = _yes_no(is_same_type(pred, gold, options.labels)) if task.has_type else "-"
    location = _location_cells(pred, gold, options) if task.has_location else ("-", "-", "-")
    return _cell(pred), _cell(gold), f"{f1:.2f}", is_type_right, *location


def _location_cells(pred: Entity, gold: Entity, options: RewardOptions) -> tuple[str, str, str]:
    """Return entailment, IoU and grounding of a pair."""
    overlap = f"{first_box_iou(pred, gold):.2f}" if pred.boxes and gold.boxes else "-"
    is_left_out = options.two_nones == "left_out" and pred.boxes is None and gold.boxes is None
    grounding = grounding_reward([(pred, gold)], 1, sigma=options.sigma, two_nones=options.two_nones)
    return _yes_no(is_entailed_alike(pred, gold)), overlap, "-" if is_left_out else f"{grounding:.2f}"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _cell(entity: Entity) -> str:
    place = "None" if entity.boxes is None else _box(entity.boxes[0]) if entity.boxes else "unreadable"
    return " | ".join([_cut(entity.text), *([_cut(entity.type)] if entity.type else []), place])


def _box(box_px: Box) -> str:
    return "[" + ", ".join(f"{value:.5g}" for value in box_px) + "]"


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= MAX_CELL_CHARS else text[: MAX_CELL_CHARS - 1] + "\u2026"


def printable(text: str) -> str:
    r"""Return text with what a terminal would act on written as escapes.

    >>> printable("a\x1b[31m\u202e")
    'a\\x1b[31m\\u202e'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
