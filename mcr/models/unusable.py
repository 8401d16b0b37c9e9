"""Samples that a processor cannot encode: the error names them.

A processor that finds more places for images than images raises StopIteration. From a data loader that would end an epoch early
and say nothing; on one of several processes, the others would wait for ever.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mcr.errors import DataError

MORE_PLACES = "its text has more places for images than it has images"


@contextmanager
def naming_samples(sample_ids: Sequence[str], encode: Callable[[int], Any]) -> Iterator[None]:
    """Turn the error of a batch into one that names the sample at fault.

    Args:
        sample_ids: of the batch.
        encode: does for one sample, by its place in the batch, what the context does for all.

    Raises:
        DataError: a sample cannot be encoded. A ValueError of another cause stays as it is.
    """
    try:
        yield
    except (StopIteration, ValueError) as error:
        named = _name_sample(sample_ids, encode, error)
        if named is None:
            raise
        raise named from error


def _name_sample(sample_ids: Sequence[str], encode: Callable[[int], Any], error: Exception) -> DataError | None:
    for index, sample_id in enumerate(sample_ids):
        try:
            encode(index)
        except (StopIteration, ValueError) as own:
            return DataError(f"sample {sample_id}: {_reason(own)}. Correct the sample, or leave it out.")
    if isinstance(error, StopIteration):
        return DataError(f"samples {', '.join(sample_ids)}: {MORE_PLACES}. Correct them, or leave them out.")
    return None


def _reason(error: Exception) -> str:
    return MORE_PLACES if isinstance(error, StopIteration) else str(error).rstrip(".")
