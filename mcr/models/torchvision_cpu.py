"""Lets PyPI's torchvision be imported beside a CPU build of torch.

That torchvision registers a fake kernel for operators that its CUDA library would define, so importing it raises
`operator torchvision::nms does not exist`. Declaring the two operators first is enough for its transforms, which is all that
image processors use; torchvision.ops and torchvision.io stay unusable, so images are always passed as PIL images.
"""

import importlib.abc
import sys
from typing import Any

SIGNATURES = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class _DeclareFirst(importlib.abc.MetaPathFinder):
    """Finds nothing; declares the operators when somebody is about to import torchvision."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "torchvision":
            _declare_operators()


def allow_cpu_torchvision() -> None:
    """See to it that torchvision can be imported later on. Call before anything imports it; twice is once; brings no torch."""
    if "torchvision" not in sys.modules and not any(isinstance(finder, _DeclareFirst) for finder in sys.meta_path):
        sys.meta_path.insert(0, _DeclareFirst())


def _declare_operators() -> None:
    import torch

    if torch.version.cuda is not None:
        return
    for name, signature in SIGNATURES.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", signature)
