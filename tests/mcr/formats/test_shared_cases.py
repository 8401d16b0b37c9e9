"""Answers that real models write, kept beside the shared data; skipped where that folder is not there."""

import json
import os
from pathlib import Path

import pytest

from mcr.formats import parse_completion
from mcr.records import Entity

SHARED = os.environ.get("MCR_SHARED_DATA")
FOLDER = Path(SHARED).resolve().parent / "cases" / "answers" if SHARED else Path("/nonexistent")
CASES = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def entities_of(rows):
    return [Entity.from_dict(row) for row in rows]


@pytest.mark.skipif(not CASES, reason="no folder cases/answers beside MCR_SHARED_DATA")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_is_read_as_a_person_reads_it(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    got, expected = parse_completion(case["completion"], case["task"]), case["expected"]
    if isinstance(expected, str):
        is_read = expected != "told" and list(got.entities) == entities_of(case["gold"])
        assert is_read or got.problems, got
        assert expected != "told" or not got.is_readable, "reasoning that is cut off holds no answer"
        assert expected != "both boxes" or is_read
    else:
        is_told = path.stem == "2_txt-number-start" and got.problems  # no sentence is given that could decide
        assert list(got.entities) == entities_of(expected) or is_told, got.problems
