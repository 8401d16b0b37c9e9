"""RiVEG in the sandbox with the tiny base model: the small demo runs whole, resumes, and grounds only what is entailed."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from mcr.grounding.calibration import Calibration, probability_of
from mcr.io.predictions import load_predictions
from mcr.systems import riveg
from recipes import calibrate_verdicts, evaluate

pytestmark = pytest.mark.recipe
CONFIG = Path(riveg.__file__).parent / "configs" / "sandbox_riveg_evaluate.yaml"


@pytest.fixture(scope="module")
def demo(recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("riveg")
    done = recipe("demo", "--system", "riveg", "--small", "--output_dir", out)
    return out, done.stdout


def runs_of(demo):
    return demo[0] / "seed0" / "riveg"


def test_the_demo_prints_its_rows(demo):
    table = (demo[0] / "table.md").read_text()
    assert table in demo[1] + "\n"
    for title in ("RiVEG", "w/o VE", "w/o knowledge in MNER", "names alone as phrases"):
        assert f"| {title} " in table
        assert f"| {title}: unseen names " in table


def test_only_what_is_entailed_is_grounded(demo):
    rule = Calibration.load(runs_of(demo) / "ve" / "expression" / "calibration.json")
    folder = runs_of(demo) / "whole" / "nearest_5-ve-vg-expression" / "test"
    verdicts = load_predictions(folder / "verdicts" / "predictions-000.jsonl")
    let_through = [one.id for one in verdicts if probability_of(one) >= rule.threshold - 1e-9]
    path = folder / "places" / "predictions-000.jsonl"
    assert [one.id for one in (load_predictions(path) if path.is_file() else [])] == let_through
    everything = runs_of(demo) / "whole" / "nearest_5-all-vg-expression" / "test" / "places" / "predictions-000.jsonl"
    assert len(load_predictions(everything)) == len(verdicts)


def test_masks_come_with_the_boxes(demo):
    folder = runs_of(demo) / "whole" / "nearest_5-all-vg-expression" / "test"
    entities = [entity for one in load_predictions(folder / "predictions-000.jsonl") for entity in one.entities]
    assert any(entity.masks for entity in entities)
    assert all(len(entity.masks or ()) == len(entity.boxes or ()) for entity in entities)
    assert "SMNER F1" in json.loads((folder / "metrics.json").read_text())["measures"]


def test_a_finished_demo_runs_nothing_again(demo, recipe):
    before = {path: path.stat().st_mtime_ns for path in demo[0].rglob("predictions-000.jsonl")}
    done = recipe("demo", "--system", "riveg", "--small", "--output_dir", demo[0])
    assert {path: path.stat().st_mtime_ns for path in demo[0].rglob("predictions-000.jsonl")} == before
    assert (demo[0] / "table.md").read_text().strip() in done.stdout


def test_verdicts_without_probabilities_cannot_be_calibrated(demo, tmp_path):
    gold = runs_of(demo) / "phrases" / "expression" / "ve" / "dev.jsonl"
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"id": json.loads(line)["id"], "entities": []}) + "\n" for line in gold.open()))
    with pytest.raises(Exception, match="no verdict with a probability"):
        calibrate_verdicts.main(["--gold", str(gold), "--predictions", str(path), "--output", str(tmp_path / "c.json")])


def test_the_same_run_from_the_shipped_config(demo, tmp_path, monkeypatch):
    """mcr evaluate --system riveg --config: the pipeline with every stage a file or a model, as a YAML file says it."""
    folder = runs_of(demo)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "riveg_demo").symlink_to(demo[0], target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    evaluate.main(["--config", str(CONFIG), "--output_dir", str(tmp_path / "out"), "--num_resamples", "10"])
    before = load_predictions(folder / "whole" / "nearest_5-ve-vg-expression" / "test" / "predictions-000.jsonl")
    after = load_predictions(tmp_path / "out" / "predictions-000.jsonl")
    assert [[(e.text, e.type, e.boxes) for e in one.entities] for one in after] == [
        [(e.text, e.type, e.boxes) for e in one.entities] for one in before
    ]
