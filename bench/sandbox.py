"""The sandbox's table: several seeds of the whole demo and of the answer-only baseline, their mean and spread.

    python bench/sandbox.py --output_dir runs/bench --seeds 0 1 2 [--jobs 2]

Each run is the demo's own command in a folder of its own, so the bench can be stopped and called again. With --jobs 2 two runs
share the machine, one thread each.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mcr.io.bounded_threads import map_bounded
from mcr.report.markdown import mean_and_deviation, percent, table

DEMO = Path(__file__).resolve().parent.parent / "recipes" / "demo.py"
ROWS = {
    "untrained": ("full", "untrained"),
    "answer only": ("answer_only", "mrsi"),
    "MRSI": ("full", "mrsi"),
    "MRSI+CVO": ("full", "cvo"),
}
COLUMNS = ("gmner", "mner", "eeg", "n_rate", "no_target")


def run_demo(out: Path, kind: str, seed: int, threads: int) -> None:
    """Run one demo to its end, its output in a log beside it."""
    folder = out / f"{kind}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(DEMO), "--output_dir", str(folder), "--seed", str(seed)]
    command += ["--answer_only"] if kind == "answer_only" else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        subprocess.run(command, stdout=log, stderr=log, env=environment, check=True)


def read_scores(folder: Path, name: str) -> dict[str, float]:
    """Return the columns of one evaluation."""
    metrics = json.loads((folder / "eval" / name / "metrics.json").read_text(encoding="utf-8"))
    return {key: metrics[key] if key == "n_rate" else metrics[key]["f1"] for key in COLUMNS}


def result_table(out: Path, seeds: list[int]) -> str:
    """Return mean and standard deviation over the seeds, then every seed by itself."""
    rows = []
    for title, (kind, name) in ROWS.items():
        by_seed = {seed: read_scores(out / f"{kind}-{seed}", name) for seed in seeds}
        cells = []
        for key in COLUMNS:
            values = [scores[key] for scores in by_seed.values()]
            cells.append(mean_and_deviation(values))
        rows.append([f"**{title}** (mean of {len(seeds)})", *cells])
        rows += [[f"{title}, seed {seed}", *(percent(scores[key]) for key in COLUMNS)] for seed, scores in by_seed.items()]
    return table(("model", "GMNER F1", "MNER F1", "EEG F1", "N-Rate", "N-F1"), rows)


def main() -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/bench"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    args = parser.parse_args()
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    plan = [(kind, seed) for seed in args.seeds for kind in ("full", "answer_only")]
    list(map_bounded(lambda job: run_demo(args.output_dir, *job, threads), plan, num_threads=args.jobs))
    text = result_table(args.output_dir, args.seeds)
    (args.output_dir / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
