"""Running a run again: its settings as they were given, and one command that starts it into another folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcr.io.atomic_write import write_whole
from mcr.runs.redaction import is_secret, without_secrets

KEPT_ENVIRONMENT = ("OMP_NUM_THREADS", "ACCELERATE_MIXED_PRECISION")
SCRIPT = """#!/usr/bin/env bash
# Runs this again with the same settings, into another folder:   bash {script} [FOLDER]
# Code: commit {commit}. Settings: replay.yaml and the flags below; secrets are left out, they come from the environment.
set -euo pipefail
here=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
out=${{1:-"$here-replay"}}
cd {folder}
exec {command}
"""


def write_replay(out: Path, commit: str | None, argv: Sequence[str]) -> str:
    """Write replay.sh, and replay.yaml where a config was given; return the command that replays the run.

    Args:
        out: the run folder.
        commit: of the code.
        argv: the recipe, a path or "mcr NAME", and its flags.
    """
    flags = [part for flag in argv[1:] for part in (flag.split("=", 1) if flag.startswith("--config=") else [flag])]
    given = "replay.yaml" if "--config" in flags else None
    if given:
        position = flags.index("--config")
        write_whole(out / given, _public_config(Path(flags[position + 1])))
        flags[position : position + 2] = []
    recipe = argv[0].split() if argv[0].startswith("mcr ") else [argv[0]]
    parts = [*_environment(), *(shlex.quote(part) for part in [*public_flags(launcher_of(recipe)), *recipe])]
    parts += ['--config "$here/replay.yaml"'] if given else []
    parts += [shlex.quote(flag) for flag in public_flags(flags)]
    command = " ".join([*parts, '--output_dir "$out"'])
    script = out / "replay.sh"
    folder = shlex.quote(str(Path.cwd()))
    text = SCRIPT.format(script=shlex.quote(str(script)), commit=commit or "unknown", folder=folder, command=command)
    write_whole(script, text)
    return f"bash {shlex.quote(str(script))}"


def public_flags(flags: Sequence[str]) -> Iterator[str]:
    """Yield words of a command without what may be secret: values of secret flags, NAME=value with a secret name."""
    is_hidden = False
    for flag in flags:
        if flag.startswith("--"):
            is_hidden = is_secret(flag.removeprefix("--").split("=")[0])
        *names, value = flag.split("=")
        if is_hidden or any(is_secret(name.removeprefix("--")) for name in names):
            continue
        yield "=".join([*names, str(without_secrets(value))])


def launcher_of(recipe: Sequence[str]) -> list[str]:
    """Return the command that started this recipe, as far as the recipe: accelerate or torchrun where one of them did."""
    import psutil

    found = [sys.executable, "-m"] if recipe[0] == "mcr" else [sys.executable]
    for process in psutil.Process().parents():
        try:
            command = process.cmdline()
        except psutil.Error:
            break
        position = _position(recipe, command)
        if position is None:
            break
        found = command[:position]
    return found


def _position(words: Sequence[str], command: Sequence[str]) -> int | None:
    """Return where words follow each other in a command; None where they do not."""
    size = len(words)
    found = [start for start in range(len(command) - size + 1) if list(command[start : start + size]) == list(words)]
    return found[0] if found else None


def _environment() -> list[str]:
    kept = [f"{name}={shlex.quote(os.environ[name])}" for name in KEPT_ENVIRONMENT if name in os.environ]
    return ["env", *kept] if kept else []


def _public_config(path: Path) -> str:
    import yaml

    return yaml.safe_dump(without_secrets(yaml.safe_load(path.read_text(encoding="utf-8"))), sort_keys=False, allow_unicode=True)
