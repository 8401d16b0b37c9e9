"""Which models write which styles (MCR E.4), read from a YAML file.

    teachers:
      deepseek:
        model: deepseek-chat
        base_url: https://api.deepseek.com/v1
        api_key_env: DEEPSEEK_API_KEY
    styles:
      llm_questions: [deepseek]
      llm_conclusions: [deepseek]

A style with several teachers is written by one of them for each sample, drawn by seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import yaml

from data_prep.schemas.ask import ASKED_STYLES
from mcr.endpoint.client import EndpointSettings
from mcr.errors import ConfigError, closest, raise_faults

KEYS = ("teachers", "styles")


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model that writes schemas.

    Attributes:
        model: name that the endpoint knows.
        base_url: of an OpenAI-compatible API, e.g. http://localhost:8000/v1.
        api_key_env: environment variable that holds the key; an unset one sends none.
        max_concurrency: requests to it at once.
        price_in, price_out: per million prompt and completion tokens, for the progress bar and the summary.
    """

    model: str
    base_url: str
    api_key_env: str = "OPENAI_API_KEY"
    max_concurrency: int = 8
    price_in: float = 0.0
    price_out: float = 0.0

    def endpoint_settings(self, max_retries: int) -> EndpointSettings:
        """Return where and how patiently it is asked.

        Raises:
            ConfigError: an address that is none, a number out of range.
        """
        return EndpointSettings(
            self.model, self.base_url, self.api_key_env, max_concurrency=self.max_concurrency, max_retries=max_retries
        )


@dataclass(frozen=True, slots=True)
class Teachers:
    """The teachers by name, and the names of those that write each style."""

    by_name: Mapping[str, Teacher]
    styles: Mapping[str, tuple[str, ...]]

    def draw(self, style: str, sample_id: str, seed: int) -> str:
        """Return the name of the teacher that writes a style for a sample."""
        return Random(f"{seed}/{sample_id}/{style}/teacher").choice(self.styles[style])


def read_teachers(path: Path) -> Teachers:
    """Read a teachers file.

    Raises:
        ConfigError: not YAML of this form; every unknown key, style and teacher is listed with the closest known one.
    """
    try:
        rows: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--teachers: {path} cannot be read ({error}). Name a YAML file with teachers and styles.") from error
    raise_faults(f"--teachers: {path} cannot be used", _faults(rows), error=ConfigError)
    teachers = {name: Teacher(**row) for name, row in rows["teachers"].items()}
    return Teachers(teachers, {style: tuple(names) for style, names in rows["styles"].items()})


def _faults(rows: Any) -> list[str]:
    if not isinstance(rows, dict) or not all(isinstance(rows.get(key), dict) and rows[key] for key in KEYS):
        return [f"expected the keys {' and '.join(KEYS)}, each a mapping that holds something"]
    faults = [f"unknown key {key!r}{closest(str(key), KEYS)}" for key in rows if key not in KEYS]
    for name, row in rows["teachers"].items():
        faults += [f"teacher {name}: {fault}" for fault in _teacher_faults(row)]
    for style, names in rows["styles"].items():
        if style not in ASKED_STYLES:
            faults.append(f"style {style!r}{closest(str(style), ASKED_STYLES)}, expected some of {', '.join(ASKED_STYLES)}")
        if not isinstance(names, list) or not names:
            faults.append(f"style {style}: got {names!r}, expected a list of teachers")
            continue
        unknown = [name for name in names if name not in rows["teachers"]]
        faults += [f"style {style}: no teacher is named {name!r}{closest(str(name), rows['teachers'])}" for name in unknown]
    return faults


def _teacher_faults(row: Any) -> list[str]:
    known = [one.name for one in fields(Teacher)]
    if not isinstance(row, dict) or not {"model", "base_url"} <= row.keys():
        return [f"got {str(row)[:80]}, expected model and base_url"]
    faults = [f"unknown key {key!r}{closest(str(key), known)}" for key in row if key not in known]
    texts = [key for key in ("model", "base_url", "api_key_env") if not isinstance(row.get(key, ""), str)]
    numbers = [key for key in ("max_concurrency", "price_in", "price_out") if not isinstance(row.get(key, 1), int | float)]
    faults += [f"{key}: got {row[key]!r}, expected {'a text' if key in texts else 'a number'}" for key in (*texts, *numbers)]
    return faults
