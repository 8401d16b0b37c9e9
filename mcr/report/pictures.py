"""Figures (matplotlib, colour-blind safe) and samples with boxes drawn (Pillow)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from mcr.records import Entity

GOLD_COLOUR, PRED_COLOUR, GREY = "#0072B2", "#D55E00", "#999999"
PANEL_PX = 320


def _axes(num_columns: int, width: float) -> tuple[Any, Any]:
    """Return a figure and its axes, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, num_columns, squeeze=False)[0]


def draw_filter_histograms(path: Path, rows: Sequence[Mapping[str, Any]], rule: Any) -> None:
    """Draw how the groups' std, max and median spread, kept against dropped, with the rule's thresholds."""
    figure, axes = _axes(3, 10)
    thresholds = {"std": [rule.min_std], "max": [rule.min_max], "median": [rule.min_median, rule.max_median]}
    for axis, (name, limits) in zip(axes, thresholds.items(), strict=True):
        kept = [row[name] for row in rows if row["kept"]]
        dropped = [row[name] for row in rows if not row["kept"]]
        labels = [f"kept ({len(kept)})", f"dropped ({len(dropped)})"]
        top = 0.5 if name == "std" else 1
        axis.hist([kept, dropped], bins=20, range=(0, top), stacked=True, color=[GOLD_COLOUR, GREY], label=labels)
        for limit in limits:
            axis.axvline(limit, color=PRED_COLOUR, linestyle="--", linewidth=1)
        axis.set_xlabel(f"{name} of a group's rewards")
    axes[0].set_ylabel("prompts")
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def draw_scores(path: Path, metrics: Mapping[str, Any]) -> None:
    """Draw F1 of the tasks and of each type as bars."""
    figure, axes = _axes(2, 8)
    tasks = {"GMNER": "gmner", "MNER": "mner", "EEG": "eeg", "N (None)": "no_target"}
    axes[0].bar(list(tasks), [metrics[key]["f1"] for key in tasks.values()], color=GOLD_COLOUR)
    per_type = metrics["per_type"]
    axes[1].bar(list(per_type), [scores["f1"] for scores in per_type.values()], color=PRED_COLOUR)
    for axis, title in zip(axes, ("F1 by task", "GMNER F1 by type"), strict=True):
        axis.set_ylim(0, 1)
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


CURVES = {
    "reward": ("reward", "reward_std"),
    "reward parts": tuple(f"rewards/{part}_reward/mean" for part in ("count", "span", "type", "entailment", "grounding")),
    "held out": ("held_out/gmner_f1", "held_out/n_f1", "held_out/n_rate"),
    "groups and answers": ("frac_reward_zero_std", "completions/unreadable", "completions/clipped_ratio"),
    "entropy, nats a token": ("entropy",),
    "completion length, tokens": ("completions/mean_length",),
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def draw_curves(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw what a GRPO run logged over its steps, one panel a kind; a panel without values stays empty and says so."""
    figure, axes = _axes(len(CURVES), 20)
    for axis, (title, names) in zip(axes, CURVES.items(), strict=True):
        for name, colour in zip(names, COLOURS, strict=False):
            points = [(row["step"], float(row[name])) for row in rows if name in row]
            if points:
                label = name.removeprefix("rewards/").removesuffix("_reward/mean").split("/")[-1]
                marker = "." if len(points) < 30 else ""
                axis.plot(*zip(*points, strict=True), color=colour, linewidth=1.2, label=label, marker=marker)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("step")
        axis.spines[["top", "right"]].set_visible(False)
        if axis.lines:
            axis.legend(frameon=False, fontsize=7)
        else:
            axis.text(0.5, 0.5, "not logged", ha="center", transform=axis.transAxes, color=GREY)
    figure.savefig(path, dpi=100)


def draw_sample(image: Image.Image, gold: Sequence[Entity], pred: Sequence[Entity]) -> Image.Image:
    """Return the picture with gold boxes (blue, solid) and predicted boxes (orange, inset), scaled to PANEL_PX wide."""
    scale = PANEL_PX / image.width
    panel = image.resize((PANEL_PX, max(1, round(image.height * scale))))
    pen = ImageDraw.Draw(panel)
    for entities, colour, inset in ((gold, GOLD_COLOUR, 0), (pred, PRED_COLOUR, 3)):
        for entity in entities:
            for box_px in entity.boxes or ():
                _draw_box(pen, [value * scale for value in box_px], colour, inset, entity.text)
    return panel


def _draw_box(pen: ImageDraw.ImageDraw, box: list[float], colour: str, inset: int, label: str) -> None:
    """Draw one box; what a model wrote may lie anywhere, so it is clipped and turned the right way first."""
    x1, x2 = sorted(min(max(value, -10.0), 10_000.0) for value in (box[0], box[2]))
    y1, y2 = sorted(min(max(value, -10.0), 10_000.0) for value in (box[1], box[3]))
    if x2 - x1 > 2 * inset + 1 and y2 - y1 > 2 * inset + 1:
        pen.rectangle((x1 + inset, y1 + inset, x2 - inset, y2 - inset), outline=colour, width=3)
    printable = label[:24].encode("latin-1", "replace").decode("latin-1")
    pen.text((x1 + 4, (y1 if inset == 0 else y2 - 14) + 2), printable, fill=colour)


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
