"""The split of D_R into D1 (for MRSI) and D2 (for CVO), without overlap, stable when data is added.

MCR takes D1 as a subset of its schemas and D2 as the rest (Section 4.1, D.3). It does not state whether it divides samples or
schemas. A split by schema lets the schemas of one sample fall on both sides, so that CVO meets samples whose answer MRSI has
shown; a split by sample does not, and is the default: our choice.
"""

import hashlib

SPLITS = ("sample", "schema")


def is_held_back(unit: str, d2_share: float, seed: int) -> bool:
    """Whether a unit goes to D2. It follows from the unit and the seed alone.

    Args:
        unit: a sample's id, or its id and a style where schemas are divided.
        d2_share: the share of units that D2 gets, from 0 to 1.
        seed: of the split.
    """
    digest = hashlib.sha256(f"{seed}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8]) < d2_share * 2**64
