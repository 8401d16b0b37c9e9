"""Label sets: spellings that mean one label, two levels, YAML files, what is refused."""

import pickle

import pytest

from mcr.errors import ConfigError, DataError
from mcr.families import frame_settings
from mcr.formats import parse_completion
from mcr.labels import DEFAULT_LABELS, TWITTER_FMNERG, TWITTER_GMNER, LabelSet, labels_of, load_labels
from mcr.prompts.settings import what_is_asked
from mcr.records import Entity
from mcr.tasks import GMNER
from rewards import RewardOptions, score_completion

YAML = """
name: food
labels: [DISH, DRINK]
aliases: {meal: DISH, beverage: DRINK}
definitions: {DISH: something to eat}
colors: {DISH: "#aa0000"}
"""


@pytest.fixture
def food(tmp_path):
    (tmp_path / "food.yaml").write_text(YAML)
    return load_labels(str(tmp_path / "food.yaml"))


@pytest.mark.parametrize(
    ("spelling", "label"),
    [("PER", "PER"), ("per", "PER"), (" Person ", "PER"), ("organisation", "ORG"), ("Athlete", "athlete"), ("Dish", "Dish")],
)
def test_spellings_fold_to_one_label(spelling, label):
    assert DEFAULT_LABELS.canonical(spelling) == label


def test_a_set_from_yaml_decides_parsing_prompts_and_rewards(food):
    assert food.canonical("Meal") == "DISH"
    assert food.canonical("person") == "person"
    gold = [Entity("Ramen", "DISH")]
    text = "<answer>\nmeal | Ramen | None\n</answer>"
    assert parse_completion(text, labels=food).entities == (Entity("Ramen", "meal"),)
    assert score_completion(text, gold, options=RewardOptions(labels=food)).total == 1
    assert score_completion("Ramen | meal | None", gold).type == 0
    assert "Types: DISH (something to eat), DRINK." in what_is_asked(food, frame_settings("qwen3_vl"), GMNER)


def test_a_set_comes_back_from_its_dictionary_and_pickle(food):
    for labels in (food, TWITTER_FMNERG, DEFAULT_LABELS):
        assert LabelSet.from_dict(labels.to_dict()) == labels == pickle.loads(pickle.dumps(labels))
        assert hash(LabelSet.from_dict(labels.to_dict())) == hash(labels)


def test_aliases_can_be_switched_off():
    exact = TWITTER_GMNER.without_aliases()
    assert exact.canonical("person") == "person"
    assert exact.is_same("PER", "PER")
    assert not exact.is_same("PER", "per")


def test_lists_and_datasets_name_sets():
    assert load_labels("PER, ORG").canonical("organization") == "ORG"
    assert load_labels("PER,ORG").canonical("location") == "location"
    assert labels_of("twitter-fmnerg") is TWITTER_FMNERG
    assert labels_of("anything else") is TWITTER_GMNER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nlabels: []", "it has no label"),
        ("name: x\nlabels: [A, A]", "'A' occurs twice"),
        ("name: x\nlabels: [A]\ncolors: {B: red}", "colors names 'B'"),
        ("name: x\nlabels: A", "expected name"),
        ("name: x\nlabels: [A]\nalias: {b: A}", r"unknown keys 'alias' \(did you mean aliases\?\), expected some of name"),
        ("- x", "holds no mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, told):
    (tmp_path / "labels.yaml").write_text(text)
    with pytest.raises(DataError, match=told):
        load_labels(str(tmp_path / "labels.yaml"))


def test_what_names_no_set_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\(did you mean twitter\?\), expected twitter-gmner, twitter-fmnerg, twitter, a YAML"):
        load_labels("twiter")
    with pytest.raises(ConfigError, match=r"\(did you mean twitter-gmner\?\)"):
        load_labels("twiter-gmner")
    with pytest.raises(DataError, match=r"none\.yaml does not exist\. Correct the path\."):
        load_labels(str(tmp_path / "none.yaml"))


def test_the_repr_is_short():
    assert repr(TWITTER_GMNER) == "LabelSet('twitter-gmner', 4 labels)"
