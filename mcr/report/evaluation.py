"""One system on one gold file: every measure, its interval, every error, and what looks wrong in the predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mcr.io.checks.suspicion import Suspicion
from mcr.io.predictions import Prediction, PredictionReport, join_gold
from mcr.io.sanity_checks import find_suspicions
from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.counts import Counts, count_rows
from mcr.metrics.error_kinds import Confusion, Verdict, confusion, count_kinds, judge
from mcr.metrics.evaluate import Metrics, metrics_of
from mcr.metrics.uncertainty import judged_part
from mcr.records import Sample, ScoredSample
from mcr.uncertainties import PARTS

if TYPE_CHECKING:
    from mcr.metrics.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a report is made of; lists go by sample, in gold's order.

    Attributes:
        name: of the system, as the report shows it.
        rows: gold beside predictions, as the conventions see them: one entity a box where each box is an entity of its own.
        counts: what each sample adds to the sums of the measures.
        verdicts: what became of every prediction and gold entity.
        metrics: every measure.
        intervals: the measures with their intervals, by the name that the report shows.
        errors: how many errors there are of each kind.
        confusion: which types were predicted as which.
        report: what was missing or could not be read.
        suspicions: what looks wrong in the predictions.
        judged_parts: the uncertainties of right parts and of wrong ones, by part; a part without both is left out.
    """

    name: str
    samples: Sequence[Sample]
    predictions: Sequence[Prediction | None]
    rows: Sequence[ScoredSample]
    counts: Sequence[Counts]
    verdicts: Sequence[Sequence[Verdict]]
    metrics: Metrics
    intervals: Mapping[str, "Estimate"]
    errors: Mapping[str, int]
    confusion: Confusion
    report: PredictionReport
    suspicions: Sequence[Suspicion]
    judged_parts: Mapping[str, tuple[Sequence[float], Sequence[float]]]

    def is_right(self, index: int) -> bool:
        """Whether a sample's prediction is gold's, no more and no less."""
        return all(verdict.kind == "right" for verdict in self.verdicts[index])

    def to_dict(self) -> dict[str, Any]:
        """Return the content of metrics.json."""
        return self.metrics.to_dict() | {
            "intervals": {measure: asdict(one) for measure, one in self.intervals.items()},
            "errors": dict(self.errors),
            "confusion": asdict(self.confusion),
            "suspicions": [suspicion.to_dict() for suspicion in self.suspicions],
        }

    def warnings(self) -> list[str]:
        """Return in words what a reader of the scores should know: what is missing, cannot be read or looks wrong."""
        return warnings_of(self.metrics, self.suspicions, self.report.missing_ids)


def warnings_of(metrics: Metrics, suspicions: Sequence[Suspicion], missing_ids: Sequence[str] = ()) -> list[str]:
    """Return what is missing, cannot be read or looks wrong, a sentence each."""
    examples = f", for example {', '.join(missing_ids[:5])}" if missing_ids else ""
    counts = (
        (metrics.num_missing, f"samples have no prediction and count as empty{examples}"),
        (metrics.num_unreadable, "samples have a completion without a readable answer and count as empty"),
        (metrics.num_with_problems, "samples have a completion with parts that could not be read"),
    )
    sentences = [f"{count} of {metrics.num_samples} {words}." for count, words in counts if count]
    return sentences + [suspicion.in_words() for suspicion in suspicions]


def evaluate_system(
    name: str,
    samples: Sequence[Sample],
    predictions: Sequence[Prediction],
    *,
    conventions: Conventions = DEFAULT,
    seen_texts: frozenset[str] | None = None,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> Evaluation:
    """Score predictions against gold.

    Raises:
        DataError: predictions for samples that gold does not have.
    """
    from mcr.metrics.intervals import estimate  # which needs NumPy; the numbers alone, as in `mcr score`, do not

    joined, report = join_gold(samples, predictions)
    rows = unify_rows(joined, conventions)
    by_id = {prediction.id: prediction for prediction in predictions}
    by_sample = [by_id.get(sample.id) for sample in samples]
    placed = [conventions.by_box(row) for row in rows]
    verdicts = [
        judge(row, is_readable=one is None or one.is_readable, conventions=conventions)
        for row, one in zip(placed, by_sample, strict=True)
    ]
    counts = count_rows(rows, conventions, seen_texts)
    return Evaluation(
        name=name,
        samples=samples,
        predictions=by_sample,
        rows=placed,
        counts=counts,
        verdicts=verdicts,
        metrics=metrics_of(rows, counts, conventions, seen_texts).with_report(report),
        intervals=estimate(counts, num_resamples=num_resamples, seed=seed),
        errors=count_kinds(verdicts),
        confusion=confusion(placed, verdicts, conventions.labels),
        report=report,
        suspicions=find_suspicions(samples, predictions, conventions.labels, is_case_sensitive=conventions.is_case_sensitive),
        judged_parts={part: found for part in PARTS if all(found := judged_part(placed, part, conventions))},
    )
