"""One system on one gold file: every measure, its interval, every error, and what looks wrong in the predictions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcr.io.predictions import Prediction, PredictionReport, join_gold
from mcr.metrics.conventions import DEFAULT, Conventions, unify_rows
from mcr.metrics.error_kinds import Verdict, confusion, count_kinds, judge
from mcr.metrics.intervals import estimate
from mcr.metrics.sanity_checks import Suspicion, find_suspicions
from mcr.metrics.scores import evaluate
from mcr.records import Sample, ScoredSample


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a report is made of; lists go by sample, in gold's order.

    Attributes:
        name: of the system, as the report shows it.
        rows: gold beside predictions, as the conventions see them.
        verdicts: what became of every prediction and gold entity.
        metrics: the content of metrics.json.
        report: what was missing or could not be read.
        suspicions: what looks wrong in the predictions.
    """

    name: str
    samples: Sequence[Sample]
    predictions: Sequence[Prediction | None]
    rows: Sequence[ScoredSample]
    verdicts: Sequence[Sequence[Verdict]]
    metrics: dict[str, Any]
    report: PredictionReport
    suspicions: Sequence[Suspicion]

    def is_right(self, index: int) -> bool:
        """Whether a sample's prediction is gold's, no more and no less."""
        return all(verdict.kind == "right" for verdict in self.verdicts[index])


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
    joined, report = join_gold(samples, predictions)
    rows = unify_rows(joined, conventions)
    by_id = {prediction.id: prediction for prediction in predictions}
    found = [by_id.get(sample.id) for sample in samples]
    verdicts = [
        judge(row, is_readable=one is None or one.is_readable, conventions=conventions)
        for row, one in zip(rows, found, strict=True)
    ]
    intervals = estimate(joined, num_resamples=num_resamples, seed=seed, conventions=conventions)
    suspicions = find_suspicions(samples, predictions)
    names, counts = confusion(rows, verdicts)
    metrics = evaluate(joined, conventions, seen_texts) | {
        "intervals": {measure: asdict(one) for measure, one in intervals.items()},
        "errors": count_kinds(verdicts),
        "confusion": {"types": names, "counts": counts},
        "num_unreadable": report.num_unreadable,
        "num_with_problems": report.num_with_problems,
        "num_missing": report.num_missing,
        "suspicions": [suspicion.to_dict() for suspicion in suspicions],
    }
    return Evaluation(name, samples, found, rows, verdicts, metrics, report, suspicions)
