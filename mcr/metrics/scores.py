"""Scores as functions of summed counts (mcr.metrics.counts), each defined once: a score is a ratio of sums."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcr.metrics.counts import CURVE_THRESHOLDS, Counts, Key


@dataclass(frozen=True, slots=True)
class Ratio:
    """A score: the sum of some counts over the sum of others; 0 where the denominator is 0. Without others it is the sum itself.

    >>> f1_of("mner").of({("mner", "correct"): 1, ("mner", "predicted"): 2, ("mner", "gold"): 4})
    0.3333333333333333
    """

    top: tuple[Key, ...]
    bottom: tuple[Key, ...]

    def of(self, sums: Counts) -> float:
        """Return the score, as a fraction."""
        top, bottom = (sum(sums.get(key, 0) for key in keys) for keys in (self.top, self.bottom))
        return top if self.is_count else top / bottom if bottom else 0.0

    @property
    def is_count(self) -> bool:
        """Whether the score is a count and no fraction."""
        return not self.bottom


def precision_of(*measure: str) -> Ratio:
    """Return micro precision."""
    return Ratio(((*measure, "correct"),), ((*measure, "predicted"),))


def recall_of(*measure: str) -> Ratio:
    """Return micro recall."""
    return Ratio(((*measure, "correct"),), ((*measure, "gold"),))


def f1_of(*measure: str) -> Ratio:
    """Return micro F1, as 2 correct / (predicted + gold)."""
    return Ratio(((*measure, "correct"),) * 2, ((*measure, "predicted"), (*measure, "gold")))


def share_of(measure: str, part: str, *wholes: str) -> Ratio:
    """Return a part's share of one or more others of the same measure."""
    return Ratio(((measure, part),), tuple((measure, whole) for whole in wholes))


N_COUNT = Ratio((("names", "invented"),), ())
N_RATE = share_of("names", "invented", "predicted")
ACC_50, ACC_75, MEAN_IOU = (share_of("grounding", part, "gold") for part in ("hits@0.5", "hits@0.75", "iou"))
N_ACC = share_of("grec", "none_said", "no_target")
T_ACC = share_of("grec", "some_said", "target")
GREC_PRECISION = share_of("grec", "first_hit", "target")
VERDICT_ACCURACY = share_of("verdict", "right", "phrases")
GREC_EXACT = share_of("grec", "exact", "target", "no_target")


def curve_of(counted: str, measure: str) -> dict[str, Ratio]:
    """Return F1 at each of the curve's IoU thresholds."""
    return {
        f"{threshold:.1f}": Ratio(((counted, f"{threshold:.1f}", "correct"),) * 2, f1_of(measure).bottom)
        for threshold in CURVE_THRESHOLDS
    }


IOU_CURVE: Mapping[str, Ratio] = curve_of("iou_curve", "gmner")
MASK_IOU_CURVE: Mapping[str, Ratio] = curve_of("smner_curve", "smner")


def rates_of(name: str, *measure: str) -> dict[str, Ratio]:
    """Return F1, precision and recall of one measure by the names that reports show."""
    return {f"{name} F1": f1_of(*measure), f"{name} precision": precision_of(*measure), f"{name} recall": recall_of(*measure)}


