"""mcr reproduce: a smoke run of every table in the sandbox, in one folder, and a dry run of every table."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from recipes_path import RECIPES

pytest.importorskip("torch")
from mcr.commands import check_plan
from mcr.errors import ConfigError
from mcr.results.jobs import change_sizes, make_jobs, stages_of
from mcr.results.row_results import RowResult
from mcr.systems import systems
from mcr.systems.dry_run import needs_hardware, write_steps
from mcr.systems.running import StageRunner
from mcr.systems.stages import join_stages, make_stage
from mcr.systems.tables import TableRun

pytestmark = pytest.mark.recipe
TABLES = {name: table for system in systems().values() for name, table in system.tables.items()}
KEEP_ALL = ("min_std=0", "min_max=0", "min_median=0")
MCR_SIZES = ("gmner=40", "mner=10", "phrases=10", "dev=2", "test=8", "sft_steps=4", "more_steps=2", "filter_prompts=12")
MCR_SIZES = (*MCR_SIZES, "grpo_steps=2", "grpo_groups=1", "max_tokens=12", *KEEP_ALL)
RIVEG_SIZES = ("train=40", "dev=6", "test=8", "unseen=8", "annotated=8", "epochs=1", "steps=2")
UNCO_SIZES = ("train=320", "dev=8", "test=8", "epochs=4", "passes=2", "steps=20")
VKEL_SIZES = (
    "train=40",
    "dev=4",
    "test=8",
    "unseen=8",
    "texts=20",
    "names_steps=2",
    "places_steps=2",
    "tokens=40",
    "min_cosine=0",
)
E2E_SIZES = ("train=20", "test=8", "steps=4", "max_tokens=12")
# The rows of a smoke run, so that all tables together take minutes; None: all of them.
SMOKE = {
    "mcr-3": None,
    "mcr-1": ("+CoT+3-Shot", "+SFT", "+MRSI", "+MRSI+CVO"),
    "mcr-2": ("+MRSI+CVO",),
    "mcr-4": None,
    "mcr-fig3": None,
    "mcr-fig4-5": None,
    "mcr-cases": None,
    "e2e-1": None,
    "e2e-2": ("E2E-GMNER", "w/o GRBP"),
    "e2e-3": ("e2e-ours", "e2e-teacher-7b"),
    "e2e-fig3": ("beta = gamma = 0", "beta = gamma = 0.03"),
    "riveg-7": ("w/o Auxiliary Knowledge", "w/o MSEA, N=1"),
    "riveg-8": ("BiLSTM-VE-VG with None",),
    "riveg-11": None,
    "riveg-fig9": None,
    "unco-fig4": None,
    "unco-others": ("a fine-tuned vision-language model", "the same, w/ UnCo"),
    "vkel-6": ("w Joint Training",),
    "vkel-8": ("directly",),
    "vkel-9": None,
    "vkel-fig8": ("K = 1",),
}
SIZES = {"mcr": MCR_SIZES, "e2e": E2E_SIZES, "riveg": RIVEG_SIZES, "unco": UNCO_SIZES, "vkel": VKEL_SIZES}
VIEWS = {"mcr-fig3": "mcr-fig3.png", "mcr-fig4-5": "mcr-fig4-5.png", "e2e-fig3": "e2e-fig3.png", "riveg-fig9": "riveg-fig9.png"}
VIEWS |= {"unco-fig4": "unco-fig4.png", "vkel-9": "vkel-9.png", "vkel-fig8": "vkel-fig8.png"}
VIEWS |= {"mcr-cases": "mcr-sft-against-mcr.html"}


def flags_of(table, folder):
    rows = SMOKE[table]
    chosen = () if rows is None else ("--rows", *rows)
    sizes = SIZES[table.split("-")[0]]
    folders = ("--work_dir", folder / "work", "--results", folder / "results")
    return (table, "--seeds", 0, *folders, "--num_resamples", 100, *chosen, "--sizes", *sizes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all tables are made."""
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture(scope="module")
def stopped(folder):
    """A run of E2E-GMNER's Table 1 that was stopped after its first stages."""
    command = [sys.executable, str(RECIPES / "reproduce.py"), *map(str, flags_of("e2e-1", folder))]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    record, deadline = folder / "work/sandbox/stages.json", time.monotonic() + 120
    while not (record.is_file() and "e2e_gmner/knowledge_visual_1" in record.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=60)[1]
    return json.loads(record.read_text()), told


