"""The header of a published config: its fields, and the commands that they hold."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Command:
    """One `mcr` command of a header.

    Attributes:
        name: what follows `mcr`.
        words: what follows that, before the first flag.
        flags: by name, without dashes; several values with spaces between them; None for a flag without a value.
    """

    name: str
    words: tuple[str, ...]
    flags: dict[str, str | None]


def header_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n\n")[0]


def field_of(path: Path, name: str) -> list[str]:
    """Return the lines of one field: those after its name, as far as they are indented to the same column."""
    lines, is_inside = [], False
    for line in header_of(path).splitlines():
        begins = re.match(r"# (\w+): +(.+)$", line)
        if begins:
            is_inside = begins[1] == name
        text = begins[2] if begins else line.removeprefix("#            ") if line.startswith("#            ") else None
        if is_inside and text is not None:
            lines.append(text)
    return lines


def commands_of(path: Path, name: str) -> list[Command]:
    """Return the commands of one field, one a line."""
    return [read_command(line) for line in field_of(path, name) if line.startswith("mcr ")]


def read_command(line: str) -> Command:
    _, name, *rest = shlex.split(line)
    words = []
    while rest and not rest[0].startswith("--"):
        words.append(rest.pop(0))
    flags: dict[str, str | None] = {}
    while rest:
        flag = rest.pop(0).removeprefix("--")
        values = []
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        flags[flag] = " ".join(values) or None
    return Command(name, tuple(words), flags)


def configs_before(path: Path) -> list[tuple[Path, bool]]:
    """Return the configs that the field After names, and whether only the data of each are used."""
    lines = [re.fullmatch(r"(\S+\.yaml)( \(its data alone\))?", line) for line in field_of(path, "After")]
    return [(ROOT / line[1], line[2] is not None) for line in lines if line]
