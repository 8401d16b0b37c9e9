"""The demo's table over several seeds: mean and spread of each row, then every seed by itself.

    python bench/sandbox.py --output_dir runs/bench --seeds 0 1 2 [--rows "+MRSI" "+MRSI+CVO"]

Each seed runs in a folder of its own, so the bench can be stopped and called again. --rows leaves out what the other rows need.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcr.errors import ConfigError
from mcr.io.atomic_write import write_whole
from mcr.report.markdown import mean_and_deviation, percent, table
from mcr.systems import system_named
from mcr.systems.stages import DemoRow, Plan, Stage
from recipes.demo import run_plan

COLUMNS = {"gmner": "GMNER F1", "mner": "MNER F1", "eeg": "EEG F1", "n_rate": "N-Rate", "no_target": "N-F1"}


def leading_to(rows: Sequence[DemoRow], stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages that the evaluations of some rows need, in order."""
    wanted = {row.folder / "metrics.json" for row in rows}
    needed: list[Stage] = []
    for stage in reversed(stages):
        if any(made == path or made in path.parents for made in stage.makes for path in wanted):
            needed.append(stage)
            wanted.update(stage.reads)
    return tuple(needed[::-1])


def only_rows(plan: Plan, titles: Sequence[str]) -> Plan:
    """Return a plan that makes these rows alone.

    Raises:
        ConfigError: no row has one of the titles.
    """
    unknown = sorted(set(titles) - {row.title for row in plan.rows})
    if unknown:
        raise ConfigError(f"--rows: no row {unknown[0]!r}. Choose of {', '.join(row.title for row in plan.rows)}.")
    rows = tuple(row for row in plan.rows if row.title in titles)
    return replace(plan, rows=rows, stages=leading_to(rows, plan.stages))


def run_demo(out: Path, system: str, seed: int, titles: Sequence[str] | None) -> tuple[DemoRow, ...]:
    """Run one demo to its end and return the rows of its table.

    Raises:
        ConfigError: the system has no demo.
    """
    make_plan = system_named(system).demo
    if make_plan is None:
        raise ConfigError(f"--system: {system} has no demo. Choose another one.")
    folder = out / f"{system}-{seed}"
    whole = make_plan(folder, seed, False)
    plan = whole if titles is None else only_rows(whole, titles)
    run_plan(plan, folder)
    return plan.rows


def read_scores(folder: Path) -> dict[str, float]:
    """Return the columns of one evaluation."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {key: metrics[key] if key == "n_rate" else metrics[key]["f1"] for key in COLUMNS}


def result_table(by_seed: dict[int, tuple[DemoRow, ...]]) -> str:
    """Return mean and standard deviation over the seeds, then every seed by itself."""
    lines = []
    for rows in zip(*by_seed.values(), strict=True):
        scores = dict(zip(by_seed, (read_scores(row.folder) for row in rows), strict=True))
        means = [mean_and_deviation([one[key] for one in scores.values()]) for key in COLUMNS]
        lines.append([f"**{rows[0].title}** (mean of {len(scores)})", *means])
        lines += [[f"{rows[0].title}, seed {seed}", *(percent(one[key]) for key in COLUMNS)] for seed, one in scores.items()]
    return table(("model", *COLUMNS.values()), lines)


def main() -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/bench"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--system", default="mcr", help="whose demo")
    parser.add_argument("--rows", nargs="+", help="titles of the rows to make; default: all")
    args = parser.parse_args()
    text = result_table({seed: run_demo(args.output_dir, args.system, seed, args.rows) for seed in args.seeds})
    write_whole(args.output_dir / "table.md", text + "\n")
    print(text)


if __name__ == "__main__":
    main()