@pytest.mark.parametrize("table", ["e2e-1", *(name for name in SMOKE if name != "e2e-1")])
def test_a_table_is_made_in_the_sandbox(table, folder, stopped, recipe):
    done = recipe("reproduce", *flags_of(table, folder))
    text = (folder / f"results/sandbox/{table}.md").read_text()
    assert text in done.stdout
    rows = [row for row in TABLES[table].rows["sandbox"] if SMOKE[table] is None or {row.title, row.key} & set(SMOKE[table])]
    table_text = next(part for part in text.split("\n\n") if part.startswith("|"))  # quoted rows, ours, then the orders
    lines = table_text.splitlines()[-len(rows) :]
    for row, line in zip(rows, lines, strict=True):
        assert re.search(r" [0-9.]+ \[[0-9.]+, [0-9.]+\]", line), "each row has a score with its interval"
        assert line.count("paper ") == len(row.paper)
        result = RowResult.read(folder / f"results/sandbox/{row.key}/seed0.json")
        assert all(len(counts.rows) == 8 for name, counts in result.counts.items() if name != "phrases")
    if table in VIEWS:
        assert (folder / "results/sandbox" / VIEWS[table]).stat().st_size > 1000


def test_a_stopped_run_resumes_after_its_last_finished_stage(folder, stopped):
    record, told = stopped
    assert "the same command resumes" in told
    assert "seed0/e2e_gmner/ours/eval" not in record
    after = json.loads((folder / "work/sandbox/stages.json").read_text())
    assert {name: after[name] for name in record} == record, "what had run did not run again"


def test_stages_that_rows_and_tables_share_run_once(folder):
    record = json.loads((folder / "work/sandbox/stages.json").read_text())
    trained = [name for name in record if name.endswith("/mcr/mrsi")]
    assert trained == ["seed0/mcr/mcr/mrsi"]
    log = (folder / "work/sandbox/logs/seed0_mcr_mcr_mrsi.txt").read_text()
    assert log.count("model saved to") == 1


def test_curves_of_cvo_are_kept(folder):
    curves = RowResult.read(folder / "results/sandbox/mcr-mcr/seed0.json").curves
    assert [row["step"] for row in curves if "held_out/gmner_f1" in row] == [0, 1, 2]
    assert [row["step"] for row in curves if {"reward", "entropy", "completions/mean_length"} <= row.keys()] == [1, 2]


def test_a_committed_row_counts_as_done(folder, recipe, tmp_path):
    shutil.copytree(folder / "results", tmp_path / "results")
    done = recipe("reproduce", *flags_of("mcr-fig4-5", tmp_path))
    assert "every row has its result: nothing to run" in done.stdout
    assert not (tmp_path / "work").exists()
    assert (tmp_path / "results/sandbox/mcr-fig4-5.md").read_text() == (folder / "results/sandbox/mcr-fig4-5.md").read_text()


def test_a_result_of_other_settings_is_refused(folder, recipe):
    flags = [*flags_of("e2e-1", folder), "steps=5"]
    refused = recipe("reproduce", *flags, check=False)
    assert refused.returncode
    assert "was made with other settings of its stages" in refused.stderr
    assert "Give --again e2e-ours" in refused.stderr
    refused = recipe("reproduce", *flags, "--results", folder / "other", check=False)
    assert "holds a run with other settings (stage seed0/e2e_gmner/ours/sft: 4 then, 5 now)" in refused.stderr


def test_again_makes_a_row_anew(folder, recipe):
    path = folder / "results/sandbox/e2e-ours/seed0.json"
    before = path.read_text()
    path.write_text(before.replace('"settings": "', '"settings": "0'))
    done = recipe("reproduce", *flags_of("e2e-1", folder), "--again", "e2e-ours")
    assert "1 of 1 results to make" in done.stdout
    assert path.read_text() == before


