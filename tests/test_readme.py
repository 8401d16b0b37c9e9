"""The README keeps its word: its tree names every folder, its links exist."""

import re
from pathlib import Path

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


def test_files_named_in_commands_exist():
    named = re.findall(r"(?:recipes|launch|bench)/[\w/]+\.(?:py|yaml|sh)", README)
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
