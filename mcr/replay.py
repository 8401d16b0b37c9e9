"""Running a run again: its settings as they were given, and one command that starts it into another folder."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mcr.whole_file import write_whole

SECRET = re.compile(r"(^|_)(token|api_key|key|password|secret)$", re.IGNORECASE)
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
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


def is_secret(name: str) -> bool:
    """Tell a setting that may hold a secret; `api_key_env` names a variable and holds none."""
    return SECRET.search(name.replace("-", "_")) is not None


def without_credentials(text: str) -> str:
    """Return a text whose addresses have no user name and password."""
    return CREDENTIALS.sub("", text)


def write_replay(out: Path, commit: str | None, argv: Sequence[str]) -> str:
    """Write replay.sh, and replay.yaml where a config was given; return the command that replays the run.

    Args:
        out: the run folder.
        commit: of the code.
        argv: the recipe and its flags.
    """
    flags = [part for flag in argv[1:] for part in (flag.split("=", 1) if flag.startswith("--config=") else [flag])]
    given = "replay.yaml" if "--config" in flags else None
    if given:
        position = flags.index("--config")
        write_whole(out / given, _without_secrets(Path(flags[position + 1]).read_text(encoding="utf-8")))
        flags[position : position + 2] = []
    parts = [*_environment(), *(shlex.quote(part) for part in [*launcher_of(argv[0]), argv[0]])]
    parts += ['--config "$here/replay.yaml"'] if given else []
    parts += [shlex.quote(without_credentials(flag)) for flag in public_flags(flags)]
    command = " ".join([*parts, f'--{_out_flag(argv[0])} "$out"'])
    script = out / "replay.sh"
    folder = shlex.quote(str(Path.cwd()))
    text = SCRIPT.format(script=shlex.quote(str(script)), commit=commit or "unknown", folder=folder, command=command)
    write_whole(script, text)
    return f"bash {shlex.quote(str(script))}"


def public_flags(flags: Sequence[str]) -> Iterator[str]:
    """Yield flags and their values without those that may be secret."""
    is_hidden = False
    for flag in flags:
        if flag.startswith("--"):
            is_hidden = is_secret(flag.removeprefix("--").split("=")[0])
        if not is_hidden:
            yield flag


def launcher_of(script: str) -> list[str]:
    """Return the command that started this script, as far as the script: accelerate or torchrun where one of them did."""
    import psutil

    found = [sys.executable]
    for process in psutil.Process().parents():
        try:
            command = process.cmdline()
        except psutil.Error:
            break
        if script not in command:
            break
        found = command[: command.index(script)]
    return found


def _environment() -> list[str]:
    kept = [f"{name}={shlex.quote(os.environ[name])}" for name in KEPT_ENVIRONMENT if name in os.environ]
    return ["env", *kept] if kept else []


def _without_secrets(text: str) -> str:
    lines = [line for line in text.splitlines() if not is_secret(line.split(":")[0].strip())]
    return without_credentials("\n".join(lines) + "\n")


def _out_flag(script: str) -> str:
    return "out" if Path(script).stem == "evaluate" else "output_dir"
