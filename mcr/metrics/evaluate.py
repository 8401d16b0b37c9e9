"""Every measure of predictions against gold, in one call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mcr.errors import raise_faults
from mcr.io.predictions import Prediction, PredictionReport, join_gold
from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.counts import Counts, count_rows, main_counts, total
from mcr.metrics.scores import (
    IOU_CURVE,
    N_RATE,
    FineAndCoarse,
    Grec,
    Grounding,
    PrecisionRecallF1,
    SeenAndUnseen,
    by_name,
    grec_scores,
    grounding_scores,
    has_fine_types,
    has_masks,
    has_phrases,
    has_seen,
    measures_of,
    precision_recall_f1,
)
from mcr.metrics.uncertainty import part_aurocs, part_aurocs_by_names, uncertainty_auroc
from mcr.records import Sample, ScoredSample

HEADLINES = (
    "GMNER F1",
    "MNER F1",
    "EEG F1",
    "N-Rate",
    "N-F1",
    "SMNER F1",
    "GREC N-acc",
    "GREC precision",
    "GREC Pr@(F1=1)",
    "verdict accuracy",
)


@dataclass(frozen=True, slots=True)
class FoldedType:
    """A type that was written otherwise than the label set does, and how often.

    Attributes:
        written: as gold or a prediction has it.
        label: what it counts as.
        num_gold: how often in gold.
        num_predicted: how often in predictions.
    """

    written: str
    label: str
    num_gold: int
    num_predicted: int

    def __str__(self) -> str:
        return f"{self.written} -> {self.label}: {self.num_gold + self.num_predicted}"


@dataclass(frozen=True, slots=True)
class Metrics:
    """The measures of a set of samples, as fractions; docs/report.md says what each means.

    GMNER, EEG, no_target, grounding and what follows from them are over samples whose task asks for locations, MNER over those
    that ask for types, n_count and n_rate over those that ask for names, grec over phrases.

    Attributes:
        no_target: N-Pre, N-Rec, N-F1: the textual bias (MCR Eqs. 26-29).
        n_count: predictions whose text does not occur in the sentence: the visual bias. Exact, white space collapsed.
        n_rate: their share of the predictions. Differs: MCR divides the count by the number of predictions in Eq. 30 (N-Count)
            and once more in Eq. 31 (N-Rate). Its Table 4 shows the count itself and its share. We follow the table.
        per_type: GMNER by type.
        iou_curve: GMNER F1 by the IoU threshold, "0.1" to "1.0".
        num_named: predictions of samples whose task asks for names.
        folded_types: what the label set's aliases made equal, the most frequent first.
        num_missing: samples without a prediction; they count as empty.
        num_unreadable: completions without a readable answer; they count as empty.
        num_with_problems: completions with parts that could not be read.
        fmnerg: with fine and with coarse types; None where no type is a fine one, as fmner and per_coarse_type.
        smner: by masks; None where there are none, as ees.
        has_uncertainties: whether any prediction has an uncertainty.
        uncertainty_auroc: None if there is no right or no wrong prediction with an uncertainty.
        part_aurocs: of the uncertainties of parts, by part; empty where no prediction has any (UnCo Fig. 3).
        seen: by the texts of the training samples, where they were given.
        without_aliases: GMNER F1 and MNER F1 with types compared as they are written, where aliases made any equal.
        grec: None where no sample is a phrase.
        measures: every measure that the samples have, by the name that reports show: fractions, and the number N-Count. What the
            tasks do not ask for, or gold holds nothing of, is not among them (`mcr.metrics.scores.measures_of`).
    """

    gmner: PrecisionRecallF1
    mner: PrecisionRecallF1
    eeg: PrecisionRecallF1
    no_target: PrecisionRecallF1
    n_count: int
    n_rate: float
    grounding: Grounding
    per_type: Mapping[str, PrecisionRecallF1]
    iou_curve: Mapping[str, float]
    conventions: Conventions
    num_samples: int
    num_named: int = 0
    folded_types: tuple[FoldedType, ...] = ()
    num_missing: int = 0
    num_unreadable: int = 0
    num_with_problems: int = 0
    fmnerg: FineAndCoarse | None = None
    fmner: FineAndCoarse | None = None
    per_coarse_type: Mapping[str, PrecisionRecallF1] | None = None
    smner: PrecisionRecallF1 | None = None
    ees: PrecisionRecallF1 | None = None
    has_uncertainties: bool = False
    uncertainty_auroc: float | None = None
    part_aurocs: Mapping[str, float] = field(default_factory=dict)
    seen: SeenAndUnseen | None = None
    without_aliases: Mapping[str, float] = field(default_factory=dict)
    grec: Grec | None = None
    measures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return "  ".join(f"{name} {self.measures[name]:.4f}" for name in HEADLINES if name in self.measures) or "no measure"

    def to_dict(self) -> dict[str, Any]:
        """Return the content of metrics.json; what the samples do not hold is left out."""
        row: dict[str, Any] = {name: asdict(getattr(self, name)) for name in ("gmner", "mner", "eeg", "no_target")}
        row |= {"n_count": self.n_count, "n_rate": self.n_rate, "grounding": self.grounding.to_dict()}
        row |= {"per_type": _to_dicts(self.per_type), "iou_curve": dict(self.iou_curve)}
        row |= {"conventions": self.conventions.to_dict(), "folded_types": [asdict(one) for one in self.folded_types]}
        counts = ("num_samples", "num_named", "num_missing", "num_unreadable", "num_with_problems")
        row |= {name: getattr(self, name) for name in counts}
        further = {name: getattr(self, name) for name in ("fmnerg", "fmner", "smner", "ees", "seen")}
        row |= {name: asdict(one) for name, one in further.items() if one is not None}
        if self.per_coarse_type is not None:
            row["per_coarse_type"] = _to_dicts(self.per_coarse_type)
        if self.has_uncertainties:
            row["uncertainty_auroc"] = self.uncertainty_auroc
        if self.part_aurocs:
            row["part_aurocs"] = dict(self.part_aurocs)
        if self.without_aliases:
            row["without_aliases"] = dict(self.without_aliases)
        if self.grec is not None:
            row["grec"] = self.grec.to_dict()
        return row | {"measures": dict(self.measures)}

    def aliases_in_words(self) -> str:
        """Return which types the label set's aliases made equal to another spelling, and what they change."""
        counts = "; ".join(f"{one} ({one.num_gold} in gold, {one.num_predicted} predicted)" for one in self.folded_types)
        moved = ", ".join(
            f"{name} {100 * value:.2f} instead of {100 * self.measures[name]:.2f}"
            for name, value in self.without_aliases.items()
            if name in self.measures
        )
        change = f" With --type_aliases off: {moved}." if moved else ""
        return f"Types counted as another spelling by the aliases of label set {self.conventions.labels.name}: {counts}.{change}"

    def with_report(self, report: PredictionReport) -> "Metrics":
        """Return the metrics with the numbers of what was missing or could not be read."""
        return replace(
            self,
            num_missing=report.num_missing,
            num_unreadable=report.num_unreadable,
            num_with_problems=report.num_with_problems,
        )


