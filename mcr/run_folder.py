"""What lies beside every result: the resolved settings, versions, seed and commit, and the metrics as they came."""

import dataclasses
import importlib.metadata
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

from mcr.errors import ConfigError
from mcr.replay import is_secret, without_credentials, write_replay
from mcr.whole_file import write_json

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed", "numpy", "scipy")


def make_run_folder(out: Path) -> None:
    """Make a run's folder where there is none, and see that files can be written there, before any work is done.

    Raises:
        ConfigError: they cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out, prefix=".writable-"):
            pass
    except OSError as error:
        raise ConfigError(
            f"output folder: {out} cannot be written ({error.strerror}). Name another, or change who may write."
        ) from error


def open_for_append(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line that a stopped run left torn is ended first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    file = path.open("a", encoding="utf-8")
    if is_torn:
        file.write("\n")
    return file


def write_run_record(out: Path, recipe: str, settings: tuple[Any, ...], seed: int) -> None:
    """Write run.json (which recipe, the resolved settings, package versions, seed, git commit) and replay.sh."""
    resolved = {type(one).__name__: _plain(one) for one in settings}
    commit = _commit()
    record = {"recipe": recipe, "seed": seed, "commit": commit, "versions": _versions(), "settings": resolved}
    if Path(sys.argv[0]).stem == recipe:  # else something else called the recipe, and its command is not this process's
        record["replay"] = write_replay(out, commit, sys.argv)
    write_json(out / "run.json", record)


def _plain(settings: Any) -> dict[str, Any]:
    """Return a dataclass's fields; whatever may hold a secret is left out."""
    row = settings.to_dict() if hasattr(settings, "to_dict") else dataclasses.asdict(settings)
    shown = {key: value for key, value in row.items() if not is_secret(key)}
    return {key: without_credentials(value) if isinstance(value, str) else value for key, value in shown.items()}


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
