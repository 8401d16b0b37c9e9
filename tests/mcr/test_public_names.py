"""The public names: a change of this list is a change that users notice."""

import importlib
import subprocess
import sys

import pytest

import mcr
import rewards

NAMES_OF_MCR = [
    *("Box", "Conventions", "Entity", "Frame", "ImageRef", "LabelSet", "Prediction", "Region", "Sample", "Task"),
    *("evaluate", "load_predictions", "load_samples", "parse_completion"),
]
NAMES_OF_REWARDS = [
    *("DEFAULT_WEIGHTS", "PARTS", "RewardBreakdown", "RewardOptions", "count_reward", "entailment_reward", "grounding_reward"),
    *("score_completion", "score_entities", "span_reward", "type_reward"),
]


def test_public_names_of_mcr():
    assert mcr.__all__ == NAMES_OF_MCR
    assert set(mcr.ROOM_OF) == set(NAMES_OF_MCR) <= set(dir(mcr))


def test_public_names_of_rewards():
    assert rewards.__all__ == NAMES_OF_REWARDS
    assert all(hasattr(rewards, name) for name in NAMES_OF_REWARDS)


@pytest.mark.parametrize("name", NAMES_OF_MCR)
def test_a_public_name_is_its_rooms(name):
    assert getattr(mcr, name) is getattr(importlib.import_module(mcr.ROOM_OF[name]), name)


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Sampel'"):
        mcr.Sampel  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Sampel'"):
        from mcr import Sampel  # noqa: F401


def test_importing_mcr_is_fast_and_brings_no_room():
    code = "import sys, time; s = time.perf_counter(); import mcr; t = time.perf_counter() - s; "
    code += "print(t, sorted(name for name in sys.modules if name.startswith(('mcr.', 'torch', 'numpy'))))"
    seconds, modules = [], ""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        second, modules = done.stdout.strip().split(" ", 1)
        seconds.append(float(second))
    assert modules == "['mcr.torchvision_cpu']"  # an import hook
    assert min(seconds) < 0.15
