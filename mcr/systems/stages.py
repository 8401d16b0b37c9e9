"""Stages: the commands of a demo or of a table's row, run one after the other and never twice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcr.errors import IS_STAGE, ConfigError, McrError
from mcr.io.atomic_write import write_json


@dataclass(frozen=True, slots=True)
class Stage:
    """One command.

    Attributes:
        name: unique in its plan.
        title: as people read it.
        program: a module ("data_prep.write_schemas") or, without a dot, a recipe ("sft").
        flags: of the program.
    """

    name: str
    title: str
    program: str
    flags: tuple[str, ...]


def make_stage(name: str, title: str, program: str, *flags: object) -> Stage:
    """Return a stage whose flags are numbers, paths and texts.

    >>> make_stage("sft", "fine-tuning", "sft", "--max_steps", 4).flags
    ('--max_steps', '4')
    """
    return Stage(name, title, program, tuple(map(str, flags)))


@dataclass(frozen=True, slots=True)
class DemoRow:
    """A row of a demo's table: its title, the folder of the evaluation, the stages whose minutes it counts."""

    title: str
    folder: Path
    timed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo: its stages in order, and the rows of its table."""

    stages: tuple[Stage, ...]
    rows: tuple[DemoRow, ...]


@dataclass(frozen=True, slots=True)
class TableRun:
    """One row of a table with one seed.

    Attributes:
        shared: the folder of what all rows and seeds share.
        folder: of this row and seed.
        seed: of everything random.
        sizes: the table's sizes, as changed by the command line.
    """

    shared: Path
    folder: Path
    seed: int
    sizes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a paper, made anew in the sandbox over several seeds.

    Attributes:
        title: as people read it.
        columns: for each header the (group, key) of metrics.json.
        sizes: how much of everything, by name; each can be changed on the command line.
        shared: returns the stages before all rows, for (shared folder, sizes).
        rows: for each row name what returns its stages; the last of them evaluates into `folder / "eval"`.
    """

    title: str
    columns: Mapping[str, tuple[str, str]]
    sizes: Mapping[str, float]
    shared: Callable[[Path, Mapping[str, float]], Sequence[Stage]]
    rows: Mapping[str, Callable[[TableRun], Sequence[Stage]]]


def command_of(stage: Stage, recipes: Path) -> list[str]:
    """Return the command line of a stage.

    Args:
        stage: to run.
        recipes: the folder of the recipes.
    """
    source = ["-m", stage.program] if "." in stage.program else [str(recipes / f"{stage.program}.py")]
    return [sys.executable, *source, *stage.flags]


def run_command_line(command: Sequence[str], *, log: Path | None = None, threads: int | None = None) -> int:
    """Run one command and return its exit code. Whoever stops this process stops the command, too.

    Args:
        command: the command line.
        log: a file for its output; None shows it.
        threads: of OpenMP; None leaves the environment as it is.
    """
    told = {IS_STAGE: "1"} if log is None else {}
    environment = os.environ | told | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})
    file = None if log is None else log.open("a", encoding="utf-8")
    process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        if file is not None:
            file.close()


def run_stages(
    out: Path, stages: Sequence[Stage], recipes: Path, *, log: Path | None = None, threads: int | None = None
) -> dict[str, float]:
    """Run the stages that are not finished and return the minutes of each; stages.json in `out` records them.

    Args:
        out: the folder of the record.
        stages: in order.
        recipes: the folder of the recipes.
        log: a file for the output of the commands; None shows it, and which stage begins.
        threads: of OpenMP.

    Raises:
        ConfigError: `out` holds stages with other settings.
        McrError: a stage failed.
    """
    record = out / "stages.json"
    finished = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    commands = {stage.name: command_of(stage, recipes) for stage in stages}
    changed = [name for name, command in commands.items() if name in finished and finished[name]["command"] != command]
    if changed:
        raise ConfigError(f"{out} holds a run with other settings (stage {changed[0]}). Choose another folder or remove it.")
    for number, stage in enumerate(stages, start=1):
        if log is None:
            print(f"[{number}/{len(stages)}] {stage.title}{': done before' if stage.name in finished else ''}", flush=True)
        if stage.name in finished:
            continue
        start = time.monotonic()
        code = run_command_line(commands[stage.name], log=log, threads=threads)
        if code:
            where = "" if log is None else f" ({log})"
            raise McrError(f"stage {stage.name} ended with code {code}{where}. Correct the cause and run the same command again.")
        finished[stage.name] = {"minutes": (time.monotonic() - start) / 60, "command": commands[stage.name]}
        write_json(record, finished)
    return {name: row["minutes"] for name, row in finished.items()}
