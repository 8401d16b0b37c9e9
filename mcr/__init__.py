"""Modality-aware Consistency Reasoning: grounded multimodal named entity recognition with verifiable rewards.

    from mcr import Entity, Sample, evaluate, load_predictions, load_samples, parse_completion

A public name is imported from its room when it is first used, so `import mcr` costs nothing and brings no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mcr.torchvision_cpu import allow_cpu_torchvision

if TYPE_CHECKING:
    from mcr.boxes import Box, Frame
    from mcr.formats import parse_completion
    from mcr.io.predictions import Prediction, load_predictions
    from mcr.io.samples import load_samples
    from mcr.labels import LabelSet
    from mcr.metrics.conventions import Conventions
    from mcr.metrics.evaluate import evaluate
    from mcr.records import Entity, ImageRef, Region, Sample
    from mcr.tasks import Task

__version__ = "0.1.0"
__all__ = [
    "Box",
    "Conventions",
    "Entity",
    "Frame",
    "ImageRef",
    "LabelSet",
    "Prediction",
    "Region",
    "Sample",
    "Task",
    "evaluate",
    "load_predictions",
    "load_samples",
    "parse_completion",
]

ROOM_OF = {
    "Box": "mcr.boxes",
    "Conventions": "mcr.metrics.conventions",
    "Entity": "mcr.records",
    "Frame": "mcr.boxes",
    "ImageRef": "mcr.records",
    "LabelSet": "mcr.labels",
    "Prediction": "mcr.io.predictions",
    "Region": "mcr.records",
    "Sample": "mcr.records",
    "Task": "mcr.tasks",
    "evaluate": "mcr.metrics.evaluate",
    "load_predictions": "mcr.io.predictions",
    "load_samples": "mcr.io.samples",
    "parse_completion": "mcr.formats",
}

allow_cpu_torchvision()


def __getattr__(name: str) -> Any:
    """Import a public name from its room (PEP 562)."""
    if name not in ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(ROOM_OF[name]), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
