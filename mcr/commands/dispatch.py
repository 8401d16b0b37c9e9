"""Running a command of `mcr` by its name; what it needs and is not installed is named in one line."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from mcr import __version__
from mcr.commands.registry import COMMANDS, Command
from mcr.errors import ConfigError, closest, run_command

OURS = ("mcr", "rewards", "data_prep", "recipes")
EXTRA_OF = {"vllm": "vllm", "deepspeed": "deepspeed"}  # packages that are in an extra of their own
ASKED_FOR = ("torch", "torchvision")  # transformers and TRL import without them, and fail when they are used


def help_page() -> str:
    """Return what `mcr --help` prints."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS]
    head = ["usage: mcr COMMAND [FLAGS ...]", "", "Grounded multimodal named entity recognition with verifiable rewards."]
    tail = ["", "mcr COMMAND --help lists a command's flags. For several processes: accelerate launch recipes/sft.py ..."]
    return "\n".join([*head, "", "commands:", *lines, *tail])


def find_command(name: str) -> Command:
    """Return the command of a name.

    Raises:
        ConfigError: there is none.
    """
    found = [command for command in COMMANDS if command.name == name]
    if not found:
        raise ConfigError(f"mcr: there is no command {name!r}{closest(name, [one.name for one in COMMANDS])}. See mcr --help.")
    return found[0]


def run(words: Sequence[str]) -> None:
    """Run the command that the first word names, with the others as its flags.

    Raises:
        ConfigError: there is no such command, or a package that it needs is not installed.
    """
    command = find_command(words[0])
    flags = [*command.words, *words[1:]]
    sys.argv = [command.program, *flags]  # what usage lines and a run's record call this process
    try:
        importlib.import_module(command.module).main(flags)
    except ImportError as error:
        package = missing_package(error)
        if package is None or not command.extra:
            raise
        extra = EXTRA_OF.get(package, command.extra)
        install = f'pip install -c constraints.txt ".[{extra}]"'
        message = f"{command.name} needs the extra {extra} ({package} is not installed). Run in your clone: {install}"
        raise ConfigError(message) from error


def missing_package(error: ImportError) -> str | None:
    """Return the package of others that is not installed; None where the fault is another, or in our own modules."""
    names = [one.name.split(".")[0] for one in _chain(error) if isinstance(one, ModuleNotFoundError) and one.name]
    if names:
        return next((name for name in reversed(names) if name not in OURS), None)
    return next((name for name in ASKED_FOR if not _is_installed(name)), None)


def _is_installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def main(argv: Sequence[str] | None = None) -> None:
    """Print the help or the version, or run a command."""
    words = sys.argv[1:] if argv is None else list(argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_page())
    elif words[0] == "--version":
        print(f"mcr {__version__}")
    else:
        run_command(partial(run, words))
