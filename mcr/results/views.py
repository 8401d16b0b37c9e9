"""What is drawn beside a table: bars, curves over steps, a sweep, a page of cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mcr.metrics.intervals import Estimate, SeedsEstimate
from mcr.report.cases import write_cases_page
from mcr.report.comparison_figures import draw_bars, draw_curves_overlaid, draw_profiles, draw_sweep
from mcr.results.row_results import RowResult, read_cases
from mcr.systems.tables import ComparedCases, Row, Table


def write_view(
    wanted: Table,
    rows: Sequence[Row],
    estimates: Mapping[str, Mapping[str, SeedsEstimate]],
    results: Mapping[str, Sequence[RowResult]],
    path: Path,
    *,
    cases: Mapping[str, Path],
    compared: Mapping[str, ComparedCases],
) -> list[Path]:
    """Draw what a table has beside it, and return the files.

    Args:
        wanted: the table.
        rows: that were made.
        estimates: of each row by its key, by the column's header.
        results: of each row by its key, one a seed.
        path: of the files, without suffix.
        cases: of each row by its key, the file of the first seed's cases.
        compared: of each row by its key, which two evaluations they are of.
    """
    shown = {row.key: {header: _plain(one) for header, one in estimates[row.key].items()} for row in rows}
    drawn = [path.with_suffix(".png")]
    if wanted.view == "bars":
        headers = [column.header for column in wanted.columns]
        draw_bars(drawn[0], {name: {row.title: shown[row.key][name] for row in rows} for name in headers})
    elif wanted.view == "curves":
        runs = {
            row.title if len(results[row.key]) == 1 else f"{row.title}, seed {result.seed}": result.curves
            for row in rows
            for result in results[row.key]
        }
        draw_curves_overlaid(drawn[0], runs, wanted.curves)
    elif wanted.view == "sweep":
        shares = {column.header for column in wanted.columns if not column.measure.is_count}
        points = {row.x: {name: one for name, one in shown[row.key].items() if name in shares} for row in rows}
        draw_sweep(drawn[0], {x: scores for x, scores in points.items() if x is not None}, label=wanted.axis)
    elif wanted.view == "profiles":
        draw_profiles(drawn[0], _profiles(wanted, rows, shown), label=wanted.axis)
    elif wanted.view == "cases":
        drawn = [path.parent / f"{row.key}.html" for row in rows]
        for page, row in zip(drawn, rows, strict=True):
            found, which = read_cases(cases[row.key]), compared[row.key]
            write_cases_page(
                page,
                found.samples,
                found.before,
                found.after,
                names=(which.before, which.after),
                image_root=which.images if which.images.is_dir() else None,
                title=f"{wanted.title}: {row.title}",
            )
    return drawn if wanted.view else []


def _profiles(
    wanted: Table, rows: Sequence[Row], shown: Mapping[str, Mapping[str, Estimate]]
) -> dict[str, dict[str, dict[float, Estimate]]]:
    """Return {series: {row: {x: score}}} of what the rows have."""
    found: dict[str, dict[str, dict[float, Estimate]]] = {}
    for column in wanted.columns:
        for row in rows:
            if column.header in shown[row.key]:
                points = found.setdefault(column.series, {}).setdefault(row.title, {})
                points[column.x] = shown[row.key][column.header]
    return found


def _plain(one: SeedsEstimate) -> Estimate:
    return Estimate(one.mean, one.low, one.high)
