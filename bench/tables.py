"""A table of a system, made anew in the sandbox: mean and standard deviation of each row over several seeds.

    python bench/tables.py e2e_gmner ablation --output_dir runs/e2e [--seeds 0 1 2] [--jobs 2] [--set steps=400 noise=0.1]

The system's folder says what the rows are (mcr/systems/NAME). What all rows share runs first, then every row with every seed,
`--jobs` at a time. Stopped and called again, it resumes after the last finished stage.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_whole
from mcr.io.bounded_threads import map_bounded
from mcr.report.markdown import mean_and_deviation, table
from mcr.systems import system_named
from mcr.systems.stages import Table, TableRun, run_stages

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def change_sizes(sizes: dict[str, float], changes: Sequence[str]) -> dict[str, float]:
    """Return the sizes with changes of the form name=number.

    Raises:
        ConfigError: an unknown name, or a value that is no number.
    """
    changed = dict(sizes)
    for change in changes:
        name, _, value = change.partition("=")
        if name not in sizes:
            raise ConfigError(f"--set: got {change!r}, expected name=number with a name of {', '.join(sizes)}.")
        try:
            changed[name] = type(sizes[name])(value)
        except ValueError as error:
            raise ConfigError(f"--set: got {change!r}, expected a number like {sizes[name]}.") from error
    return changed


def folder_of(out: Path, row: str, seed: int) -> Path:
    """Return the folder of one row and seed."""
    return out / f"seed{seed}" / row.replace("/", "").replace(" ", "-")


def run_row(wanted: Table, out: Path, row: str, seed: int, sizes: dict[str, float], threads: int) -> None:
    """Run one row with one seed, its output in a log."""
    folder = folder_of(out, row, seed)
    folder.mkdir(parents=True, exist_ok=True)
    stages = wanted.rows[row](TableRun(out, folder, seed, sizes))
    run_stages(folder, stages, RECIPES, log=folder / "log.txt", threads=threads)


def result_table(wanted: Table, out: Path, seeds: Sequence[int]) -> str:
    """Return mean and standard deviation (n) over the seeds, one line a row."""
    lines = []
    for row in wanted.rows:
        paths = [folder_of(out, row, seed) / "eval" / "metrics.json" for seed in seeds]
        scored = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        cells = [[metrics[group][key] for metrics in scored] for group, key in wanted.columns.values()]
        lines.append([row, *(mean_and_deviation(cell) for cell in cells)])
    return table(("method", *wanted.columns), lines)


def main() -> None:
    """Run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", help="a folder of mcr/systems")
    parser.add_argument("table", help="one of its tables")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="change sizes of the table")
    args = parser.parse_args()
    tables = system_named(args.system).tables
    if args.table not in tables:
        raise ConfigError(f"table: got {args.table!r}, expected one of {', '.join(tables) or 'none'} of {args.system}.")
    wanted = tables[args.table]
    sizes = change_sizes(dict(wanted.sizes), args.set)
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    run_stages(
        args.output_dir, wanted.shared(args.output_dir, sizes), RECIPES, log=args.output_dir / "shared.log", threads=threads
    )
    plan = [(row, seed) for seed in args.seeds for row in wanted.rows]
    list(map_bounded(lambda job: run_row(wanted, args.output_dir, *job, sizes, threads), plan, num_threads=args.jobs))
    text = f"{wanted.title}\n\n{result_table(wanted, args.output_dir, args.seeds)}"
    write_whole(args.output_dir / "table.md", text + "\n")
    print(text)


if __name__ == "__main__":
    run_command(main)
