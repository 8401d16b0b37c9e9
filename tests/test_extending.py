"""The worked examples of docs/extending.md: their edits are made in a copy of the packages, and their commands run there.

A block of code names its file in the info string: `file=PATH` writes it, `before="TEXT"` or `after="TEXT"` puts it into the file
before or after the line that is TEXT. Blocks of bash are commands.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
COPIED = ("mcr", "rewards", "data_prep", "recipes", "bench", "tests")
BLOCK = re.compile(r"^```(\w+)(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: its language, its info string as options, its text."""

    language: str
    options: dict[str, str]
    text: str


def section_of(heading: str) -> str:
    """Return the text below a heading, up to the next heading of its level or above; code has no headings."""
    level, is_code, is_inside, lines = heading.index(" "), False, False, []
    for line in PAGE.splitlines(keepends=True):
        is_code ^= line.startswith("```")
        if not is_code and re.match(rf"#{{1,{level}}} ", line):
            is_inside = line.rstrip() == heading
        elif is_inside:
            lines.append(line)
    return "".join(lines)


def blocks_of(heading: str) -> list[Block]:
    """Return the blocks of one section."""
    return [
        Block(language, dict(option.split("=", 1) for option in shlex.split(info)), text)
        for language, info, text in BLOCK.findall(section_of(heading))
    ]


def apply_block(block: Block, root: Path) -> None:
    """Write a block into its file."""
    path = root / block.options["file"]
    edges = [(name, block.options[name]) for name in ("before", "after") if name in block.options]
    if not edges:
        assert not path.exists(), f"{path} is there; say where the block goes"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    ((edge, line),) = edges
    text = path.read_text(encoding="utf-8")
    assert text.count(f"\n{line}\n") == 1, f"{path}: the line {line!r} must be there once"
    joined = f"\n{block.text}{line}\n" if edge == "before" else f"\n{line}\n{block.text}"
    path.write_text(text.replace(f"\n{line}\n", joined), encoding="utf-8")


def commands_of(blocks: list[Block]) -> Iterator[list[str]]:
    """Yield the commands of the bash blocks, this Python in place of `python`."""
    for block in blocks:
        if block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                program, *flags = shlex.split(line)
                yield [sys.executable if program == "python" else program, *flags]


def run_example(blocks: list[Block], root: Path) -> list[str]:
    """Make the edits, run the commands; return their outputs."""
    for block in blocks:
        if "file" in block.options:
            apply_block(block, root)
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    outputs = []
    for command in commands_of(blocks):
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert not done.returncode, f"{shlex.join(command)}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        outputs.append(done.stdout)
    return outputs


def places_of(blocks: list[Block]) -> list[str]:
    """Return the file of every edit."""
    return [block.options["file"] for block in blocks if "file" in block.options]


@pytest.fixture
def copy(tmp_path):
    """A copy of the packages that an example may change."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def test_the_page_has_a_section_for_each_extension_in_this_order():
    kinds = ["reader", "label set", "reward", "model family", "schema style", "task", "system"]
    assert re.findall(r"^## A (.+)$", PAGE, re.MULTILINE) == kinds


def test_a_schema_style_touches_two_places_and_its_schemas_are_written(copy):
    blocks = blocks_of("## A schema style")
    asked = blocks_of("### Written by a model")
    written = blocks[: len(blocks) - len(asked)]
    assert len(places_of(written)) == 2
    assert len(places_of(asked)) == 1
    outputs = run_example(blocks, copy)
    rows = pq.read_table(copy / "runs/extending/checklist/d1.parquet").to_pylist()
    assert {row["style"] for row in rows} == {"checklist"}
    assert all(row["completion"][0]["content"].count("Answer:") == 1 for row in rows)
    assert any("Step 2: " in row["completion"][0]["content"] for row in rows)
    assert '"requests"' in outputs[-1]


@pytest.mark.recipe
def test_a_system_touches_one_folder_and_is_found_evaluated_shown_and_tested(copy):
    blocks = blocks_of("## A system")
    assert all(place.startswith("mcr/systems/gazetteer/") for place in places_of(blocks))
    demo, evaluation, table, tests = run_example(blocks, copy)
    assert "| gazetteer |" in demo
    assert "MNER F1" in evaluation
    assert "| many scenes |" in table
    assert "failed" not in tests
    assert (copy / "runs/again/predictions-000.jsonl").is_file()
