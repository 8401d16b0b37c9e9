"""run.html: what happened in a run folder: settings, curves, reward statistics, held-out pictures, evaluations."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcr.errors import DataError
from mcr.io.atomic_write import write_whole
from mcr.report.figures import draw_curves, reward_keys
from mcr.report.markdown import percent
from mcr.report.page import render_page

FIRST_LINES = {"loss": "loss", "reward": "reward"}
FURTHER_LINES = {
    "completions/mean_length": "completion length",
    "completions/unreadable": "unreadable completions",
    "entropy": "entropy",
    "frac_reward_zero_std": "groups without spread",
    "held_out/gmner_f1": "held-out GMNER F1",
    "held_out/mner_f1": "held-out MNER F1",
    "held_out/eeg_f1": "held-out EEG F1",
    "held_out/grec_pr": "held-out GREC Pr@(F1=1)",
    "held_out/verdict_accuracy": "held-out verdict accuracy",
    "held_out/n_rate": "held-out N-Rate",
    "held_out/n_f1": "held-out N-F1",
}
MAX_PICTURES = 6


def write_run_page(folder: Path) -> Path:
    """Write run.html into a folder that holds one run or several, and return its path.

    Raises:
        DataError: no run is in the folder.
    """
    runs = sorted(folder.glob("**/run.json"), key=lambda path: (path.stat().st_mtime, str(path)))
    if not runs:
        raise DataError(f"report: {folder} holds no run.json. Name a folder that a recipe wrote.")
    text = render_page("run.html", title=f"Run {folder}", runs=[describe_run(path.parent, folder) for path in runs])
    path = folder / "run.html"
    write_whole(path, text)
    return path


def describe_run(run: Path, folder: Path) -> dict[str, Any]:
    """Return what the page shows of one run."""
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    rows = read_rows(run / "metrics.jsonl")
    if rows:
        draw_curves(run / "curves.png", rows)
    pictures = [("curves", run / "curves.png"), ("reward statistics of the filter", run / "histograms.png")]
    pictures += [(f"held-out samples, {path.stem}", path) for path in thinned(sorted(run.glob("held_out/step-*.png")))]
    pictures += [("scores", run / "scores.png"), ("samples", run / "samples.png")]
    return {
        "name": str(run.relative_to(folder)) if run != folder else run.name,
        "recipe": record["recipe"],
        "seed": record["seed"],
        "commit": record["commit"] or "unknown",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "settings": json.dumps(record["settings"], indent=2, ensure_ascii=False),
        "logs": last_values(rows),
        "scores": read_scores(run / "metrics.json"),
        "summary": read_summary(run / "summary.json"),
        "pictures": [{"title": title, "source": embed(path)} for title, path in pictures if path.is_file()],
        "link": (run / "report.html").relative_to(folder).as_posix() if (run / "report.html").is_file() else "",
    }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the logged rows; a last line that was cut off is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def last_values(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Return (what, first value, last value, step of the last) of what is worth a line."""
    found = []
    parts = {key: f"{part} reward" for key, part in reward_keys(rows).items()}
    for key, name in {**FIRST_LINES, **parts, **FURTHER_LINES}.items():
        points = [(row["step"], float(row[key])) for row in rows if isinstance(row.get(key), int | float | str)]
        if points:
            found.append((name, f"{points[0][1]:.4g}", f"{points[-1][1]:.4g}", str(points[-1][0])))
    return found


def read_scores(path: Path) -> list[tuple[str, str]]:
    """Return the main scores of an evaluation in per cent."""
    if not path.is_file():
        return []
    metrics = json.loads(path.read_text(encoding="utf-8"))
    names = {"GMNER F1": metrics["gmner"]["f1"], "MNER F1": metrics["mner"]["f1"], "EEG F1": metrics["eeg"]["f1"]}
    names |= {"N-Rate": metrics["n_rate"], "N-F1": metrics["no_target"]["f1"]}
    return [(name, percent(value)) for name, value in names.items()]


def read_summary(path: Path) -> str:
    """Return a stage's own summary as text."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def thinned(paths: Sequence[Path]) -> list[Path]:
    """Return at most MAX_PICTURES of them, spread evenly, first and last among them."""
    if len(paths) <= MAX_PICTURES:
        return list(paths)
    return [paths[round(index * (len(paths) - 1) / (MAX_PICTURES - 1))] for index in range(MAX_PICTURES)]


def embed(path: Path) -> str:
    """Return a PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
