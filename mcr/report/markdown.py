"""report.md: the scores, the two biases in words, what could not be read, a few samples. Text from data is escaped."""

import html
import re
import statistics
from collections.abc import Sequence
from typing import Any

from mcr.io.predictions import PredictionReport
from mcr.metrics.error_kinds import KINDS
from mcr.metrics.evaluate import Metrics
from mcr.metrics.scores import PrecisionRecallF1
from mcr.records import Entity, ScoredSample, collapse_space
from mcr.report.evaluation import Evaluation

SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")
MAX_CELL_CHARS = 200


def escape(text: str) -> str:
    """Return text that shows as itself in Markdown and in HTML made from it, on one line, cut at MAX_CELL_CHARS."""
    line = collapse_space("".join(char if char.isprintable() else " " for char in text))
    line = line if len(line) <= MAX_CELL_CHARS else line[:MAX_CELL_CHARS] + "\u2026"
    return SPECIAL.sub(r"\\\1", html.escape(line, quote=False))


def escape_line(text: str) -> str:
    """Return a sentence of ours that names words of the data, escaped piece by piece and not cut."""
    return " ".join(escape(word) for word in text.split())


def percent(value: float) -> str:
    """Return a fraction as per cent with two decimals."""
    return f"{100 * value:.2f}"


def mean_and_deviation(values: Sequence[float]) -> str:
    """Return the mean and the standard deviation (n) of fractions as per cent.

    >>> mean_and_deviation([0.5, 0.7])
    '60.00 ± 10.00'
    """
    return f"{percent(statistics.fmean(values))} \u00b1 {percent(statistics.pstdev(values))}"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; cells are taken as they are."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join(lines + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows])


def rate_cells(scores: PrecisionRecallF1) -> list[str]:
    """Return precision, recall and F1 in per cent."""
    return [percent(value) for value in (scores.precision, scores.recall, scores.f1)]


def write_report(system: Evaluation, title: str) -> str:
    """Return the report as Markdown; pictures are linked by the names that recipes/evaluate.py gives them."""
    metrics = system.metrics
    no_target = metrics.no_target
    return "\n\n".join(
        [
            f"# {escape(title)}",
            f"{metrics.num_samples} samples. All scores in per cent; F1 is micro-averaged. {metrics.conventions.in_words()}",
            _task_table(metrics),
            *_intervals(system),
            *_grec(metrics),
            "## The two biases",
            f"Visual bias: {metrics.n_count} of {metrics.num_named} predictions name something that does not occur "
            f"in the sentence (N-Rate {percent(metrics.n_rate)}).",
            f"Textual bias: of {no_target.num_gold} entities that the image does not show, {no_target.num_correct} were "
            f"left without a box (N-Pre {percent(no_target.precision)}, N-Rec {percent(no_target.recall)}, "
            f"N-F1 {percent(no_target.f1)}).",
            "## Grounding and types",
            _grounding_table(metrics),
            *_folded_types(metrics),
            "![scores](scores.png)",
            "## What went wrong",
            table(("kind", "count", "what it means"), [[kind, system.errors[kind], KINDS[kind]] for kind in KINDS]),
            "## What could not be read",
            _unreadable(system.report),
            *_suspicions(system),
            "## Samples",
            _samples(system.rows),
            "",
        ]
    )


def _intervals(system: Evaluation) -> list[str]:
    """Return how sure each score is, where intervals were computed."""
    if not system.intervals:
        return []
    rows = [[name, percent(one.value), f"{percent(one.low)} to {percent(one.high)}"] for name, one in system.intervals.items()]
    return ["## How sure", "95 % intervals of the bootstrap over samples.", table(("measure", "score", "95 % interval"), rows)]


def _grec(metrics: Metrics) -> list[str]:
    """Return GREC's measures, where there are phrases."""
    if metrics.grec is None:
        return []
    rows = [[name, percent(value)] for name, value in metrics.grec.shares().items()]
    rows += [["samples without a target", str(metrics.grec.num_no_target)], ["samples with one", str(metrics.grec.num_target)]]
    return ["## GREC", table(("measure", "score"), rows)]


def _folded_types(metrics: Metrics) -> list[str]:
    """Return which types the label set's aliases made equal to another spelling."""
    if not metrics.folded_types:
        return []
    rows = [[escape(one.written), escape(one.label), one.num_gold, one.num_predicted] for one in metrics.folded_types]
    return [escape_line(metrics.aliases_in_words()), table(("written", "counted as", "in gold", "in predictions"), rows)]


def _suspicions(system: Evaluation) -> list[str]:
    """Return what looks wrong in the predictions."""
    lines = [f"- {one.count} x {escape(one.what)} For example: {escape('; '.join(one.examples))}" for one in system.suspicions]
    return ["## What looks wrong", "\n".join(lines)] if lines else []


def _task_table(metrics: Metrics) -> str:
    named = {"GMNER": metrics.gmner, "MNER": metrics.mner, "EEG": metrics.eeg, "no target (N)": metrics.no_target}
    rows = [
        [name, *rate_cells(scores), scores.num_correct, scores.num_predicted, scores.num_gold] for name, scores in named.items()
    ]
    return table(("task", "precision", "recall", "F1", "correct", "predicted", "gold"), rows)


def _grounding_table(metrics: Metrics) -> str:
    values = metrics.grounding.to_dict()
    grounding = table(tuple(values), [[percent(value) for value in values.values()]])
    per_type = [[escape(name), *rate_cells(scores), scores.num_gold] for name, scores in metrics.per_type.items()]
    return grounding + "\n\n" + table(("type", "precision", "recall", "F1", "gold"), per_type)


def _unreadable(report: PredictionReport) -> str:
    lines = [
        f"- {report.num_unreadable} completions without a readable answer (scored as empty)",
        f"- {report.num_with_problems} completions with parts that could not be read",
        f"- {report.num_missing} samples without a prediction (scored as empty)",
    ]
    if report.missing_ids:
        lines.append("- missing: " + ", ".join(escape(sample_id) for sample_id in report.missing_ids[:10]))
    return "\n".join(lines)


def _samples(rows: Sequence[ScoredSample]) -> str:
    lines = ["![samples](samples.png)", "", "Gold boxes are blue, predicted boxes orange."]
    for row in rows[:8]:
        lines.append(f"\n**{escape(row.sentence)}**\n")
        lines += [f"- gold: {_describe(entity)}" for entity in row.gold]
        lines += [f"- predicted: {_describe(entity)}" for entity in row.predicted]
    return "\n".join(lines)


def _describe(entity: Entity) -> str:
    if entity.boxes is None:
        place = "None"
    else:
        place = "; ".join("[" + ", ".join(f"{v:.0f}" for v in box) + "]" for box in entity.boxes) or "unreadable"
    return f"{escape(entity.text)} \u2013 {escape(entity.type)} \u2013 {place}"
