"""Check that a demo run, full or small, shows learning; exit code 1 with the numbers where it does not.

python bench/check_learning.py runs/ci
"""

import json
import sys
from pathlib import Path

MIN_GAIN = 0.25


def main(out: Path) -> None:
    """Compare MNER F1 of the untrained model, after MRSI and after CVO."""
    scores = {}
    for name in ("untrained", "mrsi", "cvo"):
        scores[name] = json.loads((out / "eval" / name / "metrics.json").read_text(encoding="utf-8"))["mner"]["f1"]
    print("MNER F1: " + "  ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    if scores["mrsi"] < scores["untrained"] + MIN_GAIN:
        sys.exit(f"MRSI did not learn: expected a gain of at least {MIN_GAIN}")
    if scores["cvo"] < scores["mrsi"] - 0.1:
        sys.exit("CVO lost more than 0.1")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
