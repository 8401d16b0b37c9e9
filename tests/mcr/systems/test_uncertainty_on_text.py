"""bench/uncertainty_on_text.py: both models are trained once, asked on the test split alone, and the tagger is RiVEG's own."""

from bench_path import load_bench

from mcr.results.jobs import check_jobs, make_jobs, stages_of
from mcr.systems.riveg.text_runs import GMNER, plan_text
from mcr.systems.tables import TableRun

BENCH = load_bench("uncertainty_on_text")


def test_two_models_are_trained_once_and_asked_twice_each(tmp_path):
    run = TableRun("twitter", tmp_path / "work", tmp_path / "data", 0, BENCH.SIZES)
    jobs = make_jobs(BENCH.make_table().rows["twitter"], [run], tmp_path / "results")
    given = [tmp_path / "data" / GMNER.folder, tmp_path / "data" / "encoders" / "minilm"]
    check_jobs(jobs, inputs=given)
    stages = stages_of(jobs)
    trained = [stage for stage in stages if stage.program in ("tagger", "pointer")]
    assert sorted(stage.program for stage in trained) == ["pointer", "tagger"]
    asked = [stage for stage in stages if stage.program == "evaluate"]
    assert len(asked) == 4
    assert {stage.flag("--gold") for stage in asked} == {str(tmp_path / "work" / "all_seeds" / "text" / "gmner" / "test.jsonl")}
    (tagger,) = [stage for stage in trained if stage.program == "tagger"]
    own = [stage for stage in plan_text(BENCH.TAGGER, (GMNER,), run).stages if stage.program == "tagger"]
    assert [tagger] == own, "the stage of Table VI, so that it is not trained twice"