NO_TARGET_MEASURES: Mapping[str, Ratio] = {
    "N-Pre": precision_of("no_target"),
    "N-Rec": recall_of("no_target"),
    "N-F1": f1_of("no_target"),
}
GROUNDING_MEASURES: Mapping[str, Ratio] = {"Acc@0.5": ACC_50, "Acc@0.75": ACC_75, "mean IoU": MEAN_IOU}
MEASURES: Mapping[str, Ratio] = {
    **rates_of("GMNER", "gmner"),
    **rates_of("MNER", "mner"),
    **rates_of("EEG", "eeg"),
    "N-Rate": N_RATE,
    **NO_TARGET_MEASURES,
    **GROUNDING_MEASURES,
}
FINE_MEASURES: Mapping[str, Ratio] = {
    "FMNERG F1": f1_of("gmner"),
    "FMNERG F1, coarse types": f1_of("fmnerg", "coarse"),
    "FMNER F1": f1_of("fmner", "fine"),
    "FMNER F1, coarse types": f1_of("fmner", "coarse"),
}
MASK_MEAN_IOU = share_of("smner", "iou", "masked")
PHRASE_MASK_IOU = share_of("phrase_masks", "iou", "phrases")
MASK_MEASURES: Mapping[str, Ratio] = {**rates_of("SMNER", "smner"), **rates_of("EES", "ees"), "mean mask IoU": MASK_MEAN_IOU}
SEEN_MEASURES: Mapping[str, Ratio] = {"GMNER F1, seen": f1_of("seen", "seen"), "GMNER F1, unseen": f1_of("seen", "unseen")}
SEEN_NAMES: Mapping[str, Ratio] = {
    "MNER F1, seen": f1_of("seen_names", "seen"),
    "MNER F1, unseen": f1_of("seen_names", "unseen"),
}
NO_PLACE_MEASURES: Mapping[str, Ratio] = {"GREC N-acc": N_ACC}
PLACE_MEASURES: Mapping[str, Ratio] = {"GREC precision": GREC_PRECISION, "GREC T-acc": T_ACC}
GREC_MEASURES: Mapping[str, Ratio] = {**NO_PLACE_MEASURES, **PLACE_MEASURES, "GREC Pr@(F1=1)": GREC_EXACT}


def _has(sums: Counts, *key: str) -> bool:
    return sums.get(key, 0) > 0


def has_fine_types(sums: Counts) -> bool:
    """Whether any type is a fine one (Twitter-FMNERG)."""
    return _has(sums, "fmnerg", "fine_types")


def has_masks(sums: Counts) -> bool:
    """Whether any gold entity has a mask (Twitter-SMNER): masks of predictions alone cannot be scored."""
    return _has(sums, "smner", "with_masks")


def has_phrases(sums: Counts) -> bool:
    """Whether any sample is a phrase to be found (GREC)."""
    return _has(sums, "grec", "target") or _has(sums, "grec", "no_target")


def has_seen(sums: Counts) -> bool:
    """Whether entities were told apart by the texts of the training samples."""
    return ("seen", "seen", "gold") in sums


def measures_of(sums: Counts) -> dict[str, Ratio]:
    """Return the measures that the samples have, by the names that reports show.

    A measure is there where gold holds something that it counts: phrases have no GMNER, and gold without an absent entity has no
    N-F1. N-Rate looks at predictions alone; it is there where a task asks for names.

    >>> list(measures_of({("names", "predicted"): 0, ("mner", "gold"): 2}))
    ['MNER F1', 'MNER precision', 'MNER recall', 'N-Rate']
    """
    groups: tuple[tuple[bool, Mapping[str, Ratio]], ...] = (
        (_has(sums, "gmner", "gold"), rates_of("GMNER", "gmner")),
        (_has(sums, "mner", "gold"), rates_of("MNER", "mner")),
        (_has(sums, "eeg", "gold"), rates_of("EEG", "eeg")),
        (("names", "predicted") in sums, {"N-Rate": N_RATE}),
        (_has(sums, "no_target", "gold"), NO_TARGET_MEASURES),
        (_has(sums, "grounding", "gold"), GROUNDING_MEASURES),
        (has_fine_types(sums), FINE_MEASURES),
        (has_masks(sums), MASK_MEASURES),
        (has_seen(sums), SEEN_MEASURES),
        (("seen_names", "seen", "gold") in sums, SEEN_NAMES),
        (_has(sums, "grec", "no_target"), NO_PLACE_MEASURES),
        (_has(sums, "grec", "target"), PLACE_MEASURES),
        (has_phrases(sums), {"GREC Pr@(F1=1)": GREC_EXACT}),
        (_has(sums, "phrase_masks", "phrases"), {"mean mask IoU of phrases": PHRASE_MASK_IOU}),
        (_has(sums, "verdict", "phrases"), {"verdict accuracy": VERDICT_ACCURACY}),
    )
    return {name: ratio for is_there, measures in groups if is_there for name, ratio in measures.items()}


