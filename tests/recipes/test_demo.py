import os
import signal
import subprocess
import sys
import time

import pytest
from recipes_path import RECIPES, load_recipe


def test_a_stage_that_fails_or_works_gives_its_exit_code():
    demo = load_recipe("demo")
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert demo.run_stage([sys.executable, "-c", "raise SystemExit(3)"]) == 3
        assert demo.run_stage([sys.executable, "-c", ""]) == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_terminating_the_demo_takes_its_stage_with_it(tmp_path):
    pid_file = tmp_path / "pid"
    stage = f"import os, pathlib, time; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    code = f"import sys; sys.path.insert(0, {str(RECIPES)!r}); import demo; demo.run_stage([sys.executable, '-c', {stage!r}])"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while not (pid_file.is_file() and pid_file.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert "terminated" in process.communicate(timeout=20)[1]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
