"""Lets PyPI's torchvision be imported beside a CPU build of torch.

That torchvision registers a fake kernel for operators that its CUDA library would define, so importing it raises
`operator torchvision::nms does not exist`. Declaring the two operators first is enough for its transforms, which is all that
image processors use; torchvision.ops and torchvision.io stay unusable, so images are always passed as PIL images.
"""

import sys

SIGNATURES = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def allow_cpu_torchvision() -> None:
    """Declare torchvision's operators where torch has no CUDA. Call before anything imports torchvision; twice is once."""
    import torch

    if torch.version.cuda is not None or "torchvision" in sys.modules:
        return
    for name, signature in SIGNATURES.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", signature)
