"""Checks what mcr reproduce would run on other hardware: configs parse as their recipes read them, the doctor accepts them.

    mcr check-plan --plan runs/reproduce/twitter_dry_run/mcr-1.json [--gpu_memory_gb 48]

plan.json: [{"name", "recipe", "flags": [...], "processes"}]. Where this machine has no GPU or no vLLM, recipes are asked for
neither; where the plan's machine has both, they read the configs as they are.
"""

import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from mcr.commands.doctor import CONFIG_CHECKS, RECIPES, Case, here_instead
from mcr.errors import ConfigError, McrError, raise_faults, run_command
from mcr.runs.command_line import CommandParser
from mcr.runs.config import parse_settings, read_yaml_mapping


def settings_of(flags: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a config with the flags that change it.

    >>> settings_of(["--seed", "1", "--image_root", "images"])
    {'seed': 1, 'image_root': 'images'}
    """
    given: dict[str, Any] = {}
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        given |= read_yaml_mapping(Path(value)) if flag == "--config" else {flag.removeprefix("--"): yaml.safe_load(value)}
    return given


def faults_of(step: dict[str, Any], gpu_memory_gb: float | None) -> Iterator[str]:
    """Yield what is wrong with one step of a plan."""
    recipe, flags = step["recipe"], list(step["flags"])
    try:
        parse_settings(importlib.import_module(f"recipes.{recipe}").SETTINGS, [*flags, *here_instead(recipe)])
    except McrError as error:
        yield f"{step['name']}: {error}"
        return
    if recipe in RECIPES and gpu_memory_gb is not None:
        case = Case(recipe, settings_of(flags), step["processes"], gpu_memory_gb)
        findings = [finding for check in CONFIG_CHECKS for finding in check(case)]
        yield from (f"{step['name']}: {finding.text}" for finding in findings if not finding.is_fine)


def main(argv: list[str] | None = None) -> None:
    """Check every step.

    Raises:
        ConfigError: lists what would fail.
    """
    parser = CommandParser(__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="JSON file of the steps")
    parser.add_argument("--gpu_memory_gb", type=float, help="of one GPU of that machine; without it the doctor is not asked")
    args = parser.parse_args(argv)
    steps = json.loads(args.plan.read_text(encoding="utf-8"))
    steps = [step for step in steps if "--config" in step["flags"]]
    faults = [fault for step in steps for fault in faults_of(step, args.gpu_memory_gb)]
    raise_faults("the plan would fail", faults, error=ConfigError)
    num_trained = sum(step["recipe"] in RECIPES for step in steps)
    asked = "" if args.gpu_memory_gb is None else f"; the doctor accepts the {num_trained} that train or filter"
    print(f"{len(steps)} configs parse{asked}")


if __name__ == "__main__":
    run_command(main)