def test_an_unknown_table_is_refused_with_the_closest(recipe):
    refused = recipe("reproduce", "mcr-fig4", check=False)
    assert "got 'mcr-fig4' (did you mean mcr-fig" in refused.stderr


def test_missing_published_data_are_named_before_anything_runs(recipe, tmp_path):
    flags = (
        "--on",
        "twitter",
        "--data_root",
        tmp_path / "data",
        "--work_dir",
        tmp_path / "work",
        "--results",
        tmp_path / "results",
    )
    refused = recipe("reproduce", "e2e-2", *flags, check=False)
    assert "the published data are not all there" in refused.stderr
    assert f"{tmp_path}/data/Twitter10000_v2.0 does not exist" in refused.stderr
    assert not (tmp_path / "work").exists()


def test_the_dry_run_of_a_published_table_ends_with_the_doctors_word(recipe, tmp_path):
    flags = ("--work_dir", tmp_path / "work", "--results", tmp_path / "results")
    done = recipe("reproduce", "e2e-1", "--on", "twitter", "--dry_run", *flags)
    assert "4 configs parse; the doctor accepts the 2 that train or filter" in done.stdout
    assert "seed0/e2e_gmner/gmner/ours/merge: one plain model" in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """The stages of all tables by platform; the published data are a stub, whose preparation has run."""
    work = tmp_path_factory.mktemp("plans")
    found = {}
    for platform in ("sandbox", "twitter"):
        jobs = []
        for table in TABLES.values():
            if platform not in table.rows:
                continue
            sizes = {**table.sizes[platform], **(table.sizes["stub"] if platform == "twitter" else {})}
            run = TableRun(platform, work / platform, work / "stub", 0, sizes)
            jobs += make_jobs(table.rows[platform], [run], work / "results")
        found[platform] = stages_of(jobs)
    stub = make_stage("stub", "a stub", "data_prep.sandbox.layouts", "--output_dir", work / "stub", makes=[work / "stub"])
    prepared = join_stages([[stub], [stage for stage in found["twitter"] if not needs_hardware(stage)]])
    StageRunner(work, RECIPES, work / "logs").run(prepared)
    return work, found


@pytest.mark.parametrize(("platform", "hardware"), [("sandbox", ()), ("twitter", ("--gpu_memory_gb", "48"))])
def test_the_configs_of_every_table_parse_and_the_doctor_accepts_them(plans, platform, hardware, capsys):
    work, found = plans
    write_steps(work / "plan.json", found[platform])
    check_plan.main(["--plan", str(work / "plan.json"), *hardware])
    assert "configs parse" in capsys.readouterr().out
    steps = json.loads((work / "plan.json").read_text())
    assert {step["recipe"] for step in steps} == {"sft", "merge", "filter", "grpo", "evaluate", "tagger"} | (
        {"pointer", "correct", "choose_thresholds"} if platform == "sandbox" else set()
    )


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--num_generations", "7"], r"mcr/grpo: settings: generation_batch_size \(8\) must be divisible"),
        (["--train_set", "nowhere.parquet"], r"mcr/grpo: data: nowhere.parquet does not exist"),
    ],
)
def test_a_step_that_would_fail_is_named_with_its_reason(plans, tmp_path, flags, told):
    _, found = plans
    write_steps(tmp_path / "plan.json", found["twitter"])
    name = "seed0/mcr/qwen2_5_vl_7b/mcr/grpo"
    (step,) = [step for step in json.loads((tmp_path / "plan.json").read_text()) if step["name"] == name]
    (tmp_path / "plan.json").write_text(json.dumps([step | {"flags": step["flags"] + flags}]))
    with pytest.raises(ConfigError, match=told):
        check_plan.main(["--plan", str(tmp_path / "plan.json"), "--gpu_memory_gb", "48"])


def test_sizes_are_checked_before_anything_runs():
    sizes = change_sizes(TABLES["mcr-1"].sizes["sandbox"], MCR_SIZES)
    assert sizes["min_std"] == 0.0
    assert isinstance(sizes["sft_steps"], int)
