"""Running stages: each once, several at a time where a plan allows it, resumed after the last finished one."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcr.errors import IS_STAGE, ConfigError, McrError
from mcr.io.atomic_write import write_json
from mcr.systems.stages import Stage, command_of, settings_of
from mcr.systems.starting import Child, Start, start_process

GRACE_S = 5.0  # Ctrl-C reaches the commands, too, which end by themselves
# On a CPU, glibc returns the memory of most tensors to the system and requests it again, which takes time; kept for all sizes,
# the heap falls to pieces. And oneDNN keeps a kernel for each length of a sequence, 1,024 of them: memory that saves no time.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
}
Record = dict[str, dict[str, Any]]  # by the stage's name: minutes, settings, command


@dataclass(frozen=True, slots=True)
class StageRunner:
    """How stages are run.

    Attributes:
        out: the folder whose stages.json records them.
        recipes: the folder of the recipes.
        logs: the folder for the output of the commands, a file a stage; None shows it.
        threads: of OpenMP; None leaves the environment as it is.
        jobs: stages at a time. More than one needs stages that declare what they read and make.
        places: folders and the names that stand for them in the record.
        begin: how a command begins, of mcr/systems/starting.py.
    """

    out: Path
    recipes: Path
    logs: Path | None = None
    threads: int | None = None
    jobs: int = 1
    places: Mapping[Path, str] = field(default_factory=dict)
    begin: Start = start_process

    def finished(self, stages: Sequence[Stage]) -> Record:
        """Return the record of what has run.

        Raises:
            ConfigError: the folder holds stages with other settings.
        """
        path = self.out / "stages.json"
        record: Record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for stage in stages:
            now, before = settings_of(stage, self.places), record.get(stage.name, {}).get("settings")
            if stage.name in record and json.loads(json.dumps(now, default=str)) != before:
                raise ConfigError(
                    f"{self.out} holds a run with other settings (stage {stage.name}: {_difference(before, now)}). Choose "
                    "another folder or remove it."
                )
        return record

    def run(
        self,
        stages: Sequence[Stage],
        expected: Mapping[str, float] = MappingProxyType({}),
        after: Callable[[Record], None] = lambda record: None,
    ) -> dict[str, float]:
        """Run the stages that are not finished and return the minutes of each that ever ran in this folder.

        Args:
            stages: in order.
            expected: minutes that stages take, by their names, told when one begins.
            after: called with the record each time that a stage is finished.

        Raises:
            ConfigError: the folder holds stages with other settings.
            McrError: a stage failed; those that run beside it are stopped.
        """
        record = self.finished(stages)
        waiting = missing_stages(stages, record)
        for number, stage in enumerate(stages, start=1):
            if stage not in waiting:
                print(f"[{number}/{len(stages)}] {stage.title}: done before", flush=True)
        numbers = {stage.name: number for number, stage in enumerate(stages, start=1)}
        how_long = {name: f" (about {minutes:.1f} min)" for name, minutes in expected.items()}
        running: dict[Future[float], Stage] = {}
        children: list[Child] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while waiting or running:
                    for stage in _ready(waiting, list(running.values()))[: self.jobs - len(running)]:
                        told = f"{stage.title}{how_long.get(stage.name, '')}"
                        print(f"[{numbers[stage.name]}/{len(stages)}] {told}", flush=True)
                        waiting.remove(stage)
                        running[pool.submit(self._run_one, stage, children)] = stage
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        stage = running.pop(future)
                        row = {"minutes": future.result(), "settings": settings_of(stage, self.places)}
                        took = f"done in {row['minutes']:.1f} min"
                        print(f"[{numbers[stage.name]}/{len(stages)}] {stage.title}: {took}", flush=True)
                        record[stage.name] = row | {"command": command_of(stage, self.recipes)}
                        write_json(self.out / "stages.json", record)
                        after(record)
            except KeyboardInterrupt:
                for child in children:
                    with suppress(subprocess.TimeoutExpired):
                        child.wait(GRACE_S)
                raise
            finally:
                for child in children:
                    if child.poll() is None:
                        child.terminate()
        return {name: row["minutes"] for name, row in record.items()}

    def _run_one(self, stage: Stage, children: list[Child]) -> float:
        log = None if self.logs is None else self.logs / f"{stage.name.replace('/', '_')}.txt"
        start = time.monotonic()
        command = command_of(stage, self.recipes)
        code = run_command_line(command, log=log, threads=self.threads, children=children, start=self.begin)
        if code:
            where = "" if log is None else f" ({log})"
            raise McrError(f"stage {stage.name} ended with code {code}{where}. Correct the cause and run the same command again.")
        absent = [path for path in stage.makes if not path.exists()]
        if absent:
            raise McrError(f"stage {stage.name} ended without {absent[0]}. Correct what it declares, or the command.")
        return (time.monotonic() - start) / 60


def missing_stages(stages: Sequence[Stage], record: Mapping[str, Any]) -> list[Stage]:
    """Return the stages to run, in order: those without a record, and those whose files are gone and that one of them reads."""
    wanted: set[Path] = set()
    missing: list[Stage] = []
    for stage in reversed(stages):
        is_gone = any(path in wanted and not path.exists() for path in stage.makes)
        if stage.name not in record or is_gone:
            missing.append(stage)
            wanted.update(stage.reads)
    return missing[::-1]


def _ready(waiting: Sequence[Stage], running: Sequence[Stage]) -> list[Stage]:
    """Return the stages that read nothing that is still to be made."""
    unmade = {path for stage in (*waiting, *running) for path in stage.makes}
    return [stage for stage in waiting if unmade.isdisjoint(stage.reads)]


def _difference(before: Any, now: Mapping[str, Any]) -> str:
    """Return the first setting that differs, in words."""
    if not isinstance(before, Mapping):
        return "an older record"
    for old, new in zip(before["flags"], now["flags"], strict=False):
        if old != new:
            return f"{_shown(old)} then, {_shown(new)} now"
    return "other flags"


def _shown(word: Any) -> str:
    return str(word.get("file") or word["model"]) if isinstance(word, Mapping) else str(word)


def run_command_line(
    command: Sequence[str],
    *,
    log: Path | None = None,
    threads: int | None = None,
    children: list[Child] | None = None,
    start: Start = start_process,
) -> int:
    """Run one command and return its exit code. Whoever stops this process stops the command, too.

    Args:
        command: the command line.
        log: a file for its output; None shows it.
        threads: of OpenMP; None leaves the environment as it is.
        children: where the process is entered, for whoever must stop it from another thread.
        start: how it begins, of mcr/systems/starting.py.
    """
    marked = {IS_STAGE: "1"} if log is None else {}
    environment = marked | ({} if threads is None else {"OMP_NUM_THREADS": str(threads), **MEMORY})
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    process = start(command, log, environment)
    if children is not None:
        children.append(process)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
