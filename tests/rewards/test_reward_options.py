"""Reward options: checked when built, the same by name, by mapping, by flags and from the environment."""

import argparse
import json
import pickle
from dataclasses import replace

import pytest

from mcr.errors import ConfigError
from mcr.labels import TWITTER_GMNER
from rewards import DEFAULT_WEIGHTS, RewardOptions
from rewards.arguments import RewardArguments, add_reward_flags, read_reward_flags

OTHER = RewardOptions({"type": 0.5, "count": 1}, 0.3, "larger_count", "f1", "zero", formats=("rows", "json"), empty_boxes="none")


@pytest.mark.parametrize(
    "weights", [{"typo": 1}, {"type": -1}, {"type": float("nan")}, {}, {"type": 0}, {"type": True}, [0.2] * 5, {"type": "1"}]
)
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ConfigError, match="weights: got"):
        RewardOptions(weights)


@pytest.mark.parametrize(
    ("option", "value"),
    [("sigma", 1), ("sigma", -0.1), ("sigma", "0.5"), ("normalization", "larger"), ("count", "F1"), ("two_nones", 1)],
)
def test_wrong_values_name_the_option(option, value):
    with pytest.raises(ConfigError, match=f"{option}: got"):
        RewardOptions(**{option: value})


def test_options_are_a_key_and_come_back_from_json_and_pickle():
    assert RewardOptions.from_dict(json.loads(json.dumps(OTHER.to_dict()))) == OTHER
    assert pickle.loads(pickle.dumps(OTHER)) == OTHER
    same = replace(OTHER, weights={"count": 1.0, "type": 0.5}, formats="json,rows")
    assert {OTHER: 1}[same] == 1
    assert RewardOptions() != OTHER
    assert RewardOptions().weights == DEFAULT_WEIGHTS
    assert RewardOptions.from_dict({"sigma": None}) == RewardOptions()


def test_an_unknown_name_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match=r"'normalisation' \(did you mean normalization\?\), expected some of"):
        RewardOptions.from_dict({"normalisation": "matched"})


def test_formats_are_names_all_or_taught():
    every = ("rows", "joined", "json", "triples", "sentences")
    assert RewardOptions(formats="taught").formats == RewardOptions(formats=every).formats == every
    assert RewardOptions(formats="json, rows").formats == ("rows", "json")
    assert RewardOptions(formats="all").formats == RewardOptions().formats == ()
    with pytest.raises(ConfigError, match=r"formats: got 'row' \(did you mean rows\?\), expected all, taught, or some of rows"):
        RewardOptions(formats=("row",))
    with pytest.raises(ConfigError, match="empty_boxes: got 'box', expected one of unreadable, none"):
        RewardOptions(empty_boxes="box")


def test_weights_of_an_unknown_part_name_the_closest():
    with pytest.raises(ConfigError, match=r"\(did you mean grounding\?\), expected finite values"):
        RewardOptions({"groundin": 1})


def test_flags_have_the_defaults_of_the_options():
    assert RewardArguments(formats="all").options() == RewardOptions()
    assert RewardArguments().options() == RewardOptions(formats="taught"), "training counts what schemas teach"
    parser = argparse.ArgumentParser()
    add_reward_flags(parser)
    assert read_reward_flags(parser.parse_args([])) == RewardOptions()
    flags = ["--count", "f1", "--sigma", "0.3", "--type_weight", "0.5", "--two_nones", "zero", "--normalization", "larger_count"]
    weights = {**DEFAULT_WEIGHTS, "type": 0.5}
    assert read_reward_flags(parser.parse_args(flags)) == RewardOptions(weights, 0.3, "larger_count", "f1", "zero")


def test_the_environment_gives_every_option(monkeypatch):
    assert RewardOptions.from_environment() == RewardOptions()
    for name, value in (OTHER.to_dict() | {"labels": "twitter-gmner"}).items():
        monkeypatch.setenv(f"MCR_REWARD_{name.upper()}", value if isinstance(value, str) else json.dumps(value))
    monkeypatch.setenv("MCR_REWARD_TASK", "vg")
    assert RewardOptions.from_environment() == replace(OTHER, labels=TWITTER_GMNER)
