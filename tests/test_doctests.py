"""The examples in docstrings are true."""

import doctest
import importlib

import pytest
from test_layers import BRINGS_HEAVY, SOURCES, module_name

MODULES = [module_name(path) for path in SOURCES if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("recipes")])
def test_examples(name):
    if name in BRINGS_HEAVY:
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
