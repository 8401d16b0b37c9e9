"""What lies beside every result: the resolved settings, versions, seed and commit, and the metrics as they came."""

import dataclasses
import fcntl
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_json
from mcr.runs.redaction import without_secrets
from mcr.runs.replay import write_replay

LOCK_PATIENCE = 20.0  # seconds: workers of a run that was killed notice it within five
_HELD: dict[Path, TextIO] = {}
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed", "numpy", "scipy")


def make_run_folder(out: Path) -> None:
    """Make a run's folder where there is none, see that files can be written there, and hold it until this process ends.

    Raises:
        ConfigError: they cannot, or another run writes there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out, prefix=".writable-"):
            pass
    except OSError as error:
        raise ConfigError(
            f"output folder: {out} cannot be written ({error.strerror}). Name another, or change who may write."
        ) from error
    if int(os.environ.get("RANK", "0")) == 0:
        _hold(out)


def _hold(out: Path) -> None:
    """Lock the folder; the system lets go when the process and its workers have ended, however they ended."""
    if out.resolve() in _HELD:
        return
    file = (out / ".lock").open("a+", encoding="utf-8")
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.seek(0)
                holder = file.read().strip()
                raise ConfigError(f"output folder: another run writes to {out} ({holder}). End it, or name another.") from None
            time.sleep(0.2)
        except OSError:
            break  # a file system without locks
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} on {platform.node()}\n")
    file.flush()
    _HELD[out.resolve()] = file
    os.register_at_fork(after_in_child=file.close)  # else a child that outlives this process would go on holding it


def open_for_append(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line that a stopped run left torn is ended first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    file = path.open("a", encoding="utf-8")
    if is_torn:
        file.write("\n")
    return file


def cut_torn_line(path: Path) -> None:
    """Take a last line that a stopped run left torn out of a file of lines; it is made again."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def write_run_record(out: Path, recipe: str, settings: tuple[Any, ...], seed: int) -> None:
    """Write run.json (which recipe, the resolved settings, package versions, seed, git commit) and replay.sh."""
    resolved = {type(one).__name__: _plain(one) for one in settings}
    commit = _commit()
    record = {"recipe": recipe, "seed": seed, "commit": commit, "versions": _versions(), "settings": resolved}
    if sys.argv[0] == f"mcr {recipe}" or Path(sys.argv[0]).stem == recipe:  # else this process is another's, which called it
        record["replay"] = write_replay(out, commit, sys.argv)
    write_json(out / "run.json", record)


def _plain(settings: Any) -> dict[str, Any]:
    """Return a dataclass's fields; whatever may hold a secret is left out."""
    row = settings.to_dict() if hasattr(settings, "to_dict") else dataclasses.asdict(settings)
    return without_secrets(row)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
