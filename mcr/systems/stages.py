"""Stages: the commands of a demo or of a table's rows, what each reads and makes, and whether a plan of them holds together."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError

PACKAGES = Path(__file__).resolve().parents[2]  # the folder that holds mcr, recipes and launch
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Stage:
    """One command.

    Attributes:
        name: unique in its plan.
        title: as people read it.
        program: a module ("data_prep.write_schemas") or, without a dot, a recipe ("sft").
        flags: of the program.
        reads: files and folders that must exist before it runs.
        makes: files and folders that exist after it ran.
        launch: a config of `accelerate launch`; None starts one process without it.
    """

    name: str
    title: str
    program: str
    flags: tuple[str, ...]
    reads: tuple[Path, ...] = ()
    makes: tuple[Path, ...] = ()
    launch: Path | None = None

    def flag(self, name: str) -> str | None:
        """Return the value of a flag of the command line, e.g. `flag("--train_set")`; the last one counts."""
        places = [index for index, word in enumerate(self.flags[:-1]) if word == name]
        return self.flags[places[-1] + 1] if places else None


def make_stage(
    name: str,
    title: str,
    program: str,
    *flags: object,
    reads: Iterable[Path] = (),
    makes: Iterable[Path] = (),
    launch: Path | None = None,
) -> Stage:
    """Return a stage whose flags are numbers, paths and texts.

    >>> make_stage("sft", "fine-tuning", "sft", "--max_steps", 4).flags
    ('--max_steps', '4')
    """
    return Stage(name, title, program, tuple(map(str, flags)), tuple(reads), tuple(makes), launch)


@dataclass(frozen=True, slots=True)
class DemoRow:
    """A row of a demo's table: its title, the folder of the evaluation, the stages whose minutes it counts."""

    title: str
    folder: Path
    timed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo.

    Attributes:
        stages: in order.
        rows: of its table.
        expected: minutes that stages take on two idle cores, by their names; shorter ones are left out.
        notes: returns what the system shows below the table, when all stages have run.
    """

    stages: tuple[Stage, ...]
    rows: tuple[DemoRow, ...]
    expected: Mapping[str, float] = field(default_factory=dict)
    notes: Callable[[], str] | None = None


def command_of(stage: Stage, recipes: Path) -> list[str]:
    """Return the command line of a stage.

    Args:
        stage: to run.
        recipes: the folder of the recipes.
    """
    source = ["-m", stage.program] if "." in stage.program else [str(recipes / f"{stage.program}.py")]
    launch = [] if stage.launch is None else ["-m", "accelerate.commands.launch", "--config_file", str(stage.launch)]
    return [sys.executable, *launch, *source, *stage.flags]


def settings_of(stage: Stage, places: Mapping[Path, str]) -> dict[str, Any]:
    """Return all that a stage's outcome depends on, the same on every machine.

    Args:
        stage: the stage.
        places: folders and the names that stand for them, so that their paths do not count.
    """
    launch = None if stage.launch is None else stage.launch.name
    return {"program": stage.program, "flags": [_without_place(word, places) for word in stage.flags], "launch": launch}


def _without_place(word: str, places: Mapping[Path, str]) -> Any:
    """Return a word of a command line; of a file or a model of ours its content, too, as its name does not say what is in it."""
    path = Path(word)
    if path.suffix == ".yaml" and path.is_file() and path.is_relative_to(PACKAGES):
        import yaml  # which help does without

        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {"file": path.relative_to(PACKAGES).as_posix(), "content": content}
    if path.is_relative_to(PACKAGES / "mcr") and (path / WEIGHTS).is_file():
        return {"model": path.relative_to(PACKAGES).as_posix(), "sha256": hash_of_folder(path)}
    for folder, name in places.items():
        if path.is_relative_to(folder):
            return f"{name}/{path.relative_to(folder).as_posix()}"
    return word


@cache
def hash_of_folder(folder: Path) -> str:
    """Return the SHA-256 of the files of a folder with their names, in hexadecimal."""
    found = sha256()
    for path in sorted(folder.iterdir()):
        found.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return found.hexdigest()


def hash_of(stages: Iterable[Stage], places: Mapping[Path, str]) -> str:
    """Return the SHA-256 of the settings of stages, in hexadecimal."""
    settings = {stage.name: settings_of(stage, places) for stage in stages}
    return sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def join_stages(plans: Iterable[Sequence[Stage]]) -> list[Stage]:
    """Return the stages of several plans, each once, in an order in which everything is made before it is read.

    Raises:
        ConfigError: two stages of one name differ.
    """
    joined: dict[str, Stage] = {}
    for stage in (stage for stages in plans for stage in stages):
        if joined.setdefault(stage.name, stage) != stage:
            raise ConfigError(f"plan: two stages are named {stage.name} and differ. Give one of them another name.")
    return list(joined.values())


def plan_faults(stages: Sequence[Stage], inputs: Iterable[Path], work: Path) -> list[str]:
    """Return what is wrong with a plan: a path that nothing makes before it is read, or that is used but not declared.

    Args:
        stages: in order.
        inputs: paths that are there before the first stage; what lies inside them is, too, and so is what ships in mcr.
        work: the folder of the runs; a path of a flag inside it must lead to something that the stage reads or makes.
    """
    faults: list[str] = []
    made: dict[Path, str] = {}
    given = (*inputs, PACKAGES / "mcr")
    for stage in stages:
        for path in stage.reads:
            if path not in made and not any(path.is_relative_to(one) for one in given):
                faults.append(f"stage {stage.name} reads {path}, which no earlier stage makes")
        for path in stage.makes:
            if path in made:
                faults.append(f"stage {stage.name} makes {path}, which {made[path]} makes, too")
            made[path] = stage.name
        declared = (*stage.reads, *stage.makes)
        for word in map(Path, stage.flags):
            if word.is_relative_to(work) and not any(path.is_relative_to(word) or word.is_relative_to(path) for path in declared):
                faults.append(f"stage {stage.name} uses {word}, which it declares neither as read nor as made")
    return faults
