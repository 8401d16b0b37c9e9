"""Reading a recipe's settings: `--config file.yaml` plus flags, TRL's way. Unknown keys fail and name the closest."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, raise_faults


def parse_settings(dataclass_types: Sequence[type], argv: Sequence[str] | None = None) -> tuple[Any, ...]:
    """Return one instance a dataclass; flags win over the file, the file over the defaults.

    Raises:
        ConfigError: no such file, not a YAML mapping, unknown keys (all listed, each with the closest known one), values
            that do not fit.
    """
    from trl import TrlParser

    argv = [piece for flag in (sys.argv[1:] if argv is None else argv) for piece in _split_config(flag)]
    parser = TrlParser(dataclass_types)
    known = {action.dest for action in parser._actions}
    if "--config" in argv:
        position = argv.index("--config")
        if position + 1 >= len(argv):
            raise ConfigError("--config: expected the path of a YAML file after it.")
        _check_keys(Path(argv[position + 1]), known)
    options = set(parser._option_string_actions) | {"--config", "--help"}
    flags = [flag.split("=")[0] for flag in argv if flag.startswith("--")]
    unknown = [f"{flag}{closest(flag.removeprefix('--'), known)}" for flag in flags if flag not in options]
    raise_faults("unknown flags", unknown, error=ConfigError)
    try:
        return parser.parse_args_and_config(argv)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"settings: {error}") from error


def _split_config(flag: str) -> list[str]:
    """TRL reads `--config FILE` alone; `--config=FILE` is made that."""
    return flag.split("=", 1) if flag.startswith("--config=") else [flag]


def _check_keys(path: Path, known: set[str]) -> None:
    import yaml

    if not path.is_file():
        raise ConfigError(f"--config: {path} does not exist. Configs are in recipes/configs/.")
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"--config: {path} is not YAML ({error}). Correct the file.") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"--config: {path} holds no mapping of keys to values. Correct the file.")
    faults = [f"{path.name}: {key}{closest(str(key), known)}" for key in settings if key not in known | {"env"}]
    raise_faults(f"{path}: unknown keys", faults, error=ConfigError)


def closest(key: str, known: set[str]) -> str:
    """Return " (did you mean ...?)" where a known key is like it, else nothing."""
    matches = difflib.get_close_matches(key, sorted(known), n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""
