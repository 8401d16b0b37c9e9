"""docs/papers.md names functions, tests and commands that exist, and no equation of either paper is missing."""

import ast
import re
from pathlib import Path

import pytest

from mcr.commands.registry import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`((?:mcr|rewards|data_prep)(?:\.\w+)+)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
CALLS = sorted(set(re.findall(r"`mcr ([a-z-]+)", PAGE)))


@pytest.mark.parametrize("name", NAMES)
def test_a_named_function_exists(name):
    module, _, attribute = name.rpartition(".")
    source = ROOT / f"{module.replace('.', '/')}.py"
    source = source if source.is_file() else ROOT / module.replace(".", "/") / "__init__.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {
        target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)
    }
    defined |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert attribute in defined, f"{source} defines no {attribute}"


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_named_test_exists(path, name):
    assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", CALLS)
def test_a_named_command_exists(command):
    assert command in {one.name for one in COMMANDS}


def test_every_table_of_a_command_is_registered():
    from mcr.systems import systems

    registered = {name for system in systems().values() for name in system.tables}
    assert set(re.findall(r"`mcr reproduce ([\w-]+)", PAGE)) == registered


@pytest.mark.parametrize(("heading", "last"), [("## MCR", 31), ("## E2E-GMNER", 12), ("## UnCo", 16)])
def test_no_equation_is_missing(heading, last):
    section = PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0]
    numbers = set()
    for cell in re.findall(r"^\| ([\d, -]+) \|", section, re.MULTILINE):
        for part in cell.split(","):
            first, _, end = part.strip().partition("-")
            numbers |= set(range(int(first), int(end or first) + 1))
    assert numbers == set(range(1, last + 1))
