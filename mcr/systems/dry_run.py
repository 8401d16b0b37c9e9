"""A plan tried without its hardware: what trains is passed over, and what it would make is stood in for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mcr.systems.stages import Stage


def needs_hardware(stage: Stage) -> bool:
    """Whether a stage is a recipe, which loads a model; modules prepare data on a CPU."""
    return "." not in stage.program


@dataclass(frozen=True, slots=True)
class StandIns:
    """Stand-ins for the files of stages that were skipped, so that the next config can be checked.

    Attributes:
        paths: the path that a stage makes, and its stand-in: of a model the model that it began with, of a set that is
            filtered the set that is filtered.
    """

    paths: Mapping[str, str]

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> "StandIns":
        """Return the stand-ins of all stages that need hardware, in order."""
        paths: dict[str, str] = {}
        for stage in filter(needs_hardware, stages):
            for made in map(str, stage.makes):
                source = setting(stage, "train_set") if made.endswith(".parquet") else model_of(stage)
                if source is not None:
                    paths[made] = paths.get(source, source)
        return cls(paths)

    def flags(self, stage: Stage) -> list[str]:
        """Return the flags of a stage with stand-ins."""
        return [self.paths.get(word, word) for word in stage.flags]


def setting(stage: Stage, name: str) -> str | None:
    """Return a setting of a stage, from its flags or from its config; None where neither has it."""
    flag = stage.flag(f"--{name}")
    config = stage.flag("--config")
    if flag is not None or config is None:
        return flag
    value = yaml.safe_load(Path(config).read_text(encoding="utf-8")).get(name)
    return None if value is None else str(value)


def model_of(stage: Stage) -> str | None:
    """Return the model that a stage begins with."""
    return setting(stage, "model_name_or_path") or stage.flag("--model")


def num_processes(stage: Stage) -> int:
    """Return how many processes a stage starts."""
    if stage.launch is None:
        return 1
    return int(yaml.safe_load(stage.launch.read_text(encoding="utf-8"))["num_processes"])


def write_steps(path: Path, stages: Sequence[Stage]) -> None:
    """Write the steps that need hardware in the form that `mcr.commands.check_plan` reads."""
    stand_ins = StandIns.of(stages)
    steps: list[dict[str, Any]] = [
        {"name": one.name, "recipe": one.program, "flags": stand_ins.flags(one), "processes": num_processes(one)}
        for one in stages
        if needs_hardware(one)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(steps, indent=1), encoding="utf-8")
