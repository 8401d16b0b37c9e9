"""README's table is what the demo printed, and bench/check_learning.py tells a run that has other scores."""

from pathlib import Path

import pytest
from bench_path import load_bench

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PRINTED = ROOT / "docs" / "results" / "demo" / "seed0.md"
ROWS = ("base, direct", "base, CoT + 3-shot", "+SFT", "+MRSI", "+MRSI+CVO")
check_learning = load_bench("check_learning")


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run that printed what the demo printed when README was written."""
    (tmp_path / "table.md").write_text(PRINTED.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def changed(run, row, number, by):
    """Change one score of a run's table."""
    path = run / "table.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith(f"| {row} "))
    cells = lines[at].split("|")
    score, rest = cells[2 + number].split(maxsplit=1)
    cells[2 + number] = f" {float(score) + by:.2f} {rest} "
    lines[at] = "|".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_readme_shows_what_the_demo_printed():
    table = PRINTED.read_text(encoding="utf-8").strip()
    assert table in README.read_text(encoding="utf-8")
    assert tuple(check_learning.read_table(table)) == ROWS


def test_the_demos_own_table_is_within_the_tolerance(run):
    check_learning.check_readme(run, README)


@pytest.mark.parametrize("row", ROWS)
def test_a_score_of_f1_that_is_far_off_is_told(run, row):
    changed(run, row, 0, by=9.0)
    check_learning.check_readme(run, README)
    changed(run, row, 0, by=2.0)
    with pytest.raises(SystemExit, match="README shows other scores"):
        check_learning.check_readme(run, README)


def test_a_missing_row_is_told(run):
    path = run / "table.md"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("| +SFT")]
    path.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(SystemExit, match="the demo base"):
        check_learning.check_readme(run, README)
