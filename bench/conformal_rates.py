"""Do thresholds that keep a rate of errors on dev keep it on test? UnCo's small model in the sandbox, by part (not in the paper).

    python bench/conformal_rates.py --work_dir runs/reproduce --seeds 201 202 203 204 205

Reads the predictions that mcr reproduce unco-3 --seeds ... left in its --work_dir. For each rate, thresholds come from a seed's
dev scenes; shown are, over the seeds, the share of test predictions that are kept and wrong, and the share that is asked about.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mcr.correction.thresholds import conformal_thresholds, normalized_rows
from mcr.errors import ConfigError, run_command
from mcr.io.predictions import join_gold, load_predictions
from mcr.io.samples import load_samples
from mcr.metrics.conventions import DEFAULT
from mcr.metrics.intervals import mean_with_interval
from mcr.metrics.uncertainty import judged_part
from mcr.records import ScoredSample
from mcr.report.markdown import percent, table
from mcr.systems.tables import TableRun
from mcr.systems.unco.sandbox_runs import SIZES, Small, UncoRuns
from mcr.uncertainties import PARTS

RATES = (0.02, 0.05, 0.1)


def scored(run: TableRun, split: str) -> list[ScoredSample]:
    """Return a split's samples with the small model's predictions.

    Raises:
        ConfigError: they were not made.
    """
    runs = UncoRuns(run)
    path = runs.out / "small" / Small().name / split / "predictions-000.jsonl"
    if not path.is_file():
        raise ConfigError(f"--work_dir: {path} does not exist. Make it: mcr reproduce unco-3 --seeds {run.seed} --work_dir ...")
    return join_gold(load_samples(runs.data / f"{split}.jsonl"), load_predictions(path))[0]


def shares(dev: Sequence[ScoredSample], test: Sequence[ScoredSample], rate: float) -> dict[str, tuple[float, float]]:
    """Return by part the shares of test predictions that are kept and wrong, and that are asked about."""
    chosen, found = conformal_thresholds(dev, rate), {}
    for part in PARTS:
        right, wrong = judged_part(normalized_rows(test), part, DEFAULT)
        total = max(1, len(right) + len(wrong))
        kept_wrong = sum(value <= chosen[part] for value in wrong)
        found[part] = (kept_wrong / total, sum(value > chosen[part] for value in (*right, *wrong)) / total)
    return found


def main() -> None:
    """Read, choose, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work_dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    args = parser.parse_args()
    runs = [TableRun("sandbox", args.work_dir / "sandbox", Path(), seed, SIZES) for seed in args.seeds]
    splits = [(scored(run, "dev"), scored(run, "test")) for run in runs]
    lines = []
    for rate in RATES:
        by_seed = [shares(dev, test, rate) for dev, test in splits]
        for part in PARTS:
            kept, asked = (mean_with_interval([one[part][at] for one in by_seed]) for at in (0, 1))
            interval = f"{percent(kept.value)} [{percent(kept.low)}, {percent(kept.high)}]"
            lines.append((percent(rate), part, interval, percent(asked.value)))
    print(table(("rate", "part", "kept and wrong on test", "asked about"), lines))


if __name__ == "__main__":
    run_command(main)
