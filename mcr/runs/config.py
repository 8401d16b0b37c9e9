"""Reading a recipe's settings: `--config file.yaml` plus flags, TRL's way. Unknown keys fail and name the closest.

Help and the checks of names come before TRL, and with it torch, is imported.
"""

import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mcr.errors import ConfigError, closest, raise_faults
from mcr.runs.command_line import check_flags
from mcr.runs.help import CONFIG_PLACES, about_of, help_text, wants_help
from mcr.runs.recipe_options import REQUIRED, OptionGroup, all_flags, load_dataclass, option_groups

SWITCHES = {"on": "true", "off": "false"}
ENVIRONMENT = "env"  # a mapping of variables that TRL sets from the config


def parse_settings(settings: Sequence[type | str], argv: Sequence[str] | None = None) -> tuple[Any, ...]:
    """Return one instance for each of the settings; flags win over the file, the file over the defaults.

    Args:
        settings: dataclasses of the recipe; those that build on TRL's by their dotted name, e.g. "trl.ModelConfig".
        argv: the command line; None reads the process's.

    Raises:
        ConfigError: no such file, not a YAML mapping, unknown keys (all listed, each with the closest known one), required
            ones that are missing, values that do not fit.
        SystemExit: after --help or --help-all.
    """
    words = [piece for flag in (sys.argv[1:] if argv is None else argv) for piece in _split_config(flag)]
    groups = option_groups(settings)
    if wants_help(words):
        print(help_text(groups, about_of(settings), with_inherited="--help-all" in words), end="")
        raise SystemExit(0)
    check_flags(words, all_flags(groups))
    given = _read_config(words, groups)
    words = _spell_booleans(words, groups)
    _check_required(groups, {*given, *(word.removeprefix("--").split("=")[0] for word in words if word.startswith("--"))})
    return _parse(settings, words)


def unknown_keys(keys: Iterable[object], groups: Sequence[OptionGroup]) -> list[str]:
    """Return the keys of a config that no option has, each with the closest that one has."""
    known = {one.name for group in groups for one in group.options}
    return [f"{key}{closest(str(key), known)}" for key in keys if key not in known | {ENVIRONMENT}]


def read_yaml_mapping(path: Path) -> Mapping[str, Any]:
    """Return the settings of a YAML file.

    Raises:
        ConfigError: there is no such file, or it holds no mapping.
    """
    import yaml

    if not path.is_file():
        raise ConfigError(f"--config: {path} does not exist. {CONFIG_PLACES}.")
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config: {path} cannot be read ({error}). Name a text file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"--config: {path} is not YAML ({error}). Correct the file.") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"--config: {path} holds no mapping of keys to values. Correct the file.")
    return settings


def _split_config(flag: str) -> list[str]:
    """TRL reads `--config FILE` alone; `--config=FILE` is made that."""
    return flag.split("=", 1) if flag.startswith("--config=") else [flag]


def _spell_booleans(words: Sequence[str], groups: Sequence[OptionGroup]) -> list[str]:
    """Return a command line with "on" and "off" of boolean options as true and false, which is what TRL reads."""
    booleans = {f"--{one.name}" for group in groups for one in group.options if one.kind == "BOOL"}
    spelled, flag = [], ""
    for word in words:
        before, is_joined, value = word.partition("=")
        if is_joined and before in booleans:
            word = f"{before}={SWITCHES.get(value.lower(), value)}"
        elif flag in booleans:
            word = SWITCHES.get(word.lower(), word)
        flag = word
        spelled.append(word)
    return spelled


def _read_config(words: Sequence[str], groups: Sequence[OptionGroup]) -> Mapping[str, Any]:
    """Return the settings of the config that a command line names, checked; none without one."""
    if "--config" not in words:
        return {}
    position = words.index("--config") + 1
    if position == len(words):
        raise ConfigError("--config: expected the path of a YAML file after it.")
    path = Path(words[position])
    given = read_yaml_mapping(path)
    raise_faults(f"{path}: unknown keys", unknown_keys(given, groups), error=ConfigError)
    return given


def _check_required(groups: Sequence[OptionGroup], given: set[str]) -> None:
    required = [one for group in groups for one in group.options if one.default == REQUIRED]
    missing = [f"{one.name}: {one.about}" for one in required if one.name not in given]
    raise_faults("settings that are missing, from flags and config alike", missing, error=ConfigError)


def _parse(settings: Sequence[type | str], words: list[str]) -> tuple[Any, ...]:
    """Let TRL read the values; imports torch."""
    trl = importlib.import_module("trl")

    class Parser(trl.TrlParser):
        """Subclassed so that a value of the wrong type is our error, without hundreds of lines of usage."""

        def error(self, message: str) -> NoReturn:
            raise ConfigError(f"settings: {message}. --help lists the flags.")

    parser = Parser([load_dataclass(one) if isinstance(one, str) else one for one in settings])
    try:
        return parser.parse_args_and_config(words)
    except (ValueError, TypeError) as error:
        advice = " Give --use_cpu true and --bf16 false." if "use_cpu" in str(error) else ""
        raise ConfigError(f"settings: {error}{advice}") from error
