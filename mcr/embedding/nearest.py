"""The most similar of a pool by cosine."""

from collections.abc import Collection, Sequence

import numpy as np


def nearest(
    queries: np.ndarray, pool: np.ndarray, num: int, excluded: Sequence[Collection[int]] | None = None
) -> list[list[tuple[int, float]]]:
    """Return for each query the indices of the `num` most similar of a pool with their cosines, the most similar first.

    RiVEG's argTopN (IV-B 1 b). A zero vector has the cosine 0 to all. Where two are equally similar, the first of the pool
    comes first. A pool of fewer gives what it has.

    Args:
        queries: float [M, D].
        pool: float [N, D].
        num: of them, at least 1.
        excluded: for each query, indices of the pool that are not for it, such as its own.

    >>> found = nearest(np.array([[2.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [10.0, 10.0]]), 3)[0]
    >>> [(index, round(cosine, 4)) for index, cosine in found]
    [(2, 0.9487), (0, 0.8944), (1, 0.4472)]
    """
    cosines = _unit(queries) @ _unit(pool).T
    found = []
    for row, own in zip(cosines, excluded or [()] * len(queries), strict=True):
        order = [int(index) for index in np.argsort(-row, kind="stable") if int(index) not in own]
        found.append([(index, float(row[index])) for index in order[:num]])
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1; zero vectors stay zero."""
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
