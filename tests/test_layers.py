"""The rooms of the house: who may import whom, how big files and rooms may be, what an import may pull in.

The rules are read from the folders: a new room or system needs no entry here.
"""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mcr", "rewards", "data_prep", "recipes")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed"}
NEEDED_WHEN_CALLED = {"rewards.for_openrlhf": {"torch"}}  # OpenRLHF wants tensors back; imported inside the function
MAX_FILES = 11
DOORS = ("mcr", "mcr.__main__")  # the public names and the command `mcr`: they open rooms and hold nothing themselves


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, *, at_top: bool = False) -> set[str]:
    """Return the modules that a file imports; `at_top`: when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & {*MODULES, node.module}
    return found


MODULES = {module_name(path): path for path in SOURCES}


def folder_of(name: str) -> str:
    """Return the folder that a module lies in, or the package that it is."""
    path = MODULES[name]
    return ".".join(path.parent.relative_to(ROOT).parts)


def ours(path: Path) -> set[str]:
    return {name for name in imports_of(path) if name in MODULES}


def is_below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def brings_heavy() -> set[str]:
    """Return our modules whose import brings a heavy package, by themselves or by what they import."""
    heavy = {name for name, path in MODULES.items() if {found.split(".")[0] for found in imports_of(path, at_top=True)} & HEAVY}
    while True:
        more = {name for name, path in MODULES.items() if imports_of(path, at_top=True) & heavy} - heavy
        if not more:
            return heavy
        heavy |= more


BRINGS_HEAVY = brings_heavy()


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_imports_only_what_lies_below_it(path):
    name, imported = module_name(path), ours(path)
    above = {
        "mcr": ("rewards", "data_prep", "recipes", "mcr.commands"),
        "rewards": ("data_prep", "recipes", "mcr.commands", "mcr.systems"),
        "data_prep": ("recipes", "mcr.commands"),
        "recipes": ("recipes", "mcr.commands"),
    }[name.split(".")[0]]
    if is_below(name, "mcr.commands") or name in DOORS:
        above = ()
    assert not {one for one in imported if is_below(one, *above)}
    if path.parent == ROOT / "mcr" and name not in DOORS:
        values = {module_name(one) for one in (ROOT / "mcr").glob("*.py")}
        assert imported <= values, "the values of mcr know none of its rooms"


@pytest.mark.parametrize("path", [one for one in SOURCES if is_below(module_name(one), "mcr.systems")], ids=module_name)
def test_a_system_imports_no_other_system(path):
    """A system is a folder; it shares the files beside the folders, which know no system by name."""
    systems = {module_name(one.parent / "__init__.py") for one in (ROOT / "mcr/systems").glob("*/__init__.py")}
    own = ".".join(module_name(path).split(".")[:3])
    assert not {one for one in ours(path) if is_below(one, *systems - {own})}


def test_nothing_outside_a_system_knows_it_by_name():
    systems = {module_name(one.parent / "__init__.py") for one in (ROOT / "mcr/systems").glob("*/__init__.py")}
    outside = [path for name, path in MODULES.items() if not is_below(name, *systems)]
    assert not {str(path): found for path in outside if (found := {one for one in ours(path) if is_below(one, *systems)})}


def test_no_cycle_between_folders():
    """A folder and the folders inside it may know each other; others may not, by any way."""
    below = defaultdict(set)
    for name, path in MODULES.items():
        for imported in ours(path):
            here, there = folder_of(name), folder_of(imported)
            if here != there and not is_below(here, there) and not is_below(there, here):
                below[here].add(there)

    def reaches(start: str) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            for one in below.get(waiting.pop(), ()):
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
        return seen

    assert not {folder for folder in below if folder in reaches(folder)}


@pytest.mark.parametrize("path", [one for one in SOURCES if is_below(module_name(one), "rewards")], ids=module_name)
def test_rewards_import_nothing_heavy(path):
    heavy = {name.split(".")[0] for name in imports_of(path)} & HEAVY
    assert heavy <= NEEDED_WHEN_CALLED.get(module_name(path), set())
    assert not imports_of(path) & BRINGS_HEAVY


@pytest.mark.parametrize("path", [one for one in SOURCES if is_below(module_name(one), "data_prep")], ids=module_name)
def test_data_preparation_imports_nothing_heavy(path):
    assert not imports_of(path, at_top=True) & BRINGS_HEAVY


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_has_at_most_400_lines_and_functions_60(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = 120 if path.parent.name == "recipes" and node.name == "main" else 60
            assert node.end_lineno - node.lineno < limit, f"{path}: {node.name}"


def test_no_room_has_more_than_eleven_files():
    files = Counter(path.parent for path in SOURCES if path.parent not in (ROOT / "recipes", ROOT / "rewards"))
    assert not {str(folder): num for folder, num in files.items() if num > MAX_FILES}


# A recipe and its machinery; stages, styles and tables, and those of a system.
SAME_MEANING = {"demo", "evaluate", "grpo", "sandbox_runs", "sft", "stages", "styles", "tables", "tagger"}


def test_no_two_files_share_a_name_with_another_meaning():
    stems = Counter(path.stem for path in SOURCES if not path.stem.startswith("__"))
    assert {stem for stem, num in stems.items() if num > 1} <= SAME_MEANING


def test_no_drawer_files():
    assert not [path for path in SOURCES if path.stem in ("utils", "helpers", "common")]


def test_importing_rewards_brings_no_torch():
    heavy = HEAVY | {"numpy", "scipy"}
    code = f"import rewards, mcr.metrics.evaluate, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
