"""bench/correct_riveg.py: UnCo's correctors read RiVEG's predictions and its world, and nothing of UnCo's own."""

import pytest
from bench_path import load_bench

from mcr.results.jobs import check_jobs, make_jobs, stages_of
from mcr.systems.tables import TableRun

BENCH = load_bench("correct_riveg")


@pytest.fixture
def stages(tmp_path):
    run = TableRun("sandbox", tmp_path / "work", tmp_path / "data", 0, BENCH.SIZES)
    jobs = make_jobs(BENCH.TABLE.rows["sandbox"], [run], tmp_path / "results")
    check_jobs(jobs, inputs=[])
    return stages_of(jobs)


def test_no_small_model_of_uncos_is_trained(stages):
    assert {stage.program for stage in stages if stage.name.startswith("seed0/unco/")} <= {
        "mcr.commands.with_sandbox_llm",
        "evaluate",
    }
    assert not any(stage.program == "pointer" for stage in stages)


def test_corrections_and_thresholds_are_of_rivegs_predictions_and_scenes(stages, tmp_path):
    asked = [stage for stage in stages if "choose-thresholds" in stage.flags or "correct" in stage.flags]
    assert len(asked) == 3
    riveg = str(tmp_path / "work" / "seed0" / "riveg")
    for stage in asked:
        assert stage.flag("--predictions").startswith(riveg)
        assert stage.flag("--samples").startswith(riveg)
    (chosen,) = [stage for stage in asked if "choose-thresholds" in stage.flags]
    assert chosen.flag("--samples").endswith("dev.jsonl")
    assert chosen.flag("--evaluated").endswith("test.jsonl")
