"""Tables that systems register: their plans hold together, and the figures beside ours are the papers'."""

from dataclasses import replace
from pathlib import Path

import pytest

from mcr.errors import ConfigError
from mcr.metrics.scores import f1_of
from mcr.results.jobs import change_sizes, check_jobs, choose_rows, make_jobs, stages_of
from mcr.systems import systems
from mcr.systems.tables import Column, Row, RowPlan, Table, TableRun

TABLES = {name: table for system in systems().values() for name, table in system.tables.items()}
PLATFORMS = [(name, platform) for name, table in TABLES.items() for platform in table.rows]
# By hand from the papers' tables: MCR Tables 1 to 4, E2E-GMNER Tables 1 to 3.
PAPER = {
    ("mcr-1", "twitter"): {
        "Qwen2.5-VL-7B direct": (5.4, 14.1, 7.8, 9.8, 25.3, 14.1, 6.1, 15.9, 8.8),
        "Qwen2.5-VL-7B +CoT": (11.4, 13.6, 12.4, 20.2, 24.0, 21.9, 12.9, 15.4, 14.1),
        "Qwen2.5-VL-7B +CoT+3-Shot": (16.5, 33.7, 22.2, 27.5, 56.2, 37.0, 18.3, 37.3, 24.5),
        "Qwen2.5-VL-7B +SFT": (63.3, 62.0, 62.7, 83.0, 81.3, 82.2, 65.8, 64.4, 65.1),
        "Qwen2.5-VL-7B +MRSI": (69.1, 68.1, 68.6, 82.4, 81.2, 81.8, 72.1, 71.0, 71.5),
        "Qwen2.5-VL-7B +MRSI+CVO": (70.5, 70.8, 70.6, 82.6, 82.9, 82.8, 73.2, 73.5, 73.4),
        "MiMo-VL-7B direct": (9.6, 10.9, 10.2, 20.5, 23.3, 21.8, 10.6, 12.0, 11.2),
        "MiMo-VL-7B +CoT": (11.9, 17.3, 14.1, 22.1, 32.2, 26.2, 13.1, 19.0, 15.5),
        "MiMo-VL-7B +CoT+3-Shot": (15.0, 21.4, 17.7, 29.6, 42.1, 34.8, 17.8, 25.3, 20.9),
        "MiMo-VL-7B +SFT": (63.5, 60.6, 62.0, 81.7, 78.0, 79.8, 67.0, 63.9, 65.4),
        "MiMo-VL-7B +MRSI": (66.1, 65.5, 65.8, 81.5, 80.8, 81.1, 69.8, 69.2, 69.5),
        "MiMo-VL-7B +MRSI+CVO": (69.4, 69.7, 69.6, 82.2, 82.5, 82.3, 72.8, 73.1, 72.9),
    },
    ("mcr-2", "twitter"): {
        "Qwen2.5-VL-7B +SFT": (84.0, 83.6, 83.8, 70.6, 81.1, 70.2, 62.5),
        "Qwen2.5-VL-7B +MRSI": (82.1, 81.8, 82.0, 74.2, 89.1, 70.3, 71.5),
        "Qwen2.5-VL-7B +MRSI+CVO": (84.1, 86.2, 85.1, 74.7, 90.4, 69.7, 72.8),
        "MiMo-VL-7B +SFT": (81.8, 80.8, 81.23, 65.7, 66.1, 69.6, 45.6),
        "MiMo-VL-7B +MRSI": (83.2, 83.4, 83.3, 72.6, 89.4, 68.6, 71.6),
        "MiMo-VL-7B +MRSI+CVO": (84.7, 85.0, 84.8, 75.7, 90.4, 71.9, 73.0),
    },
    ("mcr-3", "sandbox"): {
        "Ours": (70.5, 70.8, 70.6, 82.6, 82.9, 82.8, 73.2, 73.5, 73.4),
        "w/o MRSI": (50.2, 53.2, 51.7, 64.3, 68.1, 66.2, 54.2, 57.5, 55.8),
        "w/o CVO": (68.9, 68.6, 68.8, 81.9, 81.5, 81.7, 72.2, 71.9, 72.0),
        "w/o D_R": (69.5, 68.8, 69.2, 81.6, 80.7, 81.1, 72.8, 72.1, 72.5),
        "w/o Inst": (67.3, 66.1, 66.7, 81.7, 80.2, 80.9, 70.8, 69.5, 70.1),
    },
    ("mcr-4", "twitter"): {
        "Qwen2.5-VL-7B CoT+3-Shot": (13.2, 363),
        "Qwen2.5-VL-7B MCR": (0.1, 3),
        "MiMo-VL-7B CoT+3-Shot": (24.3, 637),
        "MiMo-VL-7B MCR": (0.2, 5),
    },
    ("e2e-1", "sandbox"): {"E2E-GMNER": (63.94, 77.65, 66.12, 54.32, 65.67, 66.78)},
    ("e2e-2", "twitter"): {
        "E2E-GMNER": (63.94, 54.32),
        "w/o CoT": (62.57, 53.96),
        "w/o GRBP": (61.51, 52.92),
        "w/o both": (),
    },
    ("e2e-3", "twitter"): {
        "Qwen2.5-VL-72B": (63.94, 54.32),
        "Qwen2.5-VL-7B": (61.23, 52.74),
        "GPT4o": (63.77, 53.96),
    },
}
QUOTED = {
    "mcr-1": {
        "MQSPN": (59.0, 58.5, 58.8, 81.2, 79.7, 80.4, 61.9, 62.9, 62.4),
        "GLM4.5VL +CoT+3-Shot": (43.2, 55.5, 48.5, 53.1, 68.3, 59.7, 47.2, 60.7, 53.1),
        "Qwen2.5VL-72B +CoT+3-Shot": (33.0, 52.3, 40.5, 47.0, 74.4, 57.6, 37.2, 58.8, 45.6),
    },
    "mcr-4": {"Qwen2.5VL-72B, direct prompt": (29.2, 1372), "GLM4.5VL, CoT+3-Shot": (13.8, 464)},
    "e2e-1": {"MAKAR [+]": (71.88, 86.38, 74.64, 60.54, 71.24, 75.66), "UnCo": (58.83, 79.55, 63.49, 48.17, 65.06, 62.73)},
}


