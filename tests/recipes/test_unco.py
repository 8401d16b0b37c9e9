"""UnCo in the sandbox: the small demo runs whole and resumes; what is asked is what is above its threshold."""

import json

import pytest

pytest.importorskip("torch")

from mcr.correction.hierarchy import uncertainty_of
from mcr.io.predictions import load_predictions
from mcr.systems.unco.sandbox_runs import LLM
from mcr.uncertainties import PARTS
from recipes import evaluate

pytestmark = pytest.mark.recipe
ROWS = ("the large model alone", "small: UE, MRD", "Generation-based", "w/ Direct Correction", "w/ UnCo")


@pytest.fixture(scope="module")
def demo(recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("unco")
    done = recipe("demo", "--system", "unco", "--small", "--output_dir", out)
    return out, done.stdout


def runs_of(demo):
    return demo[0] / "seed0" / "unco"


def summary_of(demo, key):
    return json.loads((runs_of(demo) / "corrected" / key / "summary.json").read_text(encoding="utf-8"))


def test_the_demo_prints_its_rows(demo):
    table = (demo[0] / "table.md").read_text(encoding="utf-8")
    assert table in demo[1] + "\n"
    assert all(f"| {title} |" in table for title in (*ROWS, "the base model as corrector"))


def test_the_demo_shows_what_correction_changed_and_who_carries_the_errors(demo):
    table = (demo[0] / "table.md").read_text(encoding="utf-8")
    summary = summary_of(demo, "unco")
    (line,) = [one for one in table.splitlines() if one.startswith("| w/ UnCo | ") and "% of" in one]
    assert f"| {summary['num_questions']} (" in line
    for part in PARTS:
        found = summary["changes"][part]
        assert f"| {found['changed']}, {found['to_right']}, {found['to_wrong']} |" in line
    assert "| model | seen names | unseen names |" in table
    assert all(f"| {part} | " in table for part in PARTS)


def test_parts_above_their_thresholds_are_asked_and_no_others(demo):
    folder = runs_of(demo) / "small" / "small_0.6_0.5_mc_dropout"
    thresholds = json.loads((runs_of(demo) / "thresholds" / folder.name / LLM / "thresholds.json").read_text(encoding="utf-8"))
    wanted = dict.fromkeys(PARTS, 0)
    for prediction in load_predictions(folder / "test" / "predictions-000.jsonl"):
        for number in range(len(prediction.entities)):
            for part in PARTS:
                wanted[part] += (uncertainty_of(prediction, number, part) or 0) > thresholds[part]
    assert summary_of(demo, "unco")["asked"] == wanted


def test_direct_correction_asks_about_every_part_of_every_entity(demo):
    summary = summary_of(demo, "direct")
    assert summary["num_questions"] == len(PARTS) * summary["num_entities"] > 0
    assert set(summary["statuses"]) <= {"changed", "confirmed", "not_in_sentence"}


def test_the_report_has_an_auroc_of_each_part(demo):
    path = runs_of(demo) / "small" / "small_0.6_0.5_mc_dropout" / "test" / "metrics.json"
    assert {*json.loads(path.read_text(encoding="utf-8"))["part_aurocs"]} <= {*PARTS}


def test_a_finished_demo_runs_nothing_again(demo, recipe):
    before = {path: path.stat().st_mtime_ns for path in demo[0].rglob("predictions*.jsonl")}
    recipe("demo", "--system", "unco", "--small", "--output_dir", demo[0])
    assert {path: path.stat().st_mtime_ns for path in demo[0].rglob("predictions*.jsonl")} == before


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["--unco_model", ""], "which model"),
        (["--unco_estimate", "dropout"], "unco_estimate"),
        (["--unco_regions", ""], "belong together"),
        (["--unco_passes", "0"], "at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(demo, tmp_path, changed, told):
    from mcr.errors import ConfigError
    from mcr.systems.datasets import SANDBOX_CLIP

    folder = runs_of(demo)
    flags = ["--system", "unco", "--unco_model", folder / "small_0.6_0.5" / "model", "--gold", folder / "data" / "test.jsonl"]
    flags += ["--unco_regions", folder / "data" / "regions" / "test.jsonl", "--unco_vision_encoder", SANDBOX_CLIP]
    flags += ["--image_root", folder / "data", "--output_dir", tmp_path]
    with pytest.raises(ConfigError, match=told):
        evaluate.main([*map(str, flags), *changed])
