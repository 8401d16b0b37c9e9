"""What lies beside every result: the resolved settings, versions, seed and commit, and the metrics as they came."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, TextIO

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed", "numpy", "scipy")


def write_json(path: Path, value: Any) -> None:
    """Write JSON, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(partial, path)


def open_for_append(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line that a stopped run left torn is ended first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    file = path.open("a", encoding="utf-8")
    if is_torn:
        file.write("\n")
    return file


def write_run_record(out: Path, recipe: str, settings: tuple[Any, ...], seed: int) -> None:
    """Write run.json: which recipe, the resolved settings, package versions, seed, git commit."""
    resolved = {type(one).__name__: _plain(one) for one in settings}
    record = {"recipe": recipe, "seed": seed, "commit": _commit(), "versions": _versions(), "settings": resolved}
    write_json(out / "run.json", record)


def _plain(settings: Any) -> dict[str, Any]:
    """Return a dataclass's fields; whatever may hold a secret is left out."""
    row = settings.to_dict() if hasattr(settings, "to_dict") else dataclasses.asdict(settings)
    return {key: value for key, value in row.items() if "token" not in key or key.startswith("max_")}


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
