"""The options of a settings dataclass as data, for help and for checking keys.

Dataclasses that build on TRL's import torch, which takes seconds. So a recipe gives their dotted names, and their options are
listed in trl_options.json. `python -m mcr.runs.recipe_options` writes that file from the installed TRL.
"""

import dataclasses
import enum
import importlib
import importlib.metadata
import inspect
import json
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.io.atomic_write import write_json

TRL_OPTIONS = Path(__file__).with_name("trl_options.json")
# The dataclasses whose options trl_options.json lists.
LISTED = (
    "mcr.training.trainer_configs.MrsiConfig",
    "mcr.training.trainer_configs.CvoConfig",
    "mcr.tagging.trainer.TaggerConfig",
    "mcr.pointer.pointer_trainer.PointerConfig",
    "trl.ModelConfig",
)
KINDS = {int: "INT", float: "FLOAT", str: "TEXT", bool: "BOOL", dict: "JSON", list: "LIST"}
REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: `--name KIND` on the command line, `name: ...` in YAML.

    Attributes:
        name: of the field.
        kind: INT, FLOAT, TEXT, BOOL, JSON, LIST, or the choices joined by "|".
        default: as text; REQUIRED where there is none.
        about: its help.
        is_inherited: whether it is TRL's and none of ours.
    """

    name: str
    kind: str
    default: str
    about: str
    is_inherited: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that set it: one, and its denial for what is on by default."""
        return (f"--{self.name}", f"--no_{self.name}") if (self.kind, self.default) == ("BOOL", "true") else (f"--{self.name}",)


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """The options of one dataclass.

    Attributes:
        title: its name.
        about: what it is for; the first paragraph of its docstring.
        options: in the order of its fields.
    """

    title: str
    about: str
    options: tuple[Option, ...]


def option_groups(settings: Sequence[type | str]) -> list[OptionGroup]:
    """Return the options of each dataclass, given as itself or as the dotted name of a listed one; imports nothing."""
    listed = json.loads(TRL_OPTIONS.read_text(encoding="utf-8"))["dataclasses"]
    return [_listed_group(one, listed[one]) if isinstance(one, str) else group_of(one) for one in settings]


def _listed_group(name: str, listed: dict[str, Any]) -> OptionGroup:
    own = listed["own"]
    options = tuple(Option(key, *row, is_inherited=key not in own) for key, row in listed["options"].items())
    return OptionGroup(name.rpartition(".")[2], listed["about"], options)


def group_of(settings: type) -> OptionGroup:
    """Return the options of a dataclass; those that only TRL declares count as inherited."""
    hints = typing.get_type_hints(settings)
    theirs = {one.name for base in settings.__mro__ if _is_of_others(base) for one in dataclasses.fields(base)}
    own = {name for base in settings.__mro__ if not _is_of_others(base) for name in inspect.get_annotations(base)}
    options = [
        Option(one.name, kind_of(hints[one.name]), default_of(one), help_of(one), one.name in theirs - own)
        for one in dataclasses.fields(settings)
        if one.init
    ]
    about = "TRL's; its documentation has the details." if _is_of_others(settings) else _first_paragraph(settings)
    return OptionGroup(settings.__name__, about, tuple(options))


def _is_of_others(settings: type) -> bool:
    return dataclasses.is_dataclass(settings) and settings.__module__.split(".")[0] in ("trl", "transformers")


def _first_paragraph(settings: type) -> str:
    return " ".join((inspect.getdoc(settings) or "").split("\n\n")[0].split())


def kind_of(hint: Any) -> str:
    """Return how a value of this type is written on the command line."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [one for one in typing.get_args(hint) if one is not type(None)]
        return kind_of(next((one for one in inner if one is not str), str))
    if typing.get_origin(hint) is typing.Literal:
        return "|".join(map(str, typing.get_args(hint)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "|".join(str(one.value) for one in hint)
    return KINDS.get(typing.get_origin(hint) or hint, "TEXT")


def default_of(field: dataclasses.Field) -> str:
    """Return a field's default as YAML spells it; REQUIRED without one."""
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return REQUIRED
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if isinstance(value, enum.Enum):
        value = value.value
    return value if isinstance(value, str) else json.dumps(value, default=str)


def help_of(field: dataclasses.Field) -> str:
    """Return a field's help on one line; argparse's way of writing a per cent sign, which TRL uses, is undone."""
    return " ".join(str(field.metadata.get("help") or "").replace("%%", "%").split())


def load_dataclass(name: str) -> type:
    """Import a dataclass by its dotted name."""
    module, _, own_name = name.rpartition(".")
    return getattr(importlib.import_module(module), own_name)


def read_trl_options() -> dict[str, Any]:
    """Return what trl_options.json should hold, from the installed TRL; imports torch."""
    found = {}
    for name in LISTED:
        group = group_of(load_dataclass(name))
        own = [one.name for one in group.options if not one.is_inherited]
        options = {one.name: [one.kind, one.default, one.about] for one in group.options}
        found[name] = {"about": group.about, "own": own, "options": options}
    return {"trl": importlib.metadata.version("trl"), "dataclasses": found}


def all_flags(groups: Sequence[OptionGroup]) -> set[str]:
    """Return every flag of a recipe."""
    return {"--config", "--help", "--help-all"} | {flag for group in groups for one in group.options for flag in one.flags}


if __name__ == "__main__":
    write_json(TRL_OPTIONS, read_trl_options())
