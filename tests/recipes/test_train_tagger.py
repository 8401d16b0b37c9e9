"""recipes/tagger.py: it learns, resumes bit for bit, keeps the best model, and refuses what would go wrong."""

import json
import os
import subprocess
import sys
import time

import pytest
from recipes_path import RECIPES

pytest.importorskip("torchcrf")

from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import Knowledge, write_knowledge
from mcr.metrics.evaluate import evaluate
from mcr.records import Entity, Sample
from mcr.tagging.predictor import TaggerPredictor
from mcr.tagging.tagger import load_tagger
from mcr.tasks import MNER

pytestmark = pytest.mark.recipe
NAMES = {"PER": ("Ann Lee", "Bo"), "LOC": ("Oslo", "New Ghent")}


def samples(split, num):
    """Sentences whose names can be told by their words."""
    found = []
    for index in range(num):
        (kind, names), place = list(NAMES.items())[index % 2], index // 2 % 2
        name = names[place]
        sentence = f"we saw {name} on day {index % 5}" if index % 3 else f"{name} is here {index % 5}"
        found.append(Sample(f"{split}{index}", "d", MNER, sentence, (), (Entity(name, kind),)))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split, num in (("train", 48), ("dev", 12)):
        found = samples(split, num)
        write_samples(folder / f"{split}.jsonl", found)
        write_knowledge(
            folder / f"k_{split}.jsonl", [Knowledge(one.id, f"{one.entities[0].text} is known", "a") for one in found]
        )
    return folder


def flags(data, out, *more):
    files = ["--train_samples", data / "train.jsonl", "--dev_samples", data / "dev.jsonl", "--output_dir", out]
    known = ["--knowledge", data / "k_train.jsonl", "--dev_knowledge", data / "k_dev.jsonl"]
    return [*files, *known, "--use_cpu", "true", "--bf16", "false", "--num_train_epochs", 6, "--head_learning_rate", 0.01, *more]


@pytest.fixture(scope="module")
def run(data, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    recipe("tagger", *flags(data, out))
    return out


@pytest.fixture(scope="module")
def recipe():
    from conftest import run_recipe

    return run_recipe


def test_it_learns_and_keeps_the_best_model(data, run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scores = [row["held_out/mner_f1"] for row in rows if "held_out/mner_f1" in row]
    assert scores[0] < 0.3 < 0.9 <= max(scores)
    dev = samples("dev", 12)
    found = list(TaggerPredictor(load_tagger(run / "model"), {}).predict(dev))
    assert evaluate(dev, found).mner.f1 > 0.5
    assert json.loads((run / "run.json").read_text())["recipe"] == "tagger"


def test_a_finished_run_trains_no_more(data, run, recipe):
    assert "is finished: nothing to train" in recipe("tagger", *flags(data, run)).stdout


def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(data, recipe, tmp_path):
    longer = ("--num_train_epochs", 60, "--patience", 60)
    recipe("tagger", *flags(data, tmp_path / "whole", *longer))
    command = [sys.executable, RECIPES / "tagger.py", *flags(data, tmp_path / "killed", *longer)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("checkpoint-*/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait(60), "it had ended before it was killed"
    assert "resuming from" in recipe("tagger", *flags(data, tmp_path / "killed", *longer)).stdout
    whole, killed = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "killed"))
    assert whole == killed


def test_each_source_of_knowledge_trains_on_each_sample_once(data, recipe, tmp_path):
    """The Mix: as many times the training set as there are sources, dev with one."""
    spoken = [Knowledge(one.id, f"of {one.entities[0].text} much is said", "b") for one in samples("train", 48)]
    write_knowledge(tmp_path / "b.jsonl", spoken)
    mixed = ("--knowledge", data / "k_train.jsonl", tmp_path / "b.jsonl", "--num_train_epochs", 2)
    recipe("tagger", *flags(data, tmp_path / "out", *mixed))
    rows = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert max(row["step"] for row in rows) == 2 * 6, "three steps an epoch and source"


def test_dev_knowledge_of_several_sources_is_refused(data, recipe, tmp_path):
    spoken = [Knowledge(one.id, "of whom much is said", source) for one in samples("dev", 12) for source in ("a", "b")]
    write_knowledge(tmp_path / "both.jsonl", spoken)
    refused = recipe("tagger", *flags(data, tmp_path / "out", "--dev_knowledge", tmp_path / "both.jsonl"), check=False)
    assert "Use one source for dev and test" in refused.stderr


def test_other_settings_are_refused(data, run, recipe):
    refused = recipe("tagger", *flags(data, run, "--max_tokens", 8), check=False)
    assert "max_tokens" in refused.stderr
    assert refused.returncode


def test_training_ends_without_gain(data, recipe, tmp_path):
    recipe("tagger", *flags(data, tmp_path, "--head_learning_rate", 0, "--patience", 2))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert max(row["step"] for row in rows) == 9, "the first epoch is the best, two more bring nothing; three steps an epoch"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("--encoder", "bilsm"), "did you mean bilstm?"),
        (("--knowledge", "{data}/k_dev.jsonl"), "ids are of no sample"),
        (("--patience", "0"), "expected at least 1"),
    ],
)
def test_what_would_go_wrong_is_refused(data, recipe, tmp_path, change, told):
    refused = recipe("tagger", *flags(data, tmp_path), *(one.format(data=data) for one in change), check=False)
    assert refused.returncode
    assert told in refused.stderr
