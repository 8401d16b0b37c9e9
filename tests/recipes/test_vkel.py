"""VKEL in the sandbox with the tiny base model: the small demo runs whole, and stage 2 changes nothing of stage 1."""

import json

import pytest

pytest.importorskip("torch")

from mcr.io.predictions import load_predictions
from mcr.io.samples import load_samples
from mcr.runs.fingerprint import file_hash
from mcr.systems.datasets import SANDBOX_BASE
from mcr.systems.vkel.sandbox_runs import CONFIG

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def demo(recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("vkel")
    before = file_hash(SANDBOX_BASE / "model.safetensors")
    done = recipe("demo", "--system", "vkel", "--small", "--output_dir", out)
    assert file_hash(SANDBOX_BASE / "model.safetensors") == before
    return out, done.stdout


def runs_of(demo):
    return demo[0] / "seed0" / "vkel"


def test_the_demo_prints_its_rows(demo):
    table = (demo[0] / "table.md").read_text()
    assert table in demo[1] + "\n"
    for title in ("VKEL", "w/o Visual Knowledge", "w/o Object Annotation", "tuned directly"):
        assert f"| {title} " in table
        assert f"| {title}: unseen names " in table


def test_each_stage_has_an_adapter_of_its_own(demo):
    weights = list(runs_of(demo).glob("*/*/sft/model/adapter_model.safetensors"))
    assert {path.parts[-5] for path in weights} == {"names", "places", "direct"}
    assert len({file_hash(path) for path in weights}) == len(weights) == 5


def test_stage_two_changes_neither_the_base_nor_the_first_adapter(demo, recipe, tmp_path):
    (first,) = runs_of(demo).glob("names/*/sft/model/adapter_model.safetensors")
    (rows,) = runs_of(demo).glob("places/*-all-5-0.1/rows/d1.parquet")
    kept = (first, SANDBOX_BASE / "model.safetensors")
    before = [file_hash(path) for path in kept]
    files = ("--train_set", rows, "--image_root", runs_of(demo) / "data", "--output_dir", tmp_path / "places")
    recipe("sft", "--config", CONFIG, "--model_name_or_path", SANDBOX_BASE, *files, "--max_steps", 1)
    assert [file_hash(path) for path in kept] == before


def test_synthetic_pairs_have_an_image_of_the_training_scenes(demo):
    pool = {sample.images[0].path for sample in load_samples(runs_of(demo) / "data" / "train.jsonl")}
    pairs = load_samples(runs_of(demo) / "data" / "synthetic.jsonl")
    assert pairs
    assert {pair.images[0].path for pair in pairs} <= pool


def test_stage_one_names_without_boxes_and_stage_two_answers_all(demo):
    (named,) = runs_of(demo).glob("named/*/test/predictions-000.jsonl")
    assert all(entity.boxes is None for one in load_predictions(named) for entity in one.entities)
    (whole,) = runs_of(demo).glob("whole/staged-1-*-all-5-0.1/test/predictions-000.jsonl")
    assert [one.id for one in load_predictions(whole)] == [one.id for one in load_predictions(named)]
    counts = json.loads((whole.parent / "counts.json").read_text(encoding="utf-8"))["counts"]
    assert "per_coarse_type/PER/gold" in counts  # what the paper's Table V is made of
