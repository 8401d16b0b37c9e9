"""mcr correct and mcr choose-thresholds beside the scripted LLM, from commands to files; stopped and called again."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from odd_server import odd_server
from recipes_path import RECIPES

pytest.importorskip("torch")

from data_prep import make_sandbox
from data_prep.serve_sandbox import SandboxServer
from mcr.correction import asking
from mcr.errors import ConfigError, DataError
from mcr.io.predictions import Prediction, load_predictions, write_prediction
from mcr.io.samples import load_samples
from mcr.metrics.evaluate import evaluate
from mcr.records import Entity
from mcr.systems.datasets import SANDBOX_BASE
from mcr.uncertainties import PartUncertainties
from recipes import choose_thresholds, correct

pytestmark = pytest.mark.recipe
AT_ONCE = 8  # requests under way
WRONG_TYPE = {"PER": "LOC", "LOC": "ORG", "ORG": "OTHER", "OTHER": "PER"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a small world with predictions of test and dev, every third entity of a wrong type and unsure of it."""
    folder = tmp_path_factory.mktemp("world")
    make_sandbox.main(["--output_dir", str(folder), "--train", "1", "--dev", "20", "--test", "30"])
    for split in ("dev", "test"):
        with (folder / f"predictions_{split}.jsonl").open("w", encoding="utf-8") as file:
            for sample in load_samples(folder / f"{split}.jsonl"):
                write_prediction(file, spoiled(sample))
    return folder


def spoiled(sample):
    entities, doubts = [], []
    for number, entity in enumerate(sample.entities):
        is_wrong = (number + len(sample.sentence)) % 3 == 0
        label = WRONG_TYPE[entity.type] if is_wrong else entity.type
        entities.append(replace(Entity(entity.text, label), boxes=entity.boxes))
        doubts.append(PartUncertainties({"span": 0.1, "type": 0.8 if is_wrong else 0.1, "region": 0.1}))
    return Prediction(sample.id, sample.sentence, tuple(entities), uncertainties=tuple(doubts))


def flags_of(world, out, server=None, split="test", **changed):
    settings = {
        "predictions": world / f"predictions_{split}.jsonl",
        "samples": world / f"{split}.jsonl",
        "image_root": world,
        "family": "qwen3_vl",
        "output_dir": out,
        **({"corrector": "sandbox-llm", "base_url": server.url} if server else {}),
    } | changed
    return [
        word for name, value in settings.items() for word in (f"--{name}", *(value if isinstance(value, list) else [str(value)]))
    ]


@pytest.fixture
def server(tmp_path):
    """Serve the scripted LLM without errors."""
    import threading

    with SandboxServer(0, log=tmp_path / "requests.jsonl") as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def num_requests(tmp_path):
    return len((tmp_path / "requests.jsonl").read_text(encoding="utf-8").splitlines())


def f1(world, path):
    return evaluate(load_samples(world / "test.jsonl"), load_predictions(path)).gmner.f1


def test_uncertain_types_are_corrected_and_nothing_else_is_asked(world, tmp_path, server, capsys):
    out = tmp_path / "run"
    correct.main([*flags_of(world, out), "--dry_run", "true"])
    num_wrong = int(capsys.readouterr().out.split()[0])
    correct.main(flags_of(world, out, server))
    assert f1(world, world / "predictions_test.jsonl") < 1.0
    assert f1(world, out / "predictions.jsonl") == 1.0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["statuses"] == {"changed": num_wrong}
    assert summary["asked"] == {"span": 0, "type": num_wrong, "region": 0}
    num = num_requests(tmp_path)
    correct.main(flags_of(world, out, server))
    assert num_requests(tmp_path) == num <= num_wrong
    with pytest.raises(ConfigError, match="thresholds"):
        correct.main(flags_of(world, out, server, thresholds=["type=0.9"]))


def test_a_killed_run_asks_nothing_twice_but_what_was_on_its_way(world, tmp_path):
    def answer(body):
        time.sleep(0.2)
        return "LOC"

    with odd_server(answer) as server:
        flags = [*flags_of(world, tmp_path / "run", server), "--thresholds", "type=0"]
        command = [sys.executable, str(RECIPES / "correct.py"), *flags]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while server.asked.total() < 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        assert process.wait(60), "it had ended before it was killed"
        correct.main(flags)
        assert len(server.asked) > 20
        assert server.asked.total() - len(server.asked) <= AT_ONCE
    assert len(load_predictions(tmp_path / "run" / "predictions.jsonl")) == 30


def test_a_model_of_ours_corrects_and_is_not_asked_twice(world, tmp_path, monkeypatch):
    flags = flags_of(world, tmp_path / "run", corrector=SANDBOX_BASE, prompt_style="brief", max_new_tokens=12, batch_size=8)
    correct.main(flags)
    first = (tmp_path / "run" / "corrections.jsonl").read_text(encoding="utf-8")
    assert first
    monkeypatch.setattr(asking, "make_sampler", None)  # the model is not even loaded
    correct.main(flags)
    assert (tmp_path / "run" / "corrections.jsonl").read_text(encoding="utf-8") == first


def test_thresholds_are_chosen_on_dev(world, tmp_path, server, capsys):
    flags = flags_of(world, tmp_path / "grid", server, split="dev", evaluated=world / "test.jsonl")
    choose_thresholds.main(flags)
    chosen = json.loads((tmp_path / "grid" / "thresholds.json").read_text(encoding="utf-8"))
    assert chosen["type"] == 0.7  # what is wrong has 0.8; of the thresholds below it, the one that asks least
    assert "| type | 0.7 |" in capsys.readouterr().out
    choose_thresholds.main([*flags_of(world, tmp_path / "rate", split="dev", evaluated=world / "test.jsonl"), "--rate", "0.1"])
    assert json.loads((tmp_path / "rate" / "thresholds.json").read_text(encoding="utf-8"))["span"] == 1.0


def test_evaluated_samples_choose_no_threshold(world, tmp_path):
    with pytest.raises(DataError, match="dev samples are evaluated"):
        choose_thresholds.main(flags_of(world, tmp_path / "grid", evaluated=world / "test.jsonl", rate=0.1))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"thresholds": ["span"]}, "expected e.g. span=0.4"),
        ({"without": ["thought"]}, "without"),
        ({"prompt_style": "papers"}, "papers"),
        ({"family": ""}, "--family is missing"),
        ({"corrector": ""}, "--corrector is missing"),
    ],
)
def test_settings_that_cannot_be_are_refused(world, tmp_path, changed, told):
    with pytest.raises(ConfigError, match=told):
        correct.main(flags_of(world, tmp_path / "run", **changed))


def test_predictions_without_uncertainties_are_refused(world, tmp_path):
    path = tmp_path / "sure.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for sample in load_samples(world / "test.jsonl"):
            write_prediction(file, replace(spoiled(sample), uncertainties=()))
    with pytest.raises(ConfigError, match="no entity has an uncertainty"):
        correct.main(flags_of(world, tmp_path / "run", predictions=path))
