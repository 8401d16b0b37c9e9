"""The conventions in which papers differ when they score, each with one default; the report prints which were used.

Which paper counts how is in docs/report.md.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from mcr.boxes import area
from mcr.errors import ConfigError
from mcr.labels import DEFAULT_LABELS
from mcr.masks import mask_iou
from mcr.metrics.matching import first_box_iou
from mcr.records import Entity, ScoredSample, collapse_space

CHOICES = {
    "gold_boxes": ("any", "largest"),
    "duplicates": ("keep", "drop"),
    "auroc_ties": ("half", "none"),
    "grec_overlap": ("iou", "giou"),
}


@dataclass(frozen=True)
class Conventions:
    """How a hit is counted; the recipes take each as a flag."""

    iou_threshold: float = field(default=0.5, metadata={"help": "two boxes agree from this IoU on, in (0, 1]"})
    iou_must_exceed: bool = field(default=False, metadata={"help": "the IoU has to be above the threshold, not at it"})
    gold_boxes: str = field(default="any", metadata={"help": "any of gold's boxes may be hit, or the largest alone"})
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

    def __post_init__(self) -> None:
        wrong = [name for name, allowed in CHOICES.items() if getattr(self, name) not in allowed]
        if wrong or not 0 < self.iou_threshold <= 1:
            choices = ", ".join(f"{name} {' or '.join(allowed)}" for name, allowed in CHOICES.items())
            raise ConfigError(f"conventions: got {self}, expected an IoU threshold in (0, 1], {choices}.")

    def is_enough(self, iou: float) -> bool:
        """Whether an IoU makes two places agree."""
        return iou > self.iou_threshold if self.iou_must_exceed else iou >= self.iou_threshold

    def agrees_on_location(self, pred: Entity, gold: Entity) -> bool:
        """Whether both are None, or the first predicted box hits one of gold's."""
        if pred.boxes is None or gold.boxes is None:
            return pred.boxes is None and gold.boxes is None
        return self.is_enough(first_box_iou(pred, gold))

    def agrees_on_mask(self, pred: Entity, gold: Entity) -> bool:
        """Whether both are without a mask, or the first predicted mask hits one of gold's (SMNER)."""
        if not pred.masks or not gold.masks:
            return pred.boxes is None and gold.boxes is None and not pred.masks and not gold.masks
        return self.is_enough(max(mask_iou(pred.masks[0], mask) for mask in gold.masks))

    def unify(self, row: ScoredSample) -> ScoredSample:
        """Return the sample as these conventions see it: case folded, repeated predictions and smaller gold boxes gone."""
        if not self.is_case_sensitive:
            gold, predicted = (_lower(entities) for entities in (row.gold, row.predicted))
            row = replace(row, sentence=row.sentence.lower(), gold=gold, predicted=predicted)
        if self.gold_boxes == "largest" and row.task.has_text:
            row = replace(row, gold=tuple(_largest_alone(entity) for entity in row.gold))
        if self.duplicates == "drop":
            said = [(collapse_space(one.text), DEFAULT_LABELS.canonical(one.type), one.boxes, one.masks) for one in row.predicted]
            first = sorted({key: index for index, key in reversed(list(enumerate(said)))}.values())
            uncertainties = tuple(row.uncertainties[index] for index in first) if row.uncertainties else ()
            row = replace(row, predicted=tuple(row.predicted[index] for index in first), uncertainties=uncertainties)
        return row

    def in_words(self) -> str:
        """Return a sentence a reader can check a paper's table against."""
        boxes = "any of gold's boxes" if self.gold_boxes == "any" else "gold's largest box"
        sign = ">" if self.iou_must_exceed else ">="
        repeated = "count" if self.duplicates == "keep" else "are dropped"
        case = "case-sensitive" if self.is_case_sensitive else "in lower case"
        by_type, paired = ("text and type" if flag else "text" for flag in (self.no_target_by_type, self.grounding_by_type))
        tie = "one half" if self.auroc_ties == "half" else "nothing"
        grec = "IoU" if self.grec_overlap == "iou" else "GIoU, pairing the highest first"
        return (
            f"A place is right at IoU {sign} {self.iou_threshold:g} of the first predicted box with {boxes}, or None for None. "
            f"Texts are compared {case}, white space collapsed. Repeated predictions {repeated}. N-scores compare {by_type}. "
            "Acc@0.5 and Acc@0.75 count from these values on, whatever the threshold; they and the mean IoU pair entities by "
            f"{paired}. A tie counts {tie} in the AUROC of uncertainty. GREC's Pr@(F1=1) compares boxes by {grec}."
        )

    def to_dict(self) -> dict[str, object]:
        """Return the content of metrics.json's `conventions`."""
        return asdict(self)


DEFAULT = Conventions()


def add_convention_flags(parser: ArgumentParser) -> None:
    """Give a command line one flag for each convention."""
    for one in fields(Conventions):
        is_flag = isinstance(one.default, bool)
        kind = {"type": _boolean, "nargs": "?", "const": True} if is_flag else {"type": type(one.default)}
        parser.add_argument(f"--{one.name}", default=one.default, help=f"{one.metadata['help']} ({one.default})", **kind)


def read_conventions(args: Namespace) -> Conventions:
    """Return the conventions of a parsed command line."""
    return Conventions(**{one.name: getattr(args, one.name) for one in fields(Conventions)})


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ArgumentTypeError(f"got {text!r}, expected true or false")
    return text.lower() == "true"


def unify_rows(rows: Sequence[ScoredSample], conventions: Conventions) -> list[ScoredSample]:
    """Return all samples as the conventions see them; free of cost under the default."""
    return list(rows) if conventions == DEFAULT else [conventions.unify(row) for row in rows]


def _lower(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(replace(entity, text=entity.text.lower()) for entity in entities)


def _largest_alone(entity: Entity) -> Entity:
    if not entity.boxes:
        return entity
    return replace(entity, boxes=(max(entity.boxes, key=area),))
