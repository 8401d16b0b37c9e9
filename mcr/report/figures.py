"""Figures (matplotlib, color-blind safe) and samples with boxes drawn (Pillow)."""

import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from mcr.io.atomic_write import whole_file
from mcr.metrics.error_kinds import Confusion
from mcr.metrics.evaluate import Metrics
from mcr.metrics.scores import PrecisionRecallF1
from mcr.records import Entity

GOLD_COLOR, PREDICTED_COLOR, GREY = "#0072B2", "#D55E00", "#999999"
PANEL_PX = 320
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def new_axes(num_columns: int, width: float, num_rows: int = 1) -> tuple[Any, Any]:
    """Return a figure of a width in inches and its axes, row after row, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.2 * num_rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(num_rows, num_columns, squeeze=False).ravel()


def draw_filter_histograms(path: Path, rows: Sequence[Mapping[str, Any]], rule: Any) -> None:
    """Draw how the groups' std, max and median spread, kept against dropped, with the rule's thresholds."""
    figure, axes = new_axes(3, 10)
    thresholds = {"std": [rule.min_std], "max": [rule.min_max], "median": [rule.min_median, rule.max_median]}
    for axis, (name, limits) in zip(axes, thresholds.items(), strict=True):
        kept = [row[name] for row in rows if row["kept"]]
        dropped = [row[name] for row in rows if not row["kept"]]
        labels = [f"kept ({len(kept)})", f"dropped ({len(dropped)})"]
        top = 0.5 if name == "std" else 1
        axis.hist([kept, dropped], bins=20, range=(0, top), stacked=True, color=[GOLD_COLOR, GREY], label=labels)
        for limit in limits:
            axis.axvline(limit, color=PREDICTED_COLOR, linestyle="--", linewidth=1)
        axis.set_xlabel(f"{name} of a group's rewards")
    axes[0].set_ylabel("prompts")
    axes[2].legend(frameon=False, fontsize=8)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120)


def draw_scores(path: Path, systems: Mapping[str, Metrics]) -> None:
    """Draw F1 of the tasks and of each type as bars, one color a system (metrics by the system's name)."""
    figure, axes = new_axes(2, 8)
    tasks = ("GMNER", "MNER", "EEG", "N (None)")
    types = sorted({name for metrics in systems.values() for name in metrics.per_type})
    width = 0.8 / len(systems)
    for index, ((name, metrics), color) in enumerate(zip(systems.items(), COLORS, strict=False)):
        offset = (index - (len(systems) - 1) / 2) * width
        of_tasks = (metrics.gmner, metrics.mner, metrics.eeg, metrics.no_target)
        of_types = [metrics.per_type.get(one, PrecisionRecallF1()) for one in types]
        for axis, scores in zip(axes, (of_tasks, of_types), strict=True):
            values = [one.f1 for one in scores]
            bars = axis.bar([place + offset for place in range(len(values))], values, width, color=color, label=plain_label(name))
            if len(values) * len(systems) <= 12:
                axis.bar_label(bars, [f"{100 * value:.1f}" for value in values], fontsize=7)
    for axis, title, names in zip(axes, ("F1 by task", "GMNER F1 by type"), (tasks, types), strict=True):
        is_crowded = len(names) > 8
        labels = [plain_label(name) for name in names]
        axis.set_xticks(range(len(names)), labels, rotation=90 if is_crowded else 0, fontsize=6 if len(names) > 20 else 9)
        axis.set_ylim(0, 1.05)
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    if len(systems) > 1:
        axes[0].legend(frameon=False, fontsize=8)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=200)


def draw_iou_curve(path: Path, systems: Mapping[str, Metrics]) -> None:
    """Draw GMNER F1 over the IoU threshold (RiVEG Fig. 9), one line a system."""
    figure, (axis,) = new_axes(1, 4.2)
    for (name, metrics), color in zip(systems.items(), COLORS, strict=False):
        curve = metrics.iou_curve
        axis.plot(
            [float(threshold) for threshold in curve], list(curve.values()), "o-", color=color, label=plain_label(name), ms=4
        )
    axis.set_xlabel("IoU threshold")
    axis.set_ylabel("GMNER F1")
    axis.set_ylim(0, 1.05)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    if len(systems) > 1:
        axis.legend(frameon=False, fontsize=8)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=200)


def draw_confusion(path: Path, confusion: Confusion) -> None:
    """Draw how often gold's type (row) was predicted as which (column), shaded by the share of the row."""
    figure, (axis,) = new_axes(1, 4.2)
    types, counts = confusion.types, confusion.counts
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    if types:
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 8 if len(types) <= 8 else 4
    for row, cells in enumerate(counts):
        for column, count in enumerate(cells):
            if count and len(types) <= 20:
                color = "white" if shares[row][column] > 0.5 else "black"
                axis.text(column, row, str(count), ha="center", va="center", fontsize=size, color=color)
    labels = [plain_label(name) for name in types]
    axis.set_xticks(range(len(types)), labels, rotation=90 if len(types) > 8 else 0, fontsize=size)
    axis.set_yticks(range(len(types)), labels, fontsize=size)
    axis.set_xlabel("predicted type")
    axis.set_ylabel("gold type")
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=200)


