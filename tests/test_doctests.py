"""The examples in docstrings are true."""

import doctest
import importlib

import pytest
from test_layers import SOURCES, module_name, room_of

MODULES = [module_name(path) for path in SOURCES if room_of(module_name(path)) in ("core", "rewards", "data_prep")]
MODULES += ["mcr.rollouts.image_pads", "mcr.shared_prefix.truncation", "mcr.training.dynamic_sampling"]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples(name):
    if name.startswith(("mcr.rollouts", "mcr.training")):
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
