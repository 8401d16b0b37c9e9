"""A command that is forked from a warm process does what it does as a process of its own."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("trl")

from mcr.systems.starting import start_forked, start_process

STARTS = pytest.mark.parametrize("start", [start_process, start_forked])
SCRIPT = """import os, sys
if __name__ == "__main__":
    print(sys.argv[1:], os.environ["SHOWN"], "torch" in sys.modules)
    print("seen", file=sys.stderr)
    sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@STARTS
def test_flags_variables_output_and_exit_code(start, script, tmp_path):
    child = start([sys.executable, str(script), "3", "two words"], tmp_path / "log.txt", {"SHOWN": "yes"})
    assert child.wait() == child.poll() == 3
    is_warm = start is start_forked
    assert set((tmp_path / "log.txt").read_text().splitlines()) == {f"['3', 'two words'] yes {is_warm}", "seen"}


@STARTS
def test_output_is_appended_and_variables_are_the_childs_alone(start, script, tmp_path):
    import os

    log = tmp_path / "log.txt"
    log.write_text("before\n")
    assert start([sys.executable, str(script), "0"], log, {"SHOWN": "yes"}).wait() == 0
    assert log.read_text().startswith("before\n['0']")
    assert "SHOWN" not in os.environ


@STARTS
def test_a_module_runs_by_its_name(start, tmp_path):
    assert start([sys.executable, "-m", "json.tool", "--help"], tmp_path / "log.txt", {}).wait() == 0
    assert "usage" in (tmp_path / "log.txt").read_text()


@STARTS
def test_an_error_ends_with_its_traceback_in_the_log(start, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("raise ValueError('told')\n")
    assert start([sys.executable, str(path)], tmp_path / "log.txt", {}).wait() == 1
    assert "ValueError: told" in (tmp_path / "log.txt").read_text()


@STARTS
def test_a_child_is_waited_for_and_terminated(start, tmp_path):
    path = tmp_path / "sleeps.py"
    path.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    child = start([sys.executable, str(path)], tmp_path / "log.txt", {})
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.2)
    deadline = time.monotonic() + 30
    while "ready" not in (tmp_path / "log.txt").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.terminate()
    assert child.wait(30) == -signal.SIGTERM


def test_children_of_a_warm_process_do_not_share_what_they_change(tmp_path):
    path = tmp_path / "changes.py"
    path.write_text("import json\nprint(hasattr(json, 'changed'))\njson.changed = True\n")
    for _ in range(2):
        assert start_forked([sys.executable, str(path)], tmp_path / "log.txt", {}).wait() == 0
    assert (tmp_path / "log.txt").read_text() == "False\nFalse\n"


@STARTS
def test_threads_that_start_and_wait_at_a_time_read_each_their_own_code(start, script, tmp_path):
    def code_of(number):
        return start([sys.executable, str(script), str(number)], tmp_path / f"{number}.txt", {"SHOWN": "yes"}).wait()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(code_of, range(24))) == list(range(24))