def _to_dicts(scores: Mapping[str, PrecisionRecallF1]) -> dict[str, dict[str, float | int]]:
    return {name: asdict(one) for name, one in scores.items()}


def evaluate(
    gold: Sequence[Sample],
    predictions: Sequence[Prediction],
    *,
    conventions: Conventions = DEFAULT,
    seen_texts: frozenset[str] | None = None,
) -> Metrics:
    """Score predictions against gold; they are matched by id, and a missing one counts as empty.

    >>> from mcr.records import Entity, ImageRef
    >>> ann, rome = Entity("Ann", "PER", [(10, 10, 60, 90)]), Entity("Rome", "LOC")
    >>> first = Sample("1", "mine", "gmner", "Ann in Rome", (ImageRef("a.jpg", 100, 100),), (ann, rome))
    >>> gold = [first, Sample("2", "mine", "gmner", "Rome", (), (rome,))]
    >>> metrics = evaluate(gold, [Prediction("1", entities=(ann, Entity("Rome", "LOC", [(0, 0, 9, 9)])))])
    >>> print(metrics)
    GMNER F1 0.4000  MNER F1 0.8000  EEG F1 0.4000  N-Rate 0.0000  N-F1 0.0000
    >>> metrics.gmner.num_correct, metrics.mner.recall, metrics.num_missing
    (1, 0.6666666666666666, 1)

    Args:
        gold: the samples; what a sample's task asks for decides by which measures it is scored.
        predictions: at most one a sample, boxes in original pixels.
        conventions: how hits are counted.
        seen_texts: entity texts of the training samples, white space collapsed, in lower case where the conventions are not
            case-sensitive; without them there is no `seen`.

    Raises:
        DataError: several predictions, or several samples, of one id; predictions for samples that gold does not have.
    """
    for what, ids in (("samples of gold", [one.id for one in gold]), ("predictions", [one.id for one in predictions])):
        repeated = [f"id {name!r} occurs {num} times" for name, num in Counter(ids).items() if num > 1]
        raise_faults(f"{len(repeated)} ids of {what} occur more than once. Keep one of each", repeated)
    rows, report = join_gold(gold, predictions)
    return score_rows(rows, conventions, seen_texts).with_report(report)


