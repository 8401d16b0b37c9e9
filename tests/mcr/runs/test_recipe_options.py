"""The options of settings as data: kinds, defaults, and that TRL's are those of the installed version."""

import json
from dataclasses import dataclass, field

import pytest

from mcr.runs.help import help_text
from mcr.runs.recipe_options import LISTED, TRL_OPTIONS, group_of, option_groups, read_trl_options


@dataclass
class Sizes:
    """How big
    it is.

    More of it.
    """

    path: str = field(metadata={"help": "where"})
    share: float = field(default=0.95, metadata={"help": "of 100 %, e.g. 95 %(default)s"})
    names: list[str] = field(default_factory=list)
    limit: int | None = None
    is_open: bool = True


def test_a_dataclass_becomes_options():
    group = group_of(Sizes)
    assert (group.title, group.about) == ("Sizes", "How big it is.")
    assert [(one.name, one.kind, one.default) for one in group.options] == [
        ("path", "TEXT", "required"),
        ("share", "FLOAT", "0.95"),
        ("names", "LIST", "[]"),
        ("limit", "INT", "null"),
        ("is_open", "BOOL", "true"),
    ]
    assert group.options[-1].flags == ("--is_open", "--no_is_open")


def test_help_shows_per_cent_signs_as_they_are():
    shown = " ".join(help_text([group_of(Sizes)], "Does 100 % of it.", with_inherited=False).split())
    assert "Does 100 % of it." in shown
    assert "of 100 %, e.g. 95 %(default)s (default: 0.95)" in shown
    assert "--path TEXT where (required)" in shown


def test_trl_options_are_those_of_the_installed_version():
    pytest.importorskip("torch")
    written = json.loads(TRL_OPTIONS.read_text(encoding="utf-8"))
    assert written == read_trl_options(), "call python -m mcr.runs.recipe_options"


def test_every_listed_dataclass_has_options_without_importing_it():
    groups = option_groups(LISTED)
    assert all(len(group.options) > 10 for group in groups)
    assert {"learning_rate", "seed"} <= {one.name for one in groups[0].options}
