"""VKEL's data from the real labels of Twitter-FMNERG: stage 1's targets, coarse types as published, templates for all entities."""

import gzip
import re
import shutil

import pyarrow.parquet as pq
import pytest

from data_prep import build_samples, staged_sets
from data_prep.knowledge import ask_appearance
from mcr.formats.sentences import read_kinds
from mcr.io.samples import load_samples
from mcr.knowledge.appearance_templates import coarse_type
from mcr.labels import TWITTER_FMNERG
from mcr.staged.stage_prompts import coarse_labels

SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def fmnerg(shared_data, real_roots, tmp_path_factory):
    """Twitter-FMNERG's samples, its labels beside the boxes of version 2, and its published coarse types by tweet and name."""
    out = tmp_path_factory.mktemp("fmnerg")
    (out / "root/txt_fine").mkdir(parents=True)
    (out / "root/xml").symlink_to(real_roots["v2"] / "xml")
    for split in SPLITS:
        with (
            gzip.open(shared_data / f"fmnerg_txt_fine_{split}.txt.gz") as packed,
            (out / f"root/txt_fine/{split}.txt").open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)
    build_samples.main(["twitter-fmnerg", "--root", str(out / "root"), "--output_dir", str(out / "samples")])
    return out


def test_every_training_sample_has_a_target_of_stage_one_that_reads_back(fmnerg, tmp_path):
    train = fmnerg / "samples/train.jsonl"
    staged_sets.main(["names", "--samples", str(train), "--family", "qwen2_5_vl", "--output_dir", str(tmp_path)])
    samples = {sample.id: sample for sample in load_samples(train)}
    rows = pq.read_table(tmp_path / "d1.parquet", columns=["sample_id", "completion"]).to_pylist()
    assert len(rows) == len(samples) == 7000
    coarse = coarse_labels(TWITTER_FMNERG)
    for row in rows:
        sample = samples[row["sample_id"]]
        found, problems = read_kinds(row["completion"][0]["content"], coarse, sample.sentence)
        assert not problems
        assert [one.text for one in found] == [one.text for one in sample.entities]


def test_stage_twos_noise_takes_the_published_splits(fmnerg, tmp_path, capsys):
    train, *held_out = (str(fmnerg / f"samples/{split}.jsonl") for split in SPLITS)
    flags = ["--noise_ratio", "0.1", "--held_out", *held_out, "--family", "qwen3_vl", "--output_dir", str(tmp_path)]
    staged_sets.main(["places", "--samples", train, *flags])
    assert pq.read_table(tmp_path / "d1.parquet").num_rows == 7000
    told = capsys.readouterr().out
    assert [f"noise: {num} training samples have the sentence of a held-out one" in told for num in (2, 3)] == [True, True]


def test_the_coarse_types_are_those_of_the_published_column(fmnerg):
    published = {}
    for split in SPLITS:
        tweet = ""
        for line in (fmnerg / f"root/txt_fine/{split}.txt").read_text(encoding="utf-8").splitlines():
            tweet = line.removeprefix("IMGID:") if line.startswith("IMGID:") else tweet
            columns = line.split("\t")
            if len(columns) == 3 and columns[1].startswith("B-"):
                published.setdefault((split, columns[2][2:]), columns[1][2:])
    assert len({fine for _, fine in published}) == 51
    assert all(coarse_type(fine, TWITTER_FMNERG) == coarse.lower() for (_, fine), coarse in published.items())


def test_a_dry_run_counts_the_requests_for_all_test_entities(fmnerg, tmp_path, capsys):
    test = fmnerg / "samples/test.jsonl"
    llms = [f"{name}@http://localhost:1/v1" for name in ("a", "b", "c")]
    ask_appearance.main(["--samples", str(test), "--output", str(tmp_path / "k.jsonl"), "--llms", *llms, "--dry_run"])
    told = capsys.readouterr().out
    num = int(re.match(r"(\d+) entities", told)[1])
    named = {(entity.text, coarse_type(entity.type, TWITTER_FMNERG)) for one in load_samples(test) for entity in one.entities}
    assert num == len(named)
    assert f"{3 * num} requests for attributes" in told
    print(told.splitlines()[0])
