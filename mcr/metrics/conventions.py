"""The conventions in which papers differ when they score, each with one default; the report prints which were used.

Which paper counts how is in docs/report.md.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mcr.boxes import area, is_empty_box
from mcr.errors import ConfigError
from mcr.labels import DEFAULT_LABELS, LabelSet, load_labels
from mcr.metrics.matching import first_box_iou, first_mask_iou, is_same_type
from mcr.records import Entity, ScoredSample, collapse_space

CHOICES = {
    "gold_boxes": ("any", "largest", "each"),
    "duplicates": ("keep", "drop"),
    "auroc_ties": ("half", "none"),
    "grec_overlap": ("iou", "giou"),
    "empty_boxes": ("none", "wrong"),
}
ROWS_IN_WORDS = (
    "Each box is a row of its own, in gold and in predictions: an entity with several boxes counts once for each of them. MNER "
    "and FMNER look at no box and count it once."
)


@dataclass(frozen=True)
class ConventionFlags:
    """How a hit is counted, as far as a flag or a line of a config can say it."""

    iou_threshold: float = field(default=0.5, metadata={"help": "two boxes agree from this IoU on, in (0, 1]"})
    iou_must_exceed: bool = field(default=False, metadata={"help": "the IoU has to be above the threshold, not at it"})
    gold_boxes: str = field(
        default="any", metadata={"help": "any of gold's boxes may be hit, the largest alone, or each is an entity of its own"}
    )
    duplicates: str = field(default="keep", metadata={"help": "keep repeated predictions, which costs precision, or drop them"})
    is_case_sensitive: bool = field(default=True, metadata={"help": "whether ann and Ann differ"})
    no_target_by_type: bool = field(default=False, metadata={"help": "N-Pre, N-Rec and N-F1 compare types, too"})
    grounding_by_type: bool = field(
        default=True,
        metadata={"help": "Acc@0.5, Acc@0.75 and mean IoU pair entities of equal text and type, not of equal text alone"},
    )
    auroc_ties: str = field(
        default="half", metadata={"help": "what a tie counts in the AUROC: half, as is usual, or none, as in UnCo's Eq. 16"}
    )
    grec_overlap: str = field(
        default="iou", metadata={"help": "GREC's Pr@(F1=1) compares boxes by iou, or by giou as the official gRefCOCO code does"}
    )
    empty_boxes: str = field(
        default="none",
        metadata={"help": "a predicted [0, 0, 0, 0] or [-1, -1, -1, -1] is none, as some files mean it, or wrong"},
    )
    type_aliases: bool = field(
        default=True,
        metadata={"help": "on: spellings of one type by the label set's aliases are equal; off: as they are written"},
    )

    def __post_init__(self) -> None:
        wrong = [name for name, allowed in CHOICES.items() if getattr(self, name) not in allowed]
        if wrong or not 0 < self.iou_threshold <= 1:
            choices = ", ".join(f"{name} {' or '.join(allowed)}" for name, allowed in CHOICES.items())
            values = {name: getattr(self, name) for name in ("iou_threshold", *CHOICES)}
            raise ConfigError(f"conventions: got {values}, expected an IoU threshold in (0, 1], {choices}.")

    def with_labels(self, labels: LabelSet) -> "Conventions":
        """Return these conventions with the label set by which types are compared."""
        return Conventions(**{one.name: getattr(self, one.name) for one in fields(ConventionFlags)}, labels=labels)


@dataclass(frozen=True)
class Conventions(ConventionFlags):
    """How a hit is counted.

    Attributes:
        labels: the label set by which types are compared; without its aliases where `type_aliases` is off.
    """

    labels: LabelSet = DEFAULT_LABELS

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.type_aliases:
            object.__setattr__(self, "labels", self.labels.without_aliases())

    def is_enough(self, iou: float) -> bool:
        """Whether an IoU makes two places agree."""
        return iou > self.iou_threshold if self.iou_must_exceed else iou >= self.iou_threshold

    def agrees_on_type(self, predicted: Entity, gold: Entity) -> bool:
        """Whether two types are one label of the label set."""
        return is_same_type(predicted, gold, self.labels)

    def agrees_on_location(self, predicted: Entity, gold: Entity) -> bool:
        """Whether both are None, or the first predicted box hits one of gold's."""
        if predicted.boxes is None or gold.boxes is None:
            return predicted.boxes is None and gold.boxes is None
        return self.is_enough(first_box_iou(predicted, gold))

    def agrees_on_type_and_location(self, predicted: Entity, gold: Entity) -> bool:
        """Whether a prediction of gold's text is correct (MCR Eqs. 19-22)."""
        return self.agrees_on_type(predicted, gold) and self.agrees_on_location(predicted, gold)

    def agrees_on_mask(self, predicted: Entity, gold: Entity) -> bool:
        """Whether both are without a mask, or the first predicted mask hits one of gold's (SMNER)."""
        if not predicted.masks or not gold.masks:
            return predicted.boxes is None and gold.boxes is None and not predicted.masks and not gold.masks
        return self.is_enough(first_mask_iou(predicted, gold))

    def unify(self, row: ScoredSample) -> ScoredSample:
        """Return the sample as these conventions see it: case folded, repeated predictions and smaller gold boxes gone."""
        if not self.is_case_sensitive:
            gold, predicted = (_lower(entities) for entities in (row.gold, row.predicted))
            row = replace(row, sentence=row.sentence.lower(), gold=gold, predicted=predicted)
        if self.empty_boxes == "none" and any(is_empty_box(entity.boxes) for entity in row.predicted):
            predicted = tuple(replace(entity, boxes=None) if is_empty_box(entity.boxes) else entity for entity in row.predicted)
            row = replace(row, predicted=predicted)
        if self.gold_boxes == "largest" and row.task.has_text:
            row = replace(row, gold=tuple(_largest_alone(entity) for entity in row.gold))
        return self._without_repeated(row) if self.duplicates == "drop" else row

    def by_box(self, row: ScoredSample) -> ScoredSample:
        """Return the sample with one entity a box where each gold box is an entity of its own, else the sample itself.

        A predicted entity with several boxes becomes several, too. Without this, gold could not be predicted. An entity without
        a box stays one. MNER and FMNER look at no box and are counted on the sample itself.

        >>> two = Entity("Ann", "PER", ((0, 0, 9, 9), (20, 0, 29, 9)))
        >>> row = Conventions(gold_boxes="each").by_box(ScoredSample("Ann", (two,), (two, Entity("Bo", "PER"))))
        >>> len(row.gold), len(row.predicted)
        (2, 3)
        """
        if self.gold_boxes != "each" or not row.task.has_text:
            return row
        predicted = [(one, index) for index, entity in enumerate(row.predicted) for one in _one_a_box(entity)]
        uncertainties = tuple(row.uncertainties[index] for _, index in predicted) if row.uncertainties else ()
        gold = tuple(one for entity in row.gold for one in _one_a_box(entity))
        row = replace(row, gold=gold, predicted=tuple(one for one, _ in predicted), uncertainties=uncertainties)
        return self._without_repeated(row) if self.duplicates == "drop" else row

    def _without_repeated(self, row: ScoredSample) -> ScoredSample:
        said = [(collapse_space(one.text), self.labels.canonical(one.type), one.boxes, one.masks) for one in row.predicted]
        first = sorted({key: index for index, key in reversed(list(enumerate(said)))}.values())
        uncertainties = tuple(row.uncertainties[index] for index in first) if row.uncertainties else ()
        return replace(row, predicted=tuple(row.predicted[index] for index in first), uncertainties=uncertainties)

    def in_words(self) -> str:
        """Return a sentence a reader can check a paper's table against."""
        boxes = {"any": "any of gold's boxes", "largest": "gold's largest box", "each": "the one gold box of a row"}[
            self.gold_boxes
        ]
        sign = ">" if self.iou_must_exceed else ">="
        repeated = "count" if self.duplicates == "keep" else "are dropped"
        case = "case-sensitive" if self.is_case_sensitive else "in lower case"
        by_type, paired = ("text and type" if flag else "text" for flag in (self.no_target_by_type, self.grounding_by_type))
        tie = "one half" if self.auroc_ties == "half" else "nothing"
        types = "by the aliases of" if self.type_aliases else "as they are written, without the aliases of"
        rows = f" {ROWS_IN_WORDS}" if self.gold_boxes == "each" else ""
        grec = "IoU" if self.grec_overlap == "iou" else "GIoU, pairing the highest first"
        empty = "None" if self.empty_boxes == "none" else "a wrong box"
        return (
            f"A place is right at IoU {sign} {self.iou_threshold:g} of the first predicted box with {boxes}, or None for None."
            f"{rows} Texts are compared {case}, white space collapsed, types {types} label set {self.labels.name}. "
            f"Repeated predictions {repeated}. A predicted [0, 0, 0, 0] or [-1, -1, -1, -1] is {empty}. "
            f"N-scores compare {by_type}. "
            "Acc@0.5 and Acc@0.75 count from these values on, whatever the threshold; they and the mean IoU pair entities by "
            f"{paired}. A tie counts {tie} in the AUROC of uncertainty. GREC's Pr@(F1=1) compares boxes by {grec}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the content of metrics.json's `conventions`."""
        return {one.name: getattr(self, one.name) for one in fields(ConventionFlags)} | {"labels": self.labels.name}


DEFAULT = Conventions()


def add_convention_flags(parser: ArgumentParser) -> None:
    """Give a command line one flag for each convention."""
    for one in fields(ConventionFlags):
        text = f"{one.metadata['help']} ({one.default})"
        if isinstance(one.default, bool):
            parser.add_argument(f"--{one.name}", default=one.default, help=text, type=_boolean, nargs="?", const=True)
        else:
            parser.add_argument(f"--{one.name}", default=one.default, help=text, type=type(one.default))
    parser.add_argument("--labels", default="", help="label set: a name, a YAML file, or A,B,C")


def read_conventions(args: Namespace) -> Conventions:
    """Return the conventions of a parsed command line."""
    return Conventions(**{one.name: getattr(args, one.name) for one in fields(ConventionFlags)}, labels=read_labels(args))


def read_labels(args: Namespace) -> LabelSet:
    """Return the label set of a parsed command line, with its aliases."""
    return load_labels(args.labels) if args.labels else DEFAULT_LABELS


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "on", "off"):
        raise ArgumentTypeError(f"got {text!r}, expected true or false, on or off")
    return text.lower() in ("true", "on")


def unify_rows(rows: Sequence[ScoredSample], conventions: Conventions) -> list[ScoredSample]:
    """Return all samples as the conventions see them."""
    return [conventions.unify(row) for row in rows]


def _lower(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(replace(entity, text=entity.text.lower()) for entity in entities)


def _largest_alone(entity: Entity) -> Entity:
    if not entity.boxes:
        return entity
    return replace(entity, boxes=(max(entity.boxes, key=area),))


def _one_a_box(entity: Entity) -> tuple[Entity, ...]:
    if not entity.boxes or len(entity.boxes) == 1:
        return (entity,)
    return tuple(replace(entity, boxes=(box,)) for box in entity.boxes)
