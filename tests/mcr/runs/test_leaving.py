"""Processes leave their group when a command ends, and end without taking the interpreter down."""

import subprocess
import sys

import pytest
from torch import distributed

from mcr.errors import ConfigError, run_command

SCRIPT = """
import atexit, sys, threading, time
from torch import distributed
from mcr.errors import run_command

def later():
    time.sleep(0.3)
    print("joined")

def main():
    distributed.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=0, world_size=1)
    atexit.register(print, "registered")
    threading.Thread(target=later).start()
    print("done")

class Cleared:
    def __del__(self):
        print("taken down")

kept = Cleared()
run_command(main)
print("behind")
"""


@pytest.fixture
def group(tmp_path):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    if distributed.is_initialized():
        distributed.destroy_process_group()


def test_a_command_that_ends_well_leaves_its_group_and_ends_at_once(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "script.py", tmp_path / "store"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split("\n")) == (0, ["done", "joined", "registered", ""]), done.stderr


def test_a_command_that_fails_does_not_wait_for_the_others(group, monkeypatch):
    monkeypatch.setattr(distributed, "barrier", lambda: pytest.fail("waited"))

    def fail():
        raise ConfigError("flag: wrong")

    with pytest.raises(SystemExit, match="error: flag: wrong"):
        run_command(fail)
    assert distributed.is_initialized()


def test_a_command_of_one_process_has_no_group_to_leave():
    run_command(lambda: None)
    assert not distributed.is_initialized()
