"""The rooms of the house: who may import whom, how big a file may be, what an import may pull in."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TORCH_ROOMS = (
    "mcr.models",
    "mcr.rollouts",
    "mcr.training",
    "mcr.training_sets",
    "mcr.shared_prefix",
    "mcr.report",
    "mcr.config",
    "mcr.run_folder",
    "mcr.processes",
    "mcr.memory",
)
APPLICATIONS = ("mcr.doctor",)  # looks at everything, is imported by nothing
SOURCES = [path for room in ("mcr", "rewards", "data_prep", "recipes") for path in sorted((ROOT / room).rglob("*.py"))]
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed"}

NEEDED_WHEN_CALLED = {"rewards.for_openrlhf": {"torch"}}  # OpenRLHF wants tensors back; imported inside the function


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def room_of(name: str) -> str:
    if name.startswith(APPLICATIONS):
        return "application"
    if name.startswith(TORCH_ROOMS):
        return "torch rooms"
    return {"mcr": "core", "rewards": "rewards", "data_prep": "data_prep", "recipes": "recipes"}.get(name.split(".")[0], "")


ALLOWED = {
    "core": {"core"},
    "rewards": {"core", "rewards"},
    "data_prep": {"core", "rewards", "data_prep"},
    "torch rooms": {"core", "torch rooms"},
    "application": {"core", "rewards", "torch rooms"},
    "recipes": {"core", "rewards", "data_prep", "torch rooms"},
}


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_imports_only_rooms_below_it(path):
    room = room_of(module_name(path))
    ours = {name: room_of(name) for name in imports_of(path) if room_of(name)}
    assert not {name: r for name, r in ours.items() if r not in ALLOWED[room]}, f"{path} is in {room}"


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(module_name(p)) in ("core", "rewards")], ids=module_name)
def test_core_and_rewards_know_no_heavy_package(path):
    heavy = {name.split(".")[0] for name in imports_of(path)} & HEAVY
    assert heavy <= NEEDED_WHEN_CALLED.get(module_name(path), set())


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_has_at_most_400_lines_and_functions_60(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = 120 if path.parent.name == "recipes" and node.name == "main" else 60
            assert node.end_lineno - node.lineno < limit, f"{path}: {node.name}"


def test_no_drawer_files():
    assert not [path for path in SOURCES if path.stem in ("utils", "helpers", "common")]


def test_importing_rewards_brings_no_torch():
    heavy = HEAVY | {"numpy", "scipy"}
    code = f"import rewards, mcr.metrics, mcr.predictions, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
