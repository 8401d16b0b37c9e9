"""Stages run in order, never twice, and end with whoever runs them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mcr
from mcr.errors import ConfigError, McrError
from mcr.systems import stages, systems
from mcr.systems.running import StageRunner, missing_stages, run_command_line
from mcr.systems.stages import PACKAGES, hash_of, join_stages, make_stage, plan_faults, settings_of


@pytest.fixture
def recipes(tmp_path):
    """A folder with one recipe that appends its flag to a file, or fails."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "note.py").write_text(
        "import sys\nif sys.argv[2] == 'fail': sys.exit(3)\nopen(sys.argv[1], 'a').write(sys.argv[2])\n"
    )
    return folder


def test_a_command_gives_its_exit_code():
    assert run_command_line([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert run_command_line([sys.executable, "-c", ""]) == 0


def test_output_goes_to_a_log_and_threads_to_the_environment(tmp_path):
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    run_command_line([sys.executable, "-c", code], log=tmp_path / "log.txt", threads=3)
    assert (tmp_path / "log.txt").read_text() == "3\n"


def test_stages_run_once_and_resume_after_the_last_finished_one(tmp_path, recipes, capsys):
    notes = tmp_path / "notes"
    stages = [make_stage("a", "first", "note", notes, "a"), make_stage("b", "second", "note", notes, "fail")]
    finished = []
    with pytest.raises(McrError, match="stage b ended with code 3"):
        StageRunner(tmp_path, recipes).run(stages, after=lambda record: finished.append(sorted(record)))
    assert finished == [["a"]]
    with pytest.raises(ConfigError, match=r"other settings \(stage a: a then, other now\)"):
        StageRunner(tmp_path, recipes).run([make_stage("a", "first", "note", notes, "other")])
    told = capsys.readouterr().out
    assert "[1/2] first\n" in told
    minutes = StageRunner(tmp_path, recipes).run([stages[0], make_stage("b", "second", "note", notes, "b")], {"b": 1.25})
    assert notes.read_text() == "ab"
    assert set(minutes) == {"a", "b"}
    told = capsys.readouterr().out
    assert "[1/2] first: done before" in told
    assert "[2/2] second (about 1.2 min)\n" in told


def test_a_program_with_a_dot_is_a_module(tmp_path):
    StageRunner(tmp_path, tmp_path, tmp_path / "logs").run([make_stage("a/tasks", "tasks", "json.tool", "--help")])
    assert "usage" in (tmp_path / "logs/a_tasks.txt").read_text()


def noting(name, folder, reads, makes):
    """A stage that appends its name to the notes, and makes a file."""
    return make_stage(
        name, name, "note", folder / "notes", name, folder / makes, reads=[folder / one for one in reads], makes=[folder / makes]
    )


@pytest.fixture
def makers(tmp_path):
    """A folder with a recipe that notes when it begins and when it has made its file."""
    folder = tmp_path / "makers"
    folder.mkdir()
    (folder / "note.py").write_text(
        "import sys, time\nnotes, name, made = sys.argv[1:]\nopen(notes, 'a').write(f'<{name}')\ntime.sleep(0.3)\n"
        "open(made, 'w').write(name)\nopen(notes, 'a').write(f'{name}>')\n"
    )
    return folder


def test_stages_run_side_by_side_but_not_before_what_they_read_is_made(tmp_path, makers):
    stages = [noting("a", tmp_path, [], "x"), noting("b", tmp_path, ["x"], "y"), noting("c", tmp_path, ["x"], "z")]
    StageRunner(tmp_path, makers, tmp_path / "logs", jobs=2).run(stages)
    notes = (tmp_path / "notes").read_text()
    assert notes.startswith("<aa>")
    assert set(notes[4:8]) == set("<b<c"), "both begin before one of them ends"


def test_a_stage_whose_files_are_gone_runs_again_where_one_reads_them(tmp_path, makers):
    stages = [noting("a", tmp_path, [], "x"), noting("b", tmp_path, ["x"], "y"), noting("c", tmp_path, ["y"], "z")]
    StageRunner(tmp_path, makers, tmp_path / "logs").run(stages[:2])
    (tmp_path / "x").unlink()
    assert missing_stages(stages, {"a": {}, "b": {}}) == [stages[2]], "nobody reads x any more"
    (tmp_path / "y").unlink()
    assert missing_stages(stages, {"a": {}, "b": {}}) == stages
    StageRunner(tmp_path, makers, tmp_path / "logs").run(stages)
    assert (tmp_path / "notes").read_text() == "<aa><bb>" + "<aa><bb><cc>"


def test_a_stage_must_make_what_it_declares(tmp_path, recipes):
    with pytest.raises(McrError, match=r"stage a ended without .*nothing"):
        StageRunner(tmp_path, recipes).run([make_stage("a", "a", "note", tmp_path / "notes", "a", makes=[tmp_path / "nothing"])])


def test_a_failure_stops_the_stages_beside_it(tmp_path):
    (tmp_path / "wait.py").write_text("import time\ntime.sleep(60)\n")
    (tmp_path / "fail.py").write_text("import sys, time\ntime.sleep(1)\nsys.exit(1)\n")
    start = time.monotonic()
    with pytest.raises(McrError, match="stage b ended with code 1"):
        StageRunner(tmp_path, tmp_path, tmp_path / "logs", jobs=2).run(
            [make_stage("a", "a", "wait"), make_stage("b", "b", "fail")]
        )
    assert time.monotonic() - start < 30


def test_a_plan_names_what_nothing_makes_and_what_is_not_declared(tmp_path):
    data, work = tmp_path / "data", tmp_path / "work"
    whole = [
        make_stage("a", "a", "note", "--out", work / "x", reads=[data / "train"], makes=[work / "x" / "set"]),
        make_stage(
            "b", "b", "note", "--set", work / "x" / "set", "--out", work / "y", reads=[work / "x" / "set"], makes=[work / "y"]
        ),
    ]
    assert plan_faults(whole, [data], work) == []
    assert plan_faults(whole[::-1], [data], work) == [f"stage b reads {work}/x/set, which no earlier stage makes"]
    assert plan_faults(whole, [], work) == [f"stage a reads {data}/train, which no earlier stage makes"]
    sloppy = make_stage("c", "c", "note", "--set", work / "z")
    assert plan_faults([sloppy], [], work) == [f"stage c uses {work}/z, which it declares neither as read nor as made"]
    assert (
        "which a makes, too" in plan_faults([*whole, make_stage("c", "c", "note", makes=[work / "x" / "set"])], [data], work)[0]
    )


def test_stages_of_one_name_are_one_stage():
    one, other = make_stage("a", "a", "note", 1), make_stage("a", "a", "note", 2)
    assert join_stages([[one], [one]]) == [one]
    with pytest.raises(ConfigError, match="two stages are named a and differ"):
        join_stages([[one], [other]])


def test_settings_are_flags_and_the_content_of_configs(tmp_path):
    config = PACKAGES / "recipes/configs/mcr/sandbox_sft.yaml"
    stage = make_stage("a", "a", "sft", "--config", config, "--output_dir", tmp_path / "work/x")
    moved = make_stage("a", "another title", "sft", "--config", config, "--output_dir", tmp_path / "elsewhere/x")
    assert hash_of([stage], {tmp_path / "work": "WORK"}) == hash_of([moved], {tmp_path / "elsewhere": "WORK"})
    other = make_stage("a", "a", "sft", "--config", config.with_name("sandbox_grpo.yaml"), "--output_dir", tmp_path / "work/x")
    assert hash_of([stage], {}) != hash_of([other], {})


def test_the_settings_of_a_model_that_ships_are_its_files(tmp_path, monkeypatch):
    model = tmp_path / "mcr/models/base"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(stages, "PACKAGES", tmp_path)
    stage = make_stage("a", "a", "sft", "--model_name_or_path", model)
    before = settings_of(stage, {})
    assert before["flags"][1]["model"] == "mcr/models/base"
    (model / "tokenizer.json").write_text("[]")
    stages.hash_of_folder.cache_clear()
    assert settings_of(stage, {}) != before


@pytest.mark.parametrize(("number", "told"), [(signal.SIGINT, "stopped; "), (signal.SIGTERM, "terminated; ")])
def test_a_stopped_stage_is_told_of_once(tmp_path, number, told):
    ready = tmp_path / "ready"
    (tmp_path / "wait.py").write_text(
        "import pathlib, sys, time\nfrom mcr.errors import run_command\n"
        "def main():\n    pathlib.Path(sys.argv[1]).touch()\n    time.sleep(60)\nrun_command(main)\n"
    )
    code = f"""
from pathlib import Path
from mcr.errors import run_command
from mcr.systems.running import StageRunner
from mcr.systems.stages import make_stage
folder = Path({str(tmp_path)!r})
run_command(lambda: StageRunner(folder, folder).run([make_stage("wait", "waiting", "wait", {str(ready)!r})]))
"""
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(mcr.__file__).parents[1])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, number)
    assert running.communicate(timeout=60)[1] == f"{told}the same command resumes from what is saved\n"


def test_terminating_whoever_runs_stages_takes_the_command_with_it(tmp_path):
    pid_file = tmp_path / "pid"
    stage = f"import os, pathlib, time; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    code = f"""
import sys
from mcr.errors import run_command
from mcr.systems.running import run_command_line
run_command(lambda: run_command_line([sys.executable, "-c", {stage!r}]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while not (pid_file.is_file() and pid_file.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert "terminated" in process.communicate(timeout=20)[1]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@pytest.mark.parametrize("system", [one for one in systems().values() if one.demo is not None], ids=lambda one: one.name)
@pytest.mark.parametrize("is_small", [False, True])
def test_the_demo_of_a_system_times_stages_that_it_has_and_makes_what_it_reads(tmp_path, system, is_small):
    plan = system.demo(tmp_path, 0, is_small)
    names = [stage.name for stage in plan.stages]
    assert len(names) == len(set(names))
    assert {stage for row in plan.rows for stage in row.timed} | set(plan.expected) <= set(names)
    assert all(row.folder.is_relative_to(tmp_path) for row in plan.rows)
    assert plan_faults(plan.stages, (), tmp_path) == []
