"""Stages run in order, never twice, and end with whoever runs them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recipes_path import load_recipe

import mcr
from mcr.errors import ConfigError, McrError
from mcr.systems import systems
from mcr.systems.stages import make_stage, run_command_line, run_stages


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
    with pytest.raises(McrError, match="stage b ended with code 3"):
        run_stages(tmp_path, stages, recipes)
    with pytest.raises(ConfigError, match=r"other settings \(stage a\)"):
        run_stages(tmp_path, [make_stage("a", "first", "note", notes, "other")], recipes)
    minutes = run_stages(tmp_path, [stages[0], make_stage("b", "second", "note", notes, "b")], recipes)
    assert notes.read_text() == "ab"
    assert set(minutes) == {"a", "b"}
    assert "[1/2] first: done before" in capsys.readouterr().out


def test_a_program_with_a_dot_is_a_module(tmp_path):
    run_stages(tmp_path, [make_stage("tasks", "tasks", "json.tool", "--help")], tmp_path, log=tmp_path / "log.txt")
    assert "usage" in (tmp_path / "log.txt").read_text()


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
from mcr.systems.stages import make_stage, run_stages
folder = Path({str(tmp_path)!r})
run_command(lambda: run_stages(folder, [make_stage("wait", "waiting", "wait", {str(ready)!r})], folder))
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
from mcr.systems.stages import run_command_line
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


@pytest.mark.parametrize("is_answer_only", [False, True])
def test_the_demo_of_mcr_times_stages_that_it_has(tmp_path, is_answer_only):
    demo = load_recipe("demo")
    plan = demo.plan_demo(tmp_path, 0, demo.SMALL, "qwen3_vl", is_answer_only=is_answer_only)
    names = [stage.name for stage in plan.stages]
    assert len(names) == len(set(names))
    assert {stage for row in plan.rows for stage in row.timed} <= set(names)
    assert ("grpo" in names) is not is_answer_only


@pytest.mark.parametrize("system", [one for one in systems().values() if one.demo is not None], ids=lambda one: one.name)
@pytest.mark.parametrize("is_small", [False, True])
def test_the_demo_of_a_system_times_stages_that_it_has(tmp_path, system, is_small):
    plan = system.demo(tmp_path, 0, is_small)
    names = [stage.name for stage in plan.stages]
    assert len(names) == len(set(names))
    assert {stage for row in plan.rows for stage in row.timed} <= set(names)
    assert all(row.folder.is_relative_to(tmp_path) for row in plan.rows)
