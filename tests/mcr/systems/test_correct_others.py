"""bench/correct_riveg.py and correct_mcr.py: UnCo's correctors read another system's predictions and world, nothing of UnCo's own."""

import pytest
from bench_path import load_bench

from mcr.results.jobs import check_jobs, make_jobs, stages_of
from mcr.systems.tables import TableRun

BENCHES = {"riveg": load_bench("correct_riveg"), "mcr": load_bench("correct_mcr")}
FOLDERS = {"riveg": ("riveg", "riveg/data"), "mcr": ("mcr/unsure", "data/gmner")}  # of predictions and of the world


@pytest.fixture(params=BENCHES)
def system(request):
    return request.param


@pytest.fixture
def stages(tmp_path, system):
    bench = BENCHES[system]
    run = TableRun("sandbox", tmp_path / "work", tmp_path / "data", 0, bench.SIZES)
    jobs = make_jobs(bench.TABLE.rows["sandbox"], [run], tmp_path / "results")
    check_jobs(jobs, inputs=[])
    return stages_of(jobs)


def test_no_small_model_of_uncos_is_trained(stages):
    assert {stage.program for stage in stages if stage.name.startswith("seed0/unco/")} <= {
        "mcr.commands.with_sandbox_llm",
        "evaluate",
    }
    assert not any(stage.program == "pointer" for stage in stages)


def test_corrections_and_thresholds_are_of_the_systems_predictions_and_scenes(stages, tmp_path, system):
    asked = [stage for stage in stages if "choose-thresholds" in stage.flags or "correct" in stage.flags]
    assert len(asked) == 3
    predicted, world = (str(tmp_path / "work" / "seed0" / folder) for folder in FOLDERS[system])
    for stage in asked:
        assert stage.flag("--predictions").startswith(predicted)
        assert stage.flag("--samples").startswith(world)
    (chosen,) = [stage for stage in asked if "choose-thresholds" in stage.flags]
    assert chosen.flag("--samples").endswith("dev.jsonl")
    assert chosen.flag("--evaluated").endswith("test.jsonl")
