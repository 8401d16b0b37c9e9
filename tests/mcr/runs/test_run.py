"""How a training run ends when something outside fails, and which checkpoints stay."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from mcr.errors import ConfigError, DataError, McrError, run_command
from mcr.runs.run_folder import make_run_folder
from mcr.training.checkpoints.checkpoint import copy_model, thin_checkpoints
from mcr.training.checkpoints.resume import BEGUN_MARKER, COMPLETE_MARKER, last_checkpoint, newest_complete


def write_checkpoint(out, step, **marker):
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / COMPLETE_MARKER).write_text(json.dumps({"step": step, "num_processes": 1, **marker}))
    (folder / "model.safetensors").write_text("weights")


def steps_of(out):
    return sorted(int(path.name.split("-")[1]) for path in out.glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("limit", "best", "left"),
    [
        (None, None, [2, 4, 10, 12]),
        (2, None, [10, 12]),
        (2, 4, [4, 10, 12]),
        (1, 12, [12]),
        (9, 2, [2, 4, 10, 12]),
    ],
)
def test_the_newest_and_the_best_stay(tmp_path, limit, best, left):
    for step in (10, 2, 12, 4):
        write_checkpoint(tmp_path, step)
    thin_checkpoints(tmp_path, limit, {best})
    assert steps_of(tmp_path) == left


def test_what_was_cut_off_goes_once_newer_ones_are_whole(tmp_path, capsys):
    for step in (3, 5, 7):
        write_checkpoint(tmp_path, step)
    for step in (3, 7):
        (tmp_path / f"checkpoint-{step}" / COMPLETE_MARKER).unlink()
    (tmp_path / "checkpoint-3" / BEGUN_MARKER).touch()
    shutil.copytree(tmp_path / "checkpoint-5", tmp_path / "checkpoint-5-keep")
    (tmp_path / "checkpoint-1").mkdir()
    assert last_checkpoint(tmp_path).endswith("checkpoint-5")
    assert "checkpoint-7 is passed over" in capsys.readouterr().out
    thin_checkpoints(tmp_path, 1, {3})
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"checkpoint-{name}" for name in ("1", "5", "5-keep", "7")]


def test_a_model_takes_the_place_of_the_one_before(tmp_path):
    model = tmp_path / "model"
    write_checkpoint(tmp_path, 3)
    for name in ("optimizer.pt", "rng_state_1.pth", "rollouts-000.pt", "mcr_prompt.json"):
        (tmp_path / "checkpoint-3" / name).write_text("")
    model.mkdir()
    (model / "of_before.txt").write_text("")
    copy_model(tmp_path / "checkpoint-3", model)
    assert sorted(path.name for path in model.iterdir()) == ["mcr_prompt.json", "model.safetensors"]
    (tmp_path / "checkpoint-3/model.safetensors").unlink()
    with pytest.raises(McrError, match="no whole weights"):
        copy_model(tmp_path / "checkpoint-3", model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-3", "model"]


def test_two_runs_do_not_write_to_one_folder(tmp_path, monkeypatch):
    holder = "import sys, time, pathlib, mcr.runs.run_folder as r; r.make_run_folder(pathlib.Path(sys.argv[1])); print('', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder, tmp_path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        monkeypatch.setattr("mcr.runs.run_folder.LOCK_PATIENCE", 0.3)
        with pytest.raises(ConfigError, match=rf"another run writes to .*process {process.pid} on"):
            make_run_folder(tmp_path)
        process.kill()
    make_run_folder(tmp_path)
    make_run_folder(tmp_path)


def test_a_checkpoint_of_more_processes_is_taken_with_a_warning(tmp_path, capsys):
    write_checkpoint(tmp_path, 3, num_processes=4)
    assert last_checkpoint(tmp_path).endswith("checkpoint-3")
    assert "was written by 4 processes, now there are 1" in capsys.readouterr().out


def test_a_torn_marker_is_no_checkpoint(tmp_path):
    write_checkpoint(tmp_path, 3)
    write_checkpoint(tmp_path, 5)
    (tmp_path / "checkpoint-5" / COMPLETE_MARKER).write_text('{"step": 5, "num')
    assert newest_complete(tmp_path).name == "checkpoint-3"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "a/b"), "error: a/b: No space left on device. Free disk space"),
        (PermissionError(13, "Permission denied", "c"), "error: c: Permission denied"),
        (DataError("bad"), "error: bad"),
        (KeyboardInterrupt(), "the same command resumes"),
    ],
)
def test_a_command_ends_in_words(error, told):
    def main():
        raise error

    with pytest.raises(SystemExit, match=told):
        run_command(main)


def test_a_programming_error_keeps_its_traceback():
    with pytest.raises(FileNotFoundError):
        run_command(Path("/no/such/file").read_bytes)


def test_sigterm_ends_a_command_with_its_code(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: signal.raise_signal(signal.SIGTERM))
    assert ended.value.code == 143
    assert "the same command resumes" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
