"""What VKEL's second stage is given: names of a file for the same sentences, and whether something is known of each."""

import json

import pytest

pytest.importorskip("torch")

from mcr.errors import ConfigError
from mcr.io.predictions import Prediction
from mcr.records import Entity, ImageRef, Sample
from mcr.systems.base import PredictorInputs
from mcr.systems.vkel.two_stages import make_predictor, read_named, tell_unknown

SAMPLE = Sample("1", "mine", "gmner", "Ann in  Rome", (ImageRef("a.png", 9, 9),), ())
NAMED = {"1": Prediction("1", "Ann in Rome", (Entity("Ann", "person"), Entity("Rome", "location")))}


def write_named(path, sentence):
    path.write_text(json.dumps({"id": "1", "sentence": sentence, "entities": []}) + "\n", encoding="utf-8")
    return path


def test_names_are_those_of_the_same_sentence_whatever_its_spaces(tmp_path):
    assert read_named(write_named(tmp_path / "n.jsonl", "Ann in Rome"), [SAMPLE])["1"].entities == ()
    with pytest.raises(ConfigError, match="has another sentence for 1"):
        read_named(write_named(tmp_path / "n.jsonl", "Ann in Paris"), [SAMPLE])


def test_how_many_names_nothing_is_known_of_is_told(capsys):
    tell_unknown([SAMPLE], NAMED, {("1", "Ann"): "Ann has red hair."})
    assert "nothing is known of 1 of 2 named entities" in capsys.readouterr().out
    tell_unknown([SAMPLE], NAMED, {("1", "Ann"): "red", ("1", "Rome"): "old"})
    assert not capsys.readouterr().out


@pytest.mark.parametrize("lacking", ["image_root", "output_dir"])
def test_images_and_a_folder_are_needed(tmp_path, lacking):
    given = {"image_root": tmp_path, "output_dir": tmp_path} | {lacking: None}
    inputs = PredictorInputs(None, given["image_root"], None, 0, given["output_dir"], None)
    with pytest.raises(ConfigError, match="Give --image_root and --output_dir"):
        make_predictor(inputs)
