"""bench/rewards_matter.py: rows that differ in the rewards alone."""

import json

import pytest
from bench_path import load_bench

from mcr.results.jobs import check_jobs, make_jobs, stages_of
from mcr.systems.tables import TableRun
from rewards.parts import PARTS

MATTER = load_bench("rewards_matter")


@pytest.fixture
def jobs(tmp_path):
    run = TableRun("sandbox", tmp_path / "work", tmp_path / "data", 0, MATTER.SIZES)
    return make_jobs(MATTER.ROWS, [run], tmp_path / "results")


def test_each_reward_is_left_out_once_and_the_normalization_is_the_other_one_once(jobs):
    check_jobs(jobs, inputs=[])
    trained = {job.row.title: next(stage for stage in job.plan.stages if stage.program == "grpo") for job in jobs}
    assert [*trained] == [MATTER.ALL, *(f"w/o {part}" for part in PARTS), "divided by the larger count"]
    for title, stage in trained.items():
        weights = {part: stage.flag(f"--{part}_weight") for part in PARTS}
        assert weights == {part: "0" if title == f"w/o {part}" else None for part in PARTS}
    assert [stage.flag("--normalization") for stage in trained.values()] == [None] * 6 + ["larger_count"]


def test_rows_share_all_but_the_rewards(jobs):
    stages = stages_of(jobs)
    programs = [stage.program for stage in stages]
    assert programs.count("sft") == 1
    assert "filter" not in programs, "a filter by other rewards would keep other prompts"
    assert (
        len({(stage.flag("--model_name_or_path"), stage.flag("--train_set")) for stage in stages if stage.program == "grpo"}) == 1
    )


def test_the_bench_takes_the_flags_of_reproduce(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["rewards_matter.py", "--dry_run", "--seeds", "3", "--work_dir", str(tmp_path / "work")])
    MATTER.main()
    told = capsys.readouterr().out
    assert f"7 rows, seeds {json.dumps([3])}" in told
    assert "seed3/mcr/rewards_without_span/cvo: CVO: rewards_without_span  [w/o span]" in told