def plain_label(text: str) -> str:
    """Return text that matplotlib shows as it is: no formulas, no characters that do not print, not too long."""
    shown = "".join(char if char.isprintable() else " " for char in text[:40]).replace("$", r"\$")
    return shown if not shown.startswith("_") else " " + shown


REWARD_PART = re.compile(r"rewards/(?P<part>.+)_reward/mean")
REWARD_PARTS = "reward parts"
CURVES = {
    "loss": ("loss", "eval_loss"),
    "reward": ("reward", "reward_std"),
    REWARD_PARTS: (),  # what the rows hold
    "held out": (
        *("held_out/gmner_f1", "held_out/mner_f1", "held_out/eeg_f1", "held_out/grec_pr", "held_out/verdict_accuracy"),
        *("held_out/n_f1", "held_out/n_rate"),
    ),
    "groups and answers": ("frac_reward_zero_std", "completions/unreadable", "completions/clipped_ratio"),
    "entropy, nats a token": ("entropy",),
    "completion length, tokens": ("completions/mean_length",),
}


def reward_keys(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the key of each reward part that a run logged -> the part's name, in the order of the rows.

    >>> reward_keys([{"step": 1}, {"step": 2, "rewards/span_reward/mean": 0.5, "rewards/span_reward/std": 0.1}])
    {'rewards/span_reward/mean': 'span'}
    """
    matches = {key: REWARD_PART.fullmatch(key) for row in rows for key in row}
    return {key: match["part"] for key, match in matches.items() if match}


def draw_curves(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw what a run logged over its steps, one panel a kind; kinds without values are left out."""
    curves = {**CURVES, REWARD_PARTS: tuple(reward_keys(rows))}
    logged = {title: names for title, names in curves.items() if any(name in row for row in rows for name in names)}
    figure, axes = new_axes(max(1, len(logged)), 3.4 * max(1, len(logged)))
    for axis, (title, names) in zip(axes, logged.items(), strict=False):
        for name, color in zip(names, cycle(COLORS), strict=False):
            points = [(row["step"], float(row[name])) for row in rows if name in row]
            if points:
                label = name.removeprefix("rewards/").removesuffix("_reward/mean").split("/")[-1]
                marker = "." if len(points) < 30 else ""
                axis.plot(*zip(*points, strict=True), color=color, linewidth=1.2, label=label, marker=marker)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("step")
        axis.spines[["top", "right"]].set_visible(False)
        if axis.lines:
            axis.legend(frameon=False, fontsize=7)
    if not logged:
        axes[0].text(0.5, 0.5, "nothing logged", ha="center", transform=axes[0].transAxes, color=GREY)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=100)


def draw_sample(image: Image.Image, gold: Sequence[Entity], predicted: Sequence[Entity]) -> Image.Image:
    """Return the picture with gold boxes (blue) and predicted ones (orange, inset), PANEL_PX wide and at most twice as high."""
    scale = min(PANEL_PX / image.width, 2 * PANEL_PX / image.height)
    panel = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pen = ImageDraw.Draw(panel)
    for entities, color, inset in ((gold, GOLD_COLOR, 0), (predicted, PREDICTED_COLOR, 3)):
        for entity in entities:
            for box_px in entity.boxes or ():
                _draw_box(pen, [value * scale for value in box_px], color, inset, entity.text)
    return panel


def _draw_box(pen: ImageDraw.ImageDraw, box: list[float], color: str, inset: int, label: str) -> None:
    """Draw one box; what a model wrote may lie anywhere, so it is clipped and turned the right way first."""
    if any(value != value for value in box):
        return
    x1, x2 = sorted(min(max(value, -10.0), 10_000.0) for value in (box[0], box[2]))
    y1, y2 = sorted(min(max(value, -10.0), 10_000.0) for value in (box[1], box[3]))
    if x2 - x1 > 2 * inset + 1 and y2 - y1 > 2 * inset + 1:
        pen.rectangle((x1 + inset, y1 + inset, x2 - inset, y2 - inset), outline=color, width=3)
    printable = label[:24].encode("latin-1", "replace").decode("latin-1")
    pen.text((x1 + 4, (y1 if inset == 0 else y2 - 14) + 2), printable, fill=color)


def tile(panels: Sequence[Image.Image], num_columns: int = 4) -> Image.Image:
    """Return panels side by side in rows on white."""
    rows = [panels[i : i + num_columns] for i in range(0, len(panels), num_columns)]
    heights = [max(panel.height for panel in row) + 8 for row in rows]
    sheet = Image.new("RGB", (num_columns * (PANEL_PX + 8), sum(heights)), "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            sheet.paste(panel, (column * (PANEL_PX + 8), top))
        top += height
    return sheet
