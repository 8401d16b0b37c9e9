"""The encoders of a tagger, by the names that configs spell. A new one is a file with an ENCODER, and a line here.

B texts, K the most words of a sentence among them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from mcr.tagging.texts import TaggedText

Inputs = dict[str, torch.Tensor]


class TextEncoder(Protocol):
    """A `torch.nn.Module` that gives each word of a sentence a vector, in the light of knowledge where there is any.

    Attributes:
        width: of the vectors.
    """

    width: int

    def read(self, texts: Sequence[TaggedText]) -> Inputs:
        """Return what `forward` takes, on the CPU; knowledge is cut where it is too long, the sentence never.

        Raises:
            DataError: a sentence alone is longer than the encoder can read.
        """
        ...

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Return the vectors [B, K, width] of the sentences' words; those behind a sentence's end mean nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `load` needs besides the weights."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """How encoders of a kind come to be.

    Attributes:
        make: returns a new one for (name or path of a pretrained model, texts to train on, most tokens of a text).
        load: returns a saved one, its weights still to be read, for (folder, most tokens of a text).
    """

    make: Callable[[str, Sequence[TaggedText], int], Any]
    load: Callable[[Path, int], Any]


def encoder_kinds() -> Mapping[str, EncoderKind]:
    """Return all kinds by name."""
    from mcr.tagging import bilstm, transformer

    return {"bilstm": bilstm.ENCODER, "transformer": transformer.ENCODER}
