"""Lets PyPI's torchvision be imported beside a CPU build of torch.

PyPI's torchvision is built for CUDA. Beside a CPU build of torch its library cannot be loaded, so the operators of the library
are missing, and importing torchvision raises `operator torchvision::nms does not exist`. Declaring the two operators that it
asks for is enough for its transforms, which is all that image processors use; torchvision.ops and torchvision.io stay unusable,
so images are always passed as PIL images.

`import mcr` installs the import hook of this file, so that whatever imports mcr first can import transformers afterwards. It is
the one thing that importing mcr does; until somebody imports torchvision, nothing happens, and torch is not imported.
"""

import sys
from collections.abc import Sequence

SIGNATURES = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class _DeclareOperatorsFirst:
    """An import hook that finds no module; it declares the operators just before torchvision is imported."""

    @classmethod
    def find_spec(cls, fullname: str, path: Sequence[str] | None, target: object = None) -> None:
        if fullname == "torchvision":
            _declare_operators()


def allow_cpu_torchvision() -> None:
    """Install the hook; called by `import mcr` alone."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _DeclareOperatorsFirst)


def _declare_operators() -> None:
    """Declare the operators unless torchvision's own library can define them, as it can in builds that fit together."""
    import torch

    if torch.version.cuda is not None or _load_own_library():
        return
    for name, signature in SIGNATURES.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", signature)


def _load_own_library() -> bool:
    """Return whether torchvision's library could be loaded; torchvision itself loads it again, which does nothing."""
    from importlib.machinery import PathFinder
    from pathlib import Path

    import torch

    spec = PathFinder.find_spec("torchvision")
    folders = (spec.submodule_search_locations if spec else None) or []
    for library in (path for folder in folders for path in Path(folder).glob("_C.*")):
        try:
            torch.ops.load_library(library)
        except OSError:
            continue
        return True
    return False
