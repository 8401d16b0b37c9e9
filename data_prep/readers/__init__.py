"""Datasets as published, one file a reader. A file's constant READERS names its readers; nothing else has to know of it."""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_prep.readers.reading import Reader


@cache
def readers() -> "Mapping[str, Reader]":
    """Return every reader by the name of its dataset, found by the files of this folder."""
    found: dict[str, Reader] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= getattr(importlib.import_module(f"{__name__}.{module.name}"), "READERS", {})
    return dict(sorted(found.items()))
