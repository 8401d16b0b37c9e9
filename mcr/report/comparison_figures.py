"""Figures that compare runs: logged measures overlaid, scores as bars, scores over a setting (matplotlib, color-blind safe).

Scores are drawn in per cent, with 95 % intervals where there are any.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from mcr.io.atomic_write import whole_file
from mcr.metrics.intervals import Estimate
from mcr.report.figures import COLORS, GREY, new_axes, plain_label

PANEL_INCHES = 3.7
MAX_LABELED_BARS = 15
MARKERS = "osD^vPX"
# What a run logs -> its axis and the factor to the axis's unit.
LOGGED: Mapping[str, tuple[str, float]] = {
    "reward": ("mean reward (0 to 1)", 1),
    "held_out/gmner_f1": ("held-out GMNER F1 (%)", 100),
    "held_out/mner_f1": ("held-out MNER F1 (%)", 100),
    "held_out/eeg_f1": ("held-out EEG F1 (%)", 100),
    "held_out/n_f1": ("held-out N-F1 (%)", 100),
    "held_out/grec_pr": ("held-out Pr@(F1=1) (%)", 100),
    "held_out/verdict_accuracy": ("held-out verdict accuracy (%)", 100),
    "entropy": ("entropy (nats per token)", 1),
    "completions/mean_length": ("completion length (tokens)", 1),
    "loss": ("loss", 1),
}
CVO_MEASURES = ("reward", "held_out/gmner_f1", "entropy", "completions/mean_length")


def smooth(values: Sequence[float], width: int) -> list[float]:
    """Return the centered moving average of `width` values, of those that there are at both ends.

    >>> smooth([0, 3, 6, 3], 3)
    [1.5, 3.0, 4.0, 4.5]

    Args:
        values: in the order of steps.
        width: odd; 1 changes nothing.
    """
    windows = [values[max(0, index - width // 2) : index + width // 2 + 1] for index in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def draw_curves_overlaid(
    path: Path, runs: Mapping[str, Sequence[Mapping[str, Any]]], measures: Sequence[str] = CVO_MEASURES
) -> None:
    """Draw what several runs logged over their steps (MCR Figs. 4-5): one panel a measure, one color a run.

    The light line is what was logged, the strong one its moving average over about a tenth of the values (our choice). Measures
    that no run logged are left out.

    Args:
        path: of the PNG.
        runs: the rows of metrics.jsonl by the run's name.
        measures: keys of the rows.
    """
    points = {key: {name: _points(rows, key) for name, rows in runs.items()} for key in measures}
    logged = {key: by_run for key, by_run in points.items() if any(by_run.values())}
    figure, axes = _panels(len(logged))
    for axis, (key, by_run) in zip(axes, logged.items(), strict=False):
        for (name, points_of_run), color in zip(by_run.items(), cycle(COLORS), strict=False):
            steps, values = [step for step, _ in points_of_run], [value for _, value in points_of_run]
            width = len(values) // 20 * 2 + 1
            marker = "o" if len(values) < 20 else ""
            if width > 1:
                axis.plot(steps, values, color=color, linewidth=0.8, alpha=0.3)
            axis.plot(steps, smooth(values, width), color=color, linewidth=1.8, marker=marker, ms=3, label=plain_label(name))
        axis.set_ylabel(_axis_of(key)[0])
        _finish(axis, "step")
    if logged:
        _legend_below(figure, axes[0], len(runs))
    else:
        axes[0].text(0.5, 0.5, "nothing logged", ha="center", transform=axes[0].transAxes, color=GREY)
    _save(figure, path)


def draw_bars(path: Path, groups: Mapping[str, Mapping[str, Estimate]], *, label: str = "score (%)") -> None:
    """Draw groups of bars with their 95 % intervals (MCR Fig. 3), one color a system.

    Args:
        path: of the PNG.
        groups: for each group (a measure) the score of each system by name, as fractions; a system may lack a group. An interval
            of no width is not drawn.
        label: of the axis of scores.
    """
    names = list(dict.fromkeys(name for scores in groups.values() for name in scores))
    figure, (axis,) = new_axes(1, min(12.0, max(4.5, 1.5 + 0.42 * len(groups) * (len(names) + 1))))
    bar_width = 0.84 / max(1, len(names))
    is_labeled = len(groups) * len(names) <= MAX_LABELED_BARS
    for index, (name, color) in enumerate(zip(names, cycle(COLORS), strict=False)):
        offset = (index - (len(names) - 1) / 2) * bar_width
        found = [(place + offset, scores[name]) for place, scores in enumerate(groups.values()) if name in scores]
        places, estimates = [place for place, _ in found], [estimate for _, estimate in found]
        values = [100 * estimate.value for estimate in estimates]
        hatch = "//" if index >= len(COLORS) else ""
        axis.bar(places, values, 0.94 * bar_width, color=color, label=plain_label(name), hatch=hatch, edgecolor="white")
        _draw_intervals(axis, places, estimates, "#222222")
        for place, estimate in found if is_labeled else ():
            top = 100 * min(1.0, max(estimate.value, estimate.high))
            axis.annotate(
                f"{100 * estimate.value:.1f}", (place, top), (0, 3), textcoords="offset points", ha="center", fontsize=8
            )
    axis.set_xticks(range(len(groups)), [plain_label(group) for group in groups])
    axis.set_ylim(0, 109 if is_labeled else 103)
    axis.set_yticks(range(0, 101, 20))
    axis.set_ylabel(label)
    _finish(axis, "")
    if len(names) > 1:
        _legend_below(figure, axis, len(names))
    _save(figure, path)


def draw_sweep(path: Path, points: Mapping[float, Mapping[str, Estimate]], *, label: str) -> None:
    """Draw scores over a setting (E2E-GMNER Fig. 3): one panel a measure, each with a scale of its own, with 95 % intervals.

    Args:
        path: of the PNG.
        points: for each value of the setting the scores by measure, as fractions; drawn in the order of the values.
        label: of the axis of the setting.
    """
    measures = list(dict.fromkeys(measure for scores in points.values() for measure in scores))
    figure, axes = _panels(len(measures))
    for axis, measure, color, marker in zip(axes, measures, cycle(COLORS), cycle(MARKERS), strict=False):
        found = [(value, points[value][measure]) for value in sorted(points) if measure in points[value]]
        places, estimates = [value for value, _ in found], [estimate for _, estimate in found]
        axis.plot(places, [100 * estimate.value for estimate in estimates], color=color, marker=marker, ms=6, linewidth=1.8)
        _draw_intervals(axis, places, estimates, color)
        axis.set_ylabel(f"{plain_label(measure)} (%)")
        axis.set_xticks(places, [f"{value:g}" for value in places], rotation=45 if len(places) > 5 else 0)
        _finish(axis, label)
    _save(figure, path)


def draw_profiles(path: Path, series: Mapping[str, Mapping[str, Mapping[float, Estimate]]], *, label: str) -> None:
    """Draw scores of several systems over a setting (RiVEG Fig. 9): one panel a series, one color a system, 95 % intervals.

    Args:
        path: of the PNG.
        series: for each series the scores of each system by name, by the value of the setting, as fractions.
        label: of the axis of the setting.
    """
    figure, axes = _panels(len(series))
    names = list(dict.fromkeys(name for by_name in series.values() for name in by_name))
    looks = dict(zip(names, zip(cycle(COLORS), cycle(MARKERS), strict=False), strict=False))
    for axis, (measure, by_name) in zip(axes, series.items(), strict=False):
        for name, points in by_name.items():
            color, marker = looks[name]
            places, estimates = sorted(points), [points[place] for place in sorted(points)]
            values = [100 * estimate.value for estimate in estimates]
            axis.plot(places, values, color=color, marker=marker, ms=5, linewidth=1.8, label=plain_label(name))
            _draw_intervals(axis, places, estimates, color)
        axis.set_ylabel(f"{plain_label(measure)} (%)")
        _finish(axis, label)
    if names:
        _legend_below(figure, axes[0], len(names))
    _save(figure, path)


def _panels(count: int) -> tuple[Any, Any]:
    """Return a figure and its axes, at most two panels side by side; those without use are switched off."""
    columns = min(2, max(1, count))
    figure, axes = new_axes(columns, PANEL_INCHES * columns, max(1, math.ceil(count / 2)))
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    for axis in axes[max(1, count) :]:
        axis.set_axis_off()
    return figure, axes


def _draw_intervals(axis: Any, places: Sequence[float], estimates: Sequence[Estimate], color: str) -> None:
    """Draw intervals as whiskers, within 0 and 100; those of no width are left out."""
    whole = [(place, one) for place, one in zip(places, estimates, strict=True) if one.high > one.low]
    lows, highs = [100 * max(0.0, one.low) for _, one in whole], [100 * min(1.0, one.high) for _, one in whole]
    values = [100 * one.value for _, one in whole]
    margins = [[max(0.0, v - low) for v, low in zip(values, lows, strict=True)]]
    margins.append([max(0.0, high - v) for v, high in zip(values, highs, strict=True)])
    axis.errorbar([place for place, _ in whole], values, yerr=margins, fmt="none", ecolor=color, elinewidth=1.2, capsize=3)


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[int, float]]:
    """Return (step, value in the axis's unit) of a run, by step; of a step that was logged twice the last value."""
    factor = _axis_of(key)[1]
    values = {int(row["step"]): factor * float(row[key]) for row in rows if isinstance(row.get(key), int | float | str)}
    return sorted((step, value) for step, value in values.items() if math.isfinite(value))


def _axis_of(key: str) -> tuple[str, float]:
    return LOGGED.get(key, (plain_label(key), 1))


def _finish(axis: Any, label: str) -> None:
    axis.set_xlabel(label)
    axis.grid(axis="y", alpha=0.3, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _legend_below(figure: Any, axis: Any, num_names: int) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(num_names, 4), frameon=False, fontsize=9)


def _save(figure: Any, path: Path) -> None:
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=160)
