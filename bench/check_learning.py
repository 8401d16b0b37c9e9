"""Check that a demo run shows learning, and that a full one has the scores that README shows; exit code 1 if not.

python bench/check_learning.py runs/ci [--readme README.md]

Sums round otherwise on other machines, and small models drift apart: README's scores of F1 are met within 10 points.
"""

import argparse
import json
import re
import sys
from pathlib import Path

MIN_GAIN = 0.15
MAX_LOSS = 0.1
MAX_DIFFERENCE = 10.0
F1S = slice(0, 3)  # of a table's scores: GMNER, MNER, EEG


def check_gains(out: Path) -> None:
    """Compare GMNER F1 of the base model, after MRSI and after CVO."""
    scores = {}
    for name in ("direct", "mrsi", "cvo"):
        scores[name] = json.loads((out / "eval" / name / "metrics.json").read_text(encoding="utf-8"))["gmner"]["f1"]
    print("GMNER F1: " + "  ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    if scores["mrsi"] < scores["direct"] + MIN_GAIN:
        sys.exit(f"MRSI did not learn: expected a gain of at least {MIN_GAIN}")
    if scores["cvo"] < scores["mrsi"] - MAX_LOSS:
        sys.exit(f"CVO lost more than {MAX_LOSS}")


def read_table(text: str) -> dict[str, list[float]]:
    """Return the scores of the demo's table by row, the first number of each cell; the column of minutes is left out.

    >>> read_table("| model | F1 | minutes |\\n|---|---|---|\\n| +SFT | 50.00 (45 to 55) | 2.0 |")
    {'+SFT': [50.0]}
    """
    lines = text[text.index("| model |") :].splitlines()
    rows = {}
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        title, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        numbers = [re.match(r"\d+(?:\.\d+)?", cell) for cell in cells[:-1]]
        rows[title] = [float(number.group()) if number else 0.0 for number in numbers]
    return rows


def check_readme(out: Path, readme: Path) -> None:
    """Compare the table of a run with README's."""
    shown, found = (read_table(path.read_text(encoding="utf-8")) for path in (readme, out / "table.md"))
    if shown.keys() != found.keys():
        sys.exit(f"README has the rows {', '.join(shown)}, the demo {', '.join(found)}")
    far = [
        f"{title}: README {one}, the demo {other}"
        for title in shown
        for one, other in zip(shown[title][F1S], found[title][F1S], strict=True)
        if abs(one - other) > MAX_DIFFERENCE
    ]
    if far:
        sys.exit("README shows other scores than the demo prints: " + "; ".join(far))
    print(f"README's scores are met within {MAX_DIFFERENCE:g} points")


def main() -> None:
    """Check one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the demo")
    parser.add_argument("--readme", type=Path, help="whose table a full run is compared with")
    args = parser.parse_args()
    check_gains(args.out)
    if args.readme is not None:
        check_readme(args.out, args.readme)


if __name__ == "__main__":
    main()
