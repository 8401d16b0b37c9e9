"""The README, the docs and the configs keep their word: the tree names every folder, links and named files exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = ("mcr", "rewards", "data_prep", "recipes", "launch", "tests", "docs", "bench")


def test_the_tree_has_a_line_for_each_folder():
    for folder in FOLDERS:
        assert re.search(rf"^{folder}/\s+\S", README, re.MULTILINE), folder
        assert (ROOT / folder).is_dir()


def test_links_to_files_exist():
    targets = re.findall(r"\]\((?!http|#)([^)#]+)", README)
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


NAMED_FILE = re.compile(
    r"(?<![\w/.-])((?:mcr|rewards|recipes|launch|data_prep|tests|bench|docs)/[\w./-]+?\.(?:py|yaml|json|sh|md|png))\b"
)
WRITERS = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("*/configs/**/*.yaml"),
    *ROOT.glob("mcr/systems/*/configs/**/*.yaml"),
]


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_named_in_docs_and_configs_exist(path):
    named = set(NAMED_FILE.findall(path.read_text(encoding="utf-8")))
    if path.name == "extending.md":  # its examples write the files of a system and a reader of their own
        named -= set(re.findall(r"^```\w+ file=(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert not [name for name in named if not (ROOT / name).exists()]
