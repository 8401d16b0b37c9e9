"""A few lines about metrics, for a terminal."""

from collections.abc import Mapping
from typing import Any


def one_line(metrics: Mapping[str, Any]) -> str:
    """Return the main figures on one line, as fractions."""
    scores = [f"{name} F1 {metrics[key]['f1']:.4f}" for name, key in (("GMNER", "gmner"), ("MNER", "mner"), ("EEG", "eeg"))]
    return "  ".join([*scores, f"N-Rate {metrics['n_rate']:.4f}", f"N-F1 {metrics['no_target']['f1']:.4f}"])


def warnings_of(metrics: Mapping[str, Any]) -> list[str]:
    """Return in words what a reader of the figures should know: what is missing, what could not be read, what looks wrong."""
    counts = {"num_missing": "have no prediction and count as empty", "num_unreadable": "have a completion without an answer"}
    told = [f"{metrics[name]} of {metrics['num_samples']} samples {words}" for name, words in counts.items() if metrics[name]]
    return told + [f"{one['count']} x {one['what']} For example: {'; '.join(one['examples'])}." for one in metrics["suspicions"]]
