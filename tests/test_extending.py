"""The worked examples of docs/extending.md: their edits are made in a copy of the packages, and their commands run there.

A block of code names its file in the info string: `file=PATH` writes it; `before="TEXT"`, `after="TEXT"` or `replace="TEXT"` puts it
into the file before, after or in place of the one line that begins with TEXT. Blocks of bash are commands.
"""

import json
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

from mcr.boxes import area
from mcr.io.samples import load_samples
from mcr.records import Entity

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
    edges = [(name, block.options[name]) for name in ("before", "after", "replace") if name in block.options]
    if not edges:
        assert not path.exists(), f"{path} is there; say where the block goes"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    ((edge, beginning),) = edges
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.startswith(beginning)]
    assert len(found) == 1, f"{path}: {len(found)} lines begin with {beginning!r}, expected one"
    start, end = found[0] + (edge == "after"), found[0] + (edge != "before")
    lines[start:end] = [block.text]
    path.write_text("".join(lines), encoding="utf-8")


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
    """Return the file of every edit of the toolkit; what an example writes below runs/ is its own data."""
    files = [block.options["file"] for block in blocks if "file" in block.options]
    return [file for file in files if not file.startswith("runs/")]


def read_set(folder: Path) -> list[dict]:
    """Return the rows of a training set."""
    return pq.read_table(folder / "d1.parquet").to_pylist()


def completion_of(row: dict) -> str:
    return row["completion"][0]["content"]


def prompt_of(row: dict) -> str:
    return row["prompt"][0]["content"][-1]["text"]


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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


def test_a_reader_touches_one_new_file_and_its_samples_are_built(copy):
    blocks = blocks_of("## A reader")
    assert places_of(blocks) == ["data_prep/readers/char_spans.py"]
    assert not (copy / "data_prep/readers/char_spans.py").exists()
    table, _ = run_example(blocks, copy)
    assert "rejected: train.jsonl:2: span: got [0, 40), expected it inside the text's 10 characters. Correct it." in table
    samples = load_samples(copy / "runs/extending/samples/train.jsonl")
    assert [sample.id for sample in samples] == ["1", "3"]
    assert samples[0].entities == (Entity("Ann Lee", "PER", ((20, 10, 100, 60),)), Entity("Rome", "LOC", None))
    assert [row["kind"] for row in read_lines(copy / "runs/extending/samples/rejected.jsonl")] == ["span"]


def test_a_label_set_touches_nothing_and_is_shown_explained_and_scored(copy):
    blocks = blocks_of("## A label set")
    assert places_of(blocks) == []
    _, explained, scored = run_example(blocks, copy)
    rows = read_set(copy / "runs/extending/menu_schemas")
    assert all("Types: soup (a liquid dish), cake, tea, wine (a drink made of grapes)." in prompt_of(row) for row in rows)
    assert "type 1.000" in explained
    assert "GMNER F1 0.6667" in scored
    metrics = json.loads((copy / "runs/extending/menu_scores/metrics.json").read_text(encoding="utf-8"))
    assert [metrics["fmnerg"][level]["f1"] for level in ("fine", "coarse")] == [pytest.approx(2 / 3), 1.0]
    assert [one["written"] for one in metrics["folded_types"]] == ["Pastry"]


def test_a_reward_touches_two_files_weighs_nothing_and_is_explained_and_logged(copy):
    blocks = blocks_of("## A reward")
    assert len(set(places_of(blocks))) == 2
    free, weighed, tests = run_example(blocks, copy)
    assert "span 0.833  type 1.000  entailment 1.000  grounding 1.000  exact 0.500  total 0.967" in free
    assert "exact 0.500  total 0.900" in weighed
    assert "failed" not in tests
    names = "from rewards.for_trl import weighted_rewards as w; print(*(f'{f.__name__} {x}' for f, x in zip(w().functions, w().weights)))"
    done = subprocess.run([sys.executable, "-c", names], cwd=copy, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("grounding_reward 0.2 exact_reward 0.0\n")


def test_a_model_family_touches_one_place_and_its_boxes_and_rule_are_written(copy):
    blocks = blocks_of("## A model family")
    assert len(places_of(blocks)) == 1
    run_example(blocks, copy)
    rows = read_set(copy / "runs/extending/acme")
    assert all("A box is [y1, x1, y2, x2] from 0.000 to 1.000 across the image." in prompt_of(row) for row in rows)
    boxed = [row for row in rows if any(entity["boxes"] for entity in row["gold"])]
    assert boxed
    for row in boxed:
        size = row["frame"]["width"], row["frame"]["height"]
        x1, y1, x2, y2 = max(next(e["boxes"] for e in row["gold"] if e["boxes"]), key=area)
        written = "[" + ", ".join(f"{value:.3f}" for value in (y1 / size[1], x1 / size[0], y2 / size[1], x2 / size[0])) + "]"
        assert written in completion_of(row)


def test_a_task_touches_two_places_and_is_written_explained_scored_and_reported(copy):
    blocks = blocks_of("## A task")
    assert places_of(blocks) == ["mcr/tasks.py"] * 2
    _, explained, scored, evaluated = run_example(blocks, copy)
    rows = read_set(copy / "runs/extending/eeg_schemas")
    assert len({row["style"] for row in rows}) == 5
    assert all("Find every named entity in the text and its box in the image." in prompt_of(row) for row in rows)
    assert not any("LOC" in text or "type" in text.lower() for row in rows for text in (prompt_of(row), completion_of(row)))
    assert "total 1.000" in explained
    assert "Rome | None" in explained
    assert "EEG F1 0.5000" in scored
    assert "EEG F1 0.5000" in evaluated
    metrics = json.loads((copy / "runs/extending/eeg_report/metrics.json").read_text(encoding="utf-8"))
    assert {kind: count for kind, count in metrics["errors"].items() if count} == {"should be None": 1}
    assert metrics["grounding"]["acc@0.5"] == 1.0


def test_a_schema_style_touches_two_places_and_its_schemas_are_written(copy):
    blocks = blocks_of("## A schema style")
    asked = blocks_of("### Written by a model")
    written = blocks[: len(blocks) - len(asked)]
    assert len(places_of(written)) == 2
    assert places_of(asked) == ["data_prep/schemas/ask.py", "teachers.yaml"]
    outputs = run_example(blocks, copy)
    rows = read_set(copy / "runs/extending/checklist")
    assert {row["style"] for row in rows} == {"checklist"}
    assert all(completion_of(row).count("Answer:") == 1 for row in rows)
    assert any("Step 2: " in completion_of(row) for row in rows)
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
