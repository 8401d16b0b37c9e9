"""The help of a recipe: its own options, grouped by the dataclass they belong to; TRL's with --help-all."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from mcr.runs.recipe_options import REQUIRED, Option, OptionGroup

CONFIG_PLACES = "Configs are in recipes/configs/mcr and mcr/systems/NAME/configs"
CONFIG_HELP = f"YAML with any of these settings; flags win over it. {CONFIG_PLACES}"


def help_text(groups: Sequence[OptionGroup], about: str | None, *, with_inherited: bool) -> str:
    """Return the page that `--help` prints.

    Args:
        groups: the options of a recipe.
        about: the docstring of the recipe's file.
        with_inherited: TRL's options, too.
    """
    num_hidden = 0 if with_inherited else sum(one.is_inherited for group in groups for one in group.options)
    parser = argparse.ArgumentParser(
        usage="%(prog)s [--config FILE] [--OPTION VALUE ...]",
        description=about,
        epilog=f"{num_hidden} options are TRL's own: --help-all shows them." if num_hidden else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("--config", metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--help", action="store_true", help="print this page")
    if any(one.is_inherited for group in groups for one in group.options):
        parser.add_argument("--help-all", action="store_true", help="print TRL's options, too")
    for group in groups:
        shown = [one for one in group.options if with_inherited or not one.is_inherited]
        box = parser.add_argument_group(group.title, group.about) if shown else parser
        for one in shown:
            box.add_argument(*one.flags, **_details(one))
    return parser.format_help()


def wants_help(argv: Sequence[str]) -> bool:
    """Tell whether a command line asks for help rather than for a run."""
    return any(word in ("-h", "--help", "--help-all") for word in argv)


def about_of(settings: Sequence[type | str]) -> str | None:
    """Return the docstring of the recipe that declares these settings: of its first dataclass's file."""
    own = next(one for one in settings if not isinstance(one, str))
    return sys.modules[own.__module__].__doc__ if own.__module__ in sys.modules else None


def _details(one: Option) -> dict[str, Any]:
    state = REQUIRED if one.default == REQUIRED else f"default: {one.default or repr('')}"
    text = f"{one.about} ({state})".strip()
    return {"metavar": one.kind, "help": text.replace("%", "%%")}  # which argparse reads as a per cent sign
