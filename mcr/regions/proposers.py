"""Proposers of regions by the names that flags spell. A new one is a class and a line in `PROPOSERS`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mcr.errors import ConfigError, closest
from mcr.io.images import open_image
from mcr.records import Sample
from mcr.regions.color_names import color_in
from mcr.regions.components import components
from mcr.regions.proposed import Proposal, Proposals


class Proposer(Protocol):
    """Anything that says where an image may hold something."""

    def propose(self, samples: Sequence[Sample]) -> Iterator[Proposals]:
        """Yield the regions of each sample's first image, in pixels of the original image, highest score first."""
        ...


class ComponentsProposer:
    """Connected components of one color, for flat pictures such as the sandbox's, by its name; all have score 1.

    Args:
        name_or_path: not used: it has no model.
        image_root: the folder that image paths start from.
        top_k: regions an image at most, from the top left.
    """

    def __init__(self, name_or_path: str, image_root: Path, top_k: int) -> None:
        self.image_root, self.top_k = image_root, top_k

    def propose(self, samples: Sequence[Sample]) -> Iterator[Proposals]:
        """Yield the regions of each sample's first image."""
        for sample in samples:
            pixels = np.asarray(open_image(self.image_root, sample.images[0].path))
            yield tuple(Proposal(box, 1.0, color_in(pixels, box)) for box in components(pixels)[: self.top_k])


def vinvl(name_or_path: str, image_root: Path, top_k: int) -> Any:
    """Return the published regions of VinVL."""
    from mcr.regions.vinvl import VinvlProposer

    return VinvlProposer(name_or_path, image_root, top_k)


def detector(name_or_path: str, image_root: Path, top_k: int) -> Any:
    """Return a detector of transformers."""
    from mcr.regions.detectors import DetectorProposer

    return DetectorProposer(name_or_path, image_root, top_k)


Maker = Callable[[str, Path, int], Any]
PROPOSERS: Mapping[str, Maker] = {"components": ComponentsProposer, "detector": detector, "vinvl": vinvl}


def make_proposer(kind: str, name_or_path: str, image_root: Path, top_k: int) -> Proposer:
    """Return a proposer.

    Args:
        kind: a key of PROPOSERS.
        name_or_path: of its model, or the folder of its files; "" where the kind needs none.
        image_root: the folder that image paths start from.
        top_k: regions an image at most.

    Raises:
        ConfigError: no such kind, or no region at all is asked for.
    """
    if kind not in PROPOSERS:
        raise ConfigError(f"proposer: got {kind!r}{closest(kind, PROPOSERS)}, expected one of {', '.join(PROPOSERS)}.")
    if top_k < 1:
        raise ConfigError(f"top_k: got {top_k}, expected at least 1.")
    return PROPOSERS[kind](name_or_path, image_root, top_k)