@dataclass(frozen=True, slots=True)
class PrecisionRecallF1:
    """Micro precision, recall and F1 as fractions, with their counts. A zero denominator gives 0."""

    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    num_correct: int = 0
    num_predicted: int = 0
    num_gold: int = 0


def precision_recall_f1(sums: Counts, *measure: str) -> PrecisionRecallF1:
    """Return the scores of one measure.

    >>> str(precision_recall_f1({("mner", "correct"): 1, ("mner", "predicted"): 2, ("mner", "gold"): 4}, "mner"))
    'PrecisionRecallF1(precision=0.5, recall=0.25, f1=0.3333333333333333, num_correct=1, num_predicted=2, num_gold=4)'
    """
    return PrecisionRecallF1(
        precision_of(*measure).of(sums),
        recall_of(*measure).of(sums),
        f1_of(*measure).of(sums),
        int(sums.get((*measure, "correct"), 0)),
        int(sums.get((*measure, "predicted"), 0)),
        int(sums.get((*measure, "gold"), 0)),
    )


def by_name(sums: Counts, measure: str) -> dict[str, PrecisionRecallF1]:
    """Return the scores of a measure that is counted by name, e.g. of each type, sorted by name."""
    names = sorted({key[1] for key in sums if key[0] == measure})
    return {name: precision_recall_f1(sums, measure, name) for name in names}


@dataclass(frozen=True, slots=True)
class FineAndCoarse:
    """Scores with fine types and with those they fold into."""

    fine: PrecisionRecallF1
    coarse: PrecisionRecallF1


@dataclass(frozen=True, slots=True)
class SeenAndUnseen:
    """Scores of the entities whose text is in the training samples, and of the others."""

    seen: PrecisionRecallF1
    unseen: PrecisionRecallF1


@dataclass(frozen=True, slots=True)
class Grounding:
    """Acc@0.5, Acc@0.75 and mean IoU over gold entities with a box (E2E-GMNER Eqs. 11-12); 0 where gold has none."""

    acc_50: float
    acc_75: float
    mean_iou: float

    def to_dict(self) -> dict[str, float]:
        """Return the form in metrics.json."""
        return {"acc@0.5": self.acc_50, "acc@0.75": self.acc_75, "mean_iou": self.mean_iou}


@dataclass(frozen=True, slots=True)
class Grec:
    """GREC's measures over phrases, as fractions; a zero denominator gives 0.

    Attributes:
        n_acc: of the samples without a target, the share for which none was said (MCR Eq. 25).
        t_acc: of those with one, the share for which a place was predicted.
        precision: of those with one, the share whose first box hits any gold box by IoU (MCR E.3).
        exact: Pr@(F1=1): of all, the share whose boxes match gold's one to one, none unmatched on either side.
    """

    n_acc: float
    t_acc: float
    precision: float
    exact: float
    num_no_target: int
    num_target: int

    def shares(self) -> dict[str, float]:
        """Return the scores by their names in metrics.json."""
        return {"n_acc": self.n_acc, "t_acc": self.t_acc, "precision": self.precision, "pr@f1=1": self.exact}

    def to_dict(self) -> dict[str, float | int]:
        """Return the form in metrics.json."""
        return {**self.shares(), "num_no_target": self.num_no_target, "num_target": self.num_target}


def grounding_scores(sums: Counts) -> Grounding:
    """Return the scores of grounding."""
    return Grounding(*(ratio.of(sums) for ratio in (ACC_50, ACC_75, MEAN_IOU)))


def grec_scores(sums: Counts) -> Grec:
    """Return GREC's scores."""
    num_no_target, num_target = (int(sums.get(("grec", part), 0)) for part in ("no_target", "target"))
    return Grec(N_ACC.of(sums), T_ACC.of(sums), GREC_PRECISION.of(sums), GREC_EXACT.of(sums), num_no_target, num_target)
