"""The split into D1 (schemas for MRSI) and D2 (prompts for CVO): by sample, without overlap, stable when data is added."""

import hashlib
from collections.abc import Sequence

from mcr.errors import ConfigError
from mcr.records import Sample


def split_samples(samples: Sequence[Sample], d2_share: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Return (D1, D2), each in the order given. A sample's side follows from its id and the seed alone.

    Args:
        samples: with unique ids.
        d2_share: the share of D2, in [0, 1].
        seed: another seed, another split.
    """
    if not 0 <= d2_share <= 1:
        raise ConfigError(f"d2_share: got {d2_share}, expected 0 to 1.")
    d1, d2 = [], []
    for sample in samples:
        digest = hashlib.sha256(f"{seed}/{sample.id}".encode()).digest()
        (d2 if int.from_bytes(digest[:8]) < d2_share * 2**64 else d1).append(sample)
    return d1, d2
