"""A paper's table made of results: mean over seeds, spread, 95 % interval, and the paper's figure beside each."""

from collections.abc import Mapping, Sequence

import numpy as np

from mcr.metrics.intervals import SeedsEstimate, difference_over_seeds, estimate_over_seeds, mean_with_interval
from mcr.metrics.scores import Ratio
from mcr.report.markdown import escape, table
from mcr.results.row_results import RowResult
from mcr.systems.tables import Column, Figure, Row, Table

NOTHING = "\u2013"


def estimate_row(
    columns: Sequence[Column], results: Sequence[RowResult], *, num_resamples: int = 10_000
) -> dict[str, SeedsEstimate]:
    """Return the estimates of a row by the column's header; columns that its evaluations do not have are left out.

    Args:
        columns: of the table.
        results: of the row, one a seed.
        num_resamples: of the hierarchical bootstrap.
    """
    found: dict[str, SeedsEstimate] = {}
    for evaluation in dict.fromkeys(column.evaluation for column in columns):
        if all(evaluation in result.counts for result in results):
            own = [column for column in columns if column.evaluation == evaluation]
            measures = {column.header: column.measure for column in own if isinstance(column.measure, Ratio)}
            counts = [result.counts[evaluation].rows for result in results]
            found |= estimate_over_seeds(counts, measures, num_resamples=num_resamples) if measures else {}
    figures = {column.header: _figures(column, results) for column in columns if isinstance(column.measure, Figure)}
    return found | {header: estimate_figures(values) for header, values in figures.items() if values}


def _figures(column: Column, results: Sequence[RowResult]) -> list[float]:
    """Return the figure of each result; none where a result lacks it."""
    name = column.measure.name if isinstance(column.measure, Figure) else ""
    values = [result.measures.get(column.evaluation, {}).get(name) for result in results]
    return [value for value in values if value is not None] if None not in values else []


def estimate_figures(values: Sequence[float]) -> SeedsEstimate:
    """Return the mean of one figure over seeds, with the interval of that mean by Student's t."""
    mean, deviation = mean_with_interval(values), float(np.std(values, ddof=1)) if len(values) > 1 else None
    return SeedsEstimate(mean.value, deviation, mean.low, mean.high, len(values))


def write_table(wanted: Table, rows: Sequence[Row], estimates: Mapping[str, Mapping[str, SeedsEstimate]], *, note: str) -> str:
    """Return the table as Markdown.

    Args:
        wanted: the paper's table.
        rows: that were made.
        estimates: of each row by its key, by the column's header.
        note: what was run.
    """
    header = ["method", *(escape(column.header) for column in wanted.columns)]
    lines = [
        [escape(name), *(paper_cell(column, figures) or NOTHING for column in wanted.columns)]
        for name, figures in wanted.quoted.items()
    ]
    lines += [
        [escape(row.title), *(cell(column, estimates[row.key].get(column.header), row.paper) for column in wanted.columns)]
        for row in rows
    ]
    legend = (
        "Per cent, counts where the paper counts: mean over seeds \u00b1 standard deviation (n - 1) [95 % interval of the "
        "hierarchical bootstrap over seeds and samples], paper: what the paper states."
    )
    return "\n\n".join([f"# {escape(wanted.title)}", f"{note} {legend}", table(header, lines)]) + "\n"


def write_orders(
    wanted: Table, rows: Sequence[Row], results: Mapping[str, Sequence[RowResult]], *, num_resamples: int = 10_000
) -> str:
    """Return the orders that a table claims and whether they hold, as Markdown; the empty text where none can be tried.

    Args:
        wanted: the paper's table.
        rows: that were made.
        results: of each row by its key, one a seed.
        num_resamples: of the hierarchical bootstrap.
    """
    made, columns = {row.title: results[row.key] for row in rows}, {column.header: column for column in wanted.columns}
    lines = []
    for order in wanted.orders:
        column, pair = columns[order.header], [_by_seed(made.get(title, ())) for title in (order.lower, order.higher)]
        seeds = sorted(pair[0].keys() & pair[1].keys())
        if not seeds:
            continue
        found = _difference(column, *([one[seed] for seed in seeds] for one in pair), num_resamples=num_resamples)
        if found is None:
            continue
        factor, digits = (1, 1) if column.measure.is_count else (100, 2)
        mean, low, high = (f"{factor * value:+.{digits}f}" for value in (found.mean, found.low, found.high))
        claim = f"{order.lower} < {order.higher}" + (f" by {factor * order.margin:g}" if order.margin else "")
        lines.append([escape(claim), order.header, f"{mean} [{low}, {high}]", "yes" if found.low > order.margin else "no"])
    if not lines:
        return ""
    legend = (
        "Orders: difference [95 % interval of the paired hierarchical bootstrap]; one holds where the interval lies above it."
    )
    return f"{legend}\n\n{table(('claim', 'in', 'difference', 'holds'), lines)}\n"


def _difference(
    column: Column, below: Sequence[RowResult], above: Sequence[RowResult], *, num_resamples: int
) -> SeedsEstimate | None:
    """Return by how much the second row is above the first one, seed by seed; None where a figure is missing."""
    if isinstance(column.measure, Figure):
        lower, higher = _figures(column, below), _figures(column, above)
        differences = [one - other for other, one in zip(lower, higher, strict=True)] if lower and higher else []
        return estimate_figures(differences) if differences else None
    lower_counts, higher_counts = ([one.counts[column.evaluation].rows for one in results] for results in (below, above))
    measures = {column.header: column.measure}
    return difference_over_seeds(lower_counts, higher_counts, measures, num_resamples=num_resamples)[column.header]


def _by_seed(results: Sequence[RowResult]) -> dict[int, RowResult]:
    return {result.seed: result for result in results}


def cell(column: Column, estimate: SeedsEstimate | None, paper: Mapping[str, float]) -> str:
    """Return a cell: ours, and the paper's figure where it states one.

    >>> from mcr.metrics.scores import Ratio
    >>> column = Column("F1", "gmner", Ratio((("a",),), (("b",),)))
    >>> cell(column, SeedsEstimate(0.7061, 0.002, 0.699, 0.713, 3), {"F1": 70.6})
    '70.61 ± 0.20 [69.90, 71.30]; paper 70.6'
    """
    ours = NOTHING
    if estimate is not None:
        factor, digits = (1, 1) if column.measure.is_count else (100, 2)
        ours, low, high = (f"{factor * value:.{digits}f}" for value in (estimate.mean, estimate.low, estimate.high))
        spread = "" if estimate.deviation is None else f" \u00b1 {factor * estimate.deviation:.{digits}f}"
        ours = f"{ours}{spread} [{low}, {high}]"
    stated = paper_cell(column, paper)
    return f"{ours}; {stated}" if stated else ours


def paper_cell(column: Column, figures: Mapping[str, float]) -> str:
    """Return the paper's figure as it is shown, with at least one decimal; the empty text where it states none."""
    figure = figures.get(column.header)
    if figure is None:
        return ""
    return f"paper {figure:.0f}" if column.measure.is_count else f"paper {figure:.2f}".removesuffix("0")
