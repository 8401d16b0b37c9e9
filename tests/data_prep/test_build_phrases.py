"""D(VE) and D(VG): RiVEG's counts from the real annotations, and the command on samples with and without images."""

import pytest

from data_prep import build_phrases
from data_prep.build_phrases import make_phrases, sources_of
from data_prep.readers.twitter_gmner import read_twitter_gmner
from mcr.errors import ConfigError, DataError
from mcr.io.samples import load_samples, write_samples
from mcr.knowledge.known_texts import Knowledge, write_knowledge
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

BOX = (1.0, 2.0, 30.0, 40.0)
TABLE_IV = {"train": (11777, 4733), "dev": (2447, 991), "test": (2542, 1045)}
LAST = {"train": "8778", "dev": "555663", "test": "15772"}


def test_the_counts_of_table_iv_are_those_of_the_annotations_without_the_last_tweet_of_each_split(real_roots):
    samples, _ = read_twitter_gmner(real_roots["v2"])
    for split, counts in TABLE_IV.items():
        assert samples[split][-1].id == LAST[split]
        phrases = list(make_phrases(samples[split][:-1], sources_of(None), "name"))
        assert (len(phrases), sum(bool(phrase.entities[0].boxes) for phrase in phrases)) == counts


def write_tweets(path):
    image, missing = ImageRef("a.png", 100, 100), ImageRef("b.png", None, None, is_missing=True)
    entities = (Entity("Ann", "PER", (BOX,)), Entity("Bo", "PER"))
    write_samples(path, [
        Sample("1", "x", GMNER, "Ann met Bo", (image,), entities),
        Sample("2", "x", GMNER, "Rome", (missing,), (Entity("Rome", "LOC"),)),
        Sample("3", "x", GMNER, "Bo", (image,), (Entity("Bo", "PER"),)),
    ])  # fmt: skip
    return path


def run(tmp_path, *flags):
    samples = write_tweets(tmp_path / "train.jsonl")
    build_phrases.main(["--samples", str(samples), "--output_dir", str(tmp_path / "p"), "--split", "train", *map(str, flags)])
    return {task: load_samples(tmp_path / "p" / task / "train.jsonl") for task in ("ve", "vg")}


def test_both_sets_are_written_and_what_has_no_image_is_left_out_and_counted(tmp_path, capsys):
    found = run(tmp_path)
    assert [one.id for one in found["ve"]] == ["1#0", "1#1", "3#0"]
    assert [one.id for one in found["vg"]] == ["1#0"]
    assert {one.task.name for one in found["ve"]} == {"ve"}
    assert "1 samples without an image were left out" in capsys.readouterr().out


def test_each_source_of_expansions_makes_a_phrase_of_its_own(tmp_path):
    known = [("a", "a singer"), ("b", "a tall woman")]
    records = [Knowledge("1", text, source, "Ann", "PER") for source, text in known]
    write_knowledge(tmp_path / "expansions.jsonl", records)
    found = run(tmp_path, "--expansions", tmp_path / "expansions.jsonl", "--without", "3")
    assert {one.id: one.sentence for one in found["ve"]} == {
        "1#0": "Ann (PER) - a singer",
        "1#1": "Bo (PER)",
        "1#0@b": "Ann (PER) - a tall woman",
        "1#1@b": "Bo (PER)",
    }


def test_dev_and_test_have_expansions_of_one_source(tmp_path):
    records = [Knowledge("1", f"a singer of {source}", source, "Ann", "PER") for source in ("a", "b")]
    write_knowledge(tmp_path / "expansions.jsonl", records)
    with pytest.raises(ConfigError, match="is of 2 sources: a, b; several train a model"):
        run(tmp_path, "--expansions", tmp_path / "expansions.jsonl", "--split", "dev")


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no sample '9'"):
        run(tmp_path, "--without", "9")
    write_knowledge(tmp_path / "samples.jsonl", [Knowledge("1", "all", "a")])
    with pytest.raises(DataError, match="says nothing of any entity"):
        run(tmp_path, "--expansions", tmp_path / "samples.jsonl")
