"""Starting the commands of stages: each as a process of its own, or forked from one that has imported what they all import."""

import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

# Imported once, before the first fork: they take most of the seconds and of the memory that a stage begins with.
PRELOADED = ("mcr.training.sft", "mcr.training.grpo", "transformers.models.qwen3_vl.modeling_qwen3_vl", "matplotlib.pyplot")

# A start asks for the exit codes of all earlier forks, and each code can be read once: two threads must not ask at a time.
_READING_CODES = Lock()


class Child(Protocol):
    """A process that was started, with the methods of `subprocess.Popen` that are needed."""

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code; raise subprocess.TimeoutExpired where it does not come in time."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM."""
        ...


Start = Callable[[Sequence[str], Path | None, Mapping[str, str]], Child]


def start_process(command: Sequence[str], log: Path | None, environment: Mapping[str, str]) -> Child:
    """Start a command line as a new process.

    Args:
        command: the command line.
        log: a file that its output is appended to; None shows it.
        environment: variables that are set beside those of this process.
    """
    if log is None:
        return subprocess.Popen(command, env=os.environ | dict(environment))
    with log.open("a", encoding="utf-8") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, env=os.environ | dict(environment))


def start_forked(command: Sequence[str], log: Path | None, environment: Mapping[str, str]) -> Child:
    """Start a command line of this Python as a fork of a process that has imported PRELOADED; arguments as in `start_process`.

    The first call starts that process, with its environment. It ends with this one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED])
    with _variables(environment):
        forkserver.ensure_running()
    process = context.Process(target=_run_python, args=([*command[1:]], log, dict(environment)))
    with _READING_CODES:
        process.start()
    return _Forked(process)


@dataclass(frozen=True, slots=True)
class _Forked:
    process: Any

    def poll(self) -> int | None:
        with _READING_CODES:
            return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        connection.wait([self.process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout or 0.0)
        return code

    def terminate(self) -> None:
        self.process.terminate()


def _run_python(words: list[str], log: Path | None, environment: Mapping[str, str]) -> None:
    """Run what `python WORDS` runs, in this process."""
    gc.freeze()  # what was imported before the fork is not walked again, so its pages stay shared
    os.environ.update(environment)
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(file.fileno(), stream.fileno())
    is_module = words[0] == "-m"
    source, sys.argv = words[is_module], words[is_module:]
    (runpy.run_module if is_module else runpy.run_path)(source, run_name="__main__")


@contextmanager
def _variables(changed: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
