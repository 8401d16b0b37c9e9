"""Command lines that spell flags alike: underscores, never cut short, a mistyped one answered with the closest."""

import argparse
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from mcr.errors import ConfigError, closest, raise_faults

FLAG = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)


class CommandParser(argparse.ArgumentParser):
    """An argparse parser whose faults are our errors.

    Subclassed because argparse reports what is missing before what is mistyped, and completes flags that are cut short.
    """

    def __init__(self, about: str | None = None, **settings: Any) -> None:
        """Make a parser without flags.

        Args:
            about: the docstring of the command's file.
            settings: of argparse; subcommands come with some.
        """
        ours = {"description": about, "formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**ours | settings)

    # argparse's stubs overload this method for namespaces of other types.
    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse a command line, after its flags were checked; a parser of subcommands leaves that to theirs.

        Raises:
            ConfigError: flags that do not exist, all of them listed.
        """
        words = sys.argv[1:] if args is None else list(args)
        if self._subparsers is None:
            check_flags(words, self._option_string_actions)
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError instead of printing the usage and ending the process."""
        raise ConfigError(f"{self.prog}: {message}. --help lists the flags.")


def check_flags(argv: Iterable[str], known: Iterable[str]) -> None:
    """Refuse flags that do not exist.

    Args:
        argv: a command line; what is no flag is passed over.
        known: all flags, each with its dashes.

    Raises:
        ConfigError: lists them, each with the closest known one.
    """
    names = {flag.lstrip("-") for flag in known}
    flags = dict.fromkeys(word.split("=")[0] for word in argv if FLAG.fullmatch(word))
    unknown = [f"{flag}{closest(flag.lstrip('-'), names, dashes='--')}" for flag in flags if flag.lstrip("-") not in names]
    raise_faults("unknown flags", unknown, error=ConfigError)
