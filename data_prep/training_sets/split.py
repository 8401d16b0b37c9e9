"""The split into D1 (schemas for MRSI) and D2 (prompts for CVO): by sample, without overlap, stable when data is added."""

import hashlib


def is_held_back(sample_id: str, d2_share: float, seed: int) -> bool:
    """Whether a sample goes to D2. It follows from its id and the seed alone."""
    digest = hashlib.sha256(f"{seed}/{sample_id}".encode()).digest()
    return int.from_bytes(digest[:8]) < d2_share * 2**64