@pytest.mark.parametrize(("name", "platform"), PAPER)
def test_the_figures_beside_ours_are_the_papers(name, platform):
    table = TABLES[name]
    found = {row.title: tuple(row.paper.get(column.header) for column in table.columns) for row in table.rows[platform]}
    assert {title: figures for title, figures in found.items() if None not in figures} == {
        title: figures for title, figures in PAPER[name, platform].items() if figures
    }
    assert list(found) == list(PAPER[name, platform])


@pytest.mark.parametrize("name", QUOTED)
def test_rows_of_other_systems_are_quoted_from_the_paper(name):
    headers = [column.header for column in TABLES[name].columns]
    for title, figures in QUOTED[name].items():
        assert TABLES[name].quoted[title] == dict(zip(headers, figures, strict=True))


def test_every_table_of_the_two_papers_is_registered():
    mcr = ["mcr-1", "mcr-2", "mcr-3", "mcr-4", "mcr-fig3", "mcr-fig4-5", "mcr-cases"]
    assert {*mcr, "e2e-1", "e2e-2", "e2e-3", "e2e-fig3"} <= TABLES.keys()


def run_of(table: Table, platform: str, folder: Path, seed: int = 0) -> TableRun:
    return TableRun(platform, folder / "work", folder / "data", seed, table.sizes.get(platform, {}))


@pytest.mark.parametrize(("name", "platform"), PLATFORMS)
def test_everything_is_made_before_it_is_read(name, platform, tmp_path):
    runs = [run_of(TABLES[name], platform, tmp_path, seed) for seed in (0, 1)]
    jobs = make_jobs(TABLES[name].rows[platform], runs, tmp_path / "results")
    check_jobs(jobs, inputs=[tmp_path / "data"])
    for job in jobs:
        made = {path for stage in job.plan.stages for path in stage.makes}
        assert all(folder / "metrics.json" in made for folder in job.plan.evaluations.values())
        assert {column.evaluation for column in TABLES[name].columns} & {*job.plan.evaluations, *job.plan.figures}


@pytest.mark.parametrize("platform", ["sandbox", "twitter"])
def test_tables_share_their_stages(platform, tmp_path):
    """MRSI is trained once for all of MCR's tables, and so is every stage that two tables name."""
    jobs = [
        job
        for table in TABLES.values()
        for job in make_jobs(table.rows.get(platform, ()), [run_of(table, platform, tmp_path)], tmp_path / "results")
    ]
    stages = stages_of(jobs)  # refuses two stages of one name that differ
    trained = [stage for stage in stages if stage.program == "sft" and "/mcr/mcr/" in str(stage.makes[0])]
    assert len(trained) == (1 if platform == "sandbox" else 0)
    assert len(stages) < sum(len(job.plan.stages) for job in jobs) / 2
    results = {job.path: job.settings for job in jobs}
    assert all(results[job.path] == job.settings for job in jobs), "rows of one key are one row"


def test_the_settings_of_a_row_do_not_depend_on_where_it_runs(tmp_path):
    table = TABLES["mcr-3"]
    rows = table.rows["sandbox"]
    here, there = (make_jobs(rows, [run_of(table, "sandbox", tmp_path / name)], tmp_path) for name in ("a", "b"))
    assert [job.settings for job in here] == [job.settings for job in there]
    other = replace(run_of(table, "sandbox", tmp_path / "a"), sizes=change_sizes(table.sizes["sandbox"], ["sft_steps=5"]))
    assert not {job.settings for job in make_jobs(rows, [other], tmp_path)} & {job.settings for job in here[:1]}


def test_a_table_says_what_is_wrong_with_it():
    columns = (Column("F1", "gmner", f1_of("gmner")),)
    row = Row("key", "title", lambda run: RowPlan((), {}), {"Pre": 1.0})
    with pytest.raises(ConfigError, match="figures of unknown columns"):
        Table("t", columns, {"sandbox": (row,)}, {})
    with pytest.raises(ConfigError, match="a view, platform or header is wrong"):
        Table("t", columns, {}, {}, view="pie")


def test_rows_and_sizes_are_chosen_by_name():
    table = TABLES["mcr-3"]
    assert [row.title for row in choose_rows(table, "sandbox", ["mcr-mcr", "w/o CVO"])] == ["Ours", "w/o CVO"]
    with pytest.raises(ConfigError, match="w/o CV "):
        choose_rows(table, "sandbox", ["w/o CV"])
    with pytest.raises(ConfigError, match="expected name=number"):
        change_sizes({"steps": 4}, ["stepz=3"])
    with pytest.raises(ConfigError, match="expected a number like 4"):
        change_sizes({"steps": 4}, ["steps=many"])