def score_rows(
    rows: Sequence[ScoredSample], conventions: Conventions = DEFAULT, seen_texts: frozenset[str] | None = None
) -> Metrics:
    """Return every measure of samples that are joined with their predictions; the arguments are those of `evaluate`."""
    return metrics_of(rows, count_rows(rows, conventions, seen_texts), conventions, seen_texts)


def metrics_of(
    rows: Sequence[ScoredSample],
    counts: Sequence[Counts],
    conventions: Conventions = DEFAULT,
    seen_texts: frozenset[str] | None = None,
) -> Metrics:
    """Return every measure of samples from their counts, by the conventions and seen texts that they were counted by."""
    sums = total(counts)
    rows = unify_rows(rows, conventions)
    gmner, is_fine, is_masked = precision_recall_f1(sums, "gmner"), has_fine_types(sums), has_masks(sums)
    fmner = FineAndCoarse(*(precision_recall_f1(sums, "fmner", which) for which in ("fine", "coarse")))
    placed = [conventions.by_box(row) for row in rows if row.task.has_text and row.task.has_type and row.task.has_location]
    auroc = uncertainty_auroc(placed, conventions.agrees_on_type_and_location, conventions.auroc_ties)
    named = [conventions.by_box(row) for row in rows if row.task.has_text]
    of_parts = part_aurocs(named, conventions)
    of_names = {} if seen_texts is None else part_aurocs_by_names(named, conventions, seen_texts)
    return Metrics(
        gmner=gmner,
        mner=precision_recall_f1(sums, "mner"),
        eeg=precision_recall_f1(sums, "eeg"),
        no_target=precision_recall_f1(sums, "no_target"),
        n_count=int(sums.get(("names", "invented"), 0)),
        n_rate=N_RATE.of(sums),
        grounding=grounding_scores(sums),
        per_type=by_name(sums, "per_type"),
        iou_curve={threshold: ratio.of(sums) for threshold, ratio in IOU_CURVE.items()},
        conventions=conventions,
        num_samples=len(rows),
        num_named=int(sums.get(("names", "predicted"), 0)),
        folded_types=_folded_types(sums),
        fmnerg=FineAndCoarse(gmner, precision_recall_f1(sums, "fmnerg", "coarse")) if is_fine else None,
        fmner=fmner if is_fine else None,
        per_coarse_type=by_name(sums, "per_coarse_type") if is_fine else None,
        smner=precision_recall_f1(sums, "smner") if is_masked else None,
        ees=precision_recall_f1(sums, "ees") if is_masked else None,
        has_uncertainties=any(row.uncertainties for row in named),
        uncertainty_auroc=auroc,
        part_aurocs=of_parts,
        seen=SeenAndUnseen(*(precision_recall_f1(sums, "seen", part) for part in ("seen", "unseen"))) if has_seen(sums) else None,
        without_aliases=_without_aliases(rows, conventions) if _folded_types(sums) else {},
        grec=grec_scores(sums) if has_phrases(sums) else None,
        measures=_measures(sums, auroc, of_parts, of_names),
    )


def _without_aliases(rows: Sequence[ScoredSample], conventions: Conventions) -> dict[str, float]:
    """Return the main scores with types compared as they are written."""
    plain = replace(conventions, type_aliases=False)
    sums = total(main_counts(row, plain) for row in rows)
    return {f"{measure.upper()} F1": precision_recall_f1(sums, measure).f1 for measure in ("gmner", "mner")}


def _measures(
    sums: Counts, auroc: float | None, of_parts: Mapping[str, float], of_names: Mapping[str, float]
) -> dict[str, float]:
    """Return every measure that the samples have: the ratios, N-Count beside N-Rate, and the AUROCs."""
    measures: dict[str, float] = {}
    for name, ratio in measures_of(sums).items():
        if name == "N-Rate":
            measures["N-Count"] = int(sums.get(("names", "invented"), 0))
        measures[name] = ratio.of(sums)
    measures |= {} if auroc is None else {"AUROC of uncertainty": auroc}
    measures |= {f"AUROC of {part} uncertainty": value for part, value in of_parts.items()}
    return measures | {f"AUROC of uncertainty, {names}": value for names, value in of_names.items()}


def _folded_types(sums: Counts) -> tuple[FoldedType, ...]:
    pairs = {(key[1], key[2]) for key in sums if key[0] == "folded_types"}
    found = [
        FoldedType(
            written, label, *(int(sums.get(("folded_types", written, label, whose), 0)) for whose in ("gold", "predicted"))
        )
        for written, label in pairs
    ]
    return tuple(sorted(found, key=lambda one: (-one.num_gold - one.num_predicted, one.written, one.label)))
