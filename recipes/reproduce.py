"""One command a table: the stages that make its rows, run or resumed, and the table beside the paper's figures.

    mcr reproduce mcr-3 [--on sandbox] [--seeds 0 1 2] [--jobs 2] [--rows mcr-mcr mcr-without-cvo] [--sizes test=100 grpo_steps=8]
    mcr reproduce mcr-1 --on twitter --data_root data [--dry_run]

Stages that rows and tables share run once: all tables of a platform work in one folder. Each finished row leaves a small file in
--results that can be committed and counts as done. Stopped and called again, it resumes. --dry_run checks the plan alone; for
twitter it runs the data preparation on a stub of the published data and checks every config for the declared hardware.
"""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcr.errors import ConfigError, McrError, closest, run_command
from mcr.io.atomic_write import write_whole
from mcr.results.jobs import (
    Job,
    change_sizes,
    check_inputs,
    check_jobs,
    choose_rows,
    collect_finished,
    make_jobs,
    places_of,
    plan_table,
    stages_of,
)
from mcr.results.row_results import cases_path
from mcr.results.table_text import estimate_row, write_orders, write_table
from mcr.results.views import write_view
from mcr.runs.command_line import CommandParser
from mcr.runs.run_folder import make_run_folder
from mcr.systems import systems
from mcr.systems.dry_run import needs_hardware, write_steps
from mcr.systems.running import StageRunner, run_command_line
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import PLATFORMS, Row, Table, TableRun

RECIPES = Path(__file__).resolve().parent
DEFAULT_SEEDS = {"sandbox": [0, 1, 2], "twitter": [0]}
STUB_SAMPLES = 8
GPU_MEMORY_GB = 48.0  # of an L20, MCR's hardware (E.4)


def tables() -> dict[str, Table]:
    """Return the tables of all systems by name."""
    return {name: table for system in systems().values() for name, table in system.tables.items()}


def read_arguments(argv: list[str] | None, known: Mapping[str, Table]) -> Namespace:
    """Return the checked command line.

    Args:
        argv: the words of the command line.
        known: the tables by name.

    Raises:
        ConfigError: an unknown table, or a number of jobs or resamples below 1.
    """
    parser = CommandParser(__doc__)
    parser.add_argument("table", help=", ".join(known))
    parser.add_argument("--on", choices=PLATFORMS, default="sandbox", help="the tiny world on a CPU, or the published run")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2 in the sandbox, 0 on twitter")
    parser.add_argument("--rows", nargs="+", help="these rows alone, by key or name")
    parser.add_argument("--sizes", nargs="+", default=[], metavar="NAME=NUMBER", help="change how much of everything")
    parser.add_argument("--jobs", type=int, default=1, help="stages at a time")
    parser.add_argument("--again", nargs="+", default=[], metavar="ROW", help="remove the results of these rows first")
    parser.add_argument("--dry_run", action="store_true", help="check the plan, train nothing")
    parser.add_argument("--data_root", type=Path, default=Path("data"), help="folder of the published datasets, for twitter")
    parser.add_argument("--work_dir", type=Path, default=Path("runs/reproduce"), help="folder of the runs")
    parser.add_argument("--results", type=Path, default=Path("docs/results"), help="folder of the rows' results and the tables")
    parser.add_argument("--num_resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--gpu_memory_gb", type=float, default=GPU_MEMORY_GB, help="of one GPU, for --dry_run on twitter")
    args = parser.parse_args(argv)
    if args.table not in known:
        raise ConfigError(f"table: got {args.table!r}{closest(args.table, known)}, expected one of {', '.join(known)}.")
    for name in ("jobs", "num_resamples"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name}: got {getattr(args, name)}, expected at least 1.")
    return args


def runner_of(args: Namespace, run: TableRun, stages: Sequence[Stage]) -> StageRunner:
    """Return what runs the stages; on a CPU they share the cores, unless the environment names their threads."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    share = int(named) if named.isdecimal() else max(1, (os.cpu_count() or 1) // args.jobs)
    is_on_cpu = run.platform == "sandbox" or any("/cpu_" in (stage.flag("--config") or "") for stage in stages)
    threads = share if is_on_cpu else None
    return StageRunner(run.work, RECIPES, run.work / "logs", threads, args.jobs, places_of(run))


def run_missing(args: Namespace, jobs: list[Job]) -> None:
    """Run the stages of the rows without a result, and write the results.

    Raises:
        ConfigError: the folder of the runs, or a result, was made with other settings.
        McrError: a stage failed; the rows that are finished have their results.
    """
    missing = [job for job in jobs if job.result() is None]
    if not missing:
        print("every row has its result: nothing to run", flush=True)
        return
    check_inputs(missing)
    run = missing[0].run
    make_run_folder(run.work)
    stages = stages_of(missing)
    runner = runner_of(args, run, stages)
    record = runner.finished(stages)
    print("\n".join([f"{len(missing)} of {len(jobs)} results to make:", *plan_table(missing, stages, record)]), flush=True)
    try:
        runner.run(stages, after=lambda finished: collect_finished(missing, finished))
    finally:
        collect_finished(missing, runner.finished(stages))


def write_outputs(args: Namespace, wanted: Table, rows: tuple[Row, ...], jobs: list[Job]) -> None:
    """Write the table and what is drawn beside it, and print the table."""
    by_row = {row.key: [job for job in jobs if job.row is row] for row in rows}
    results = {key: [result for job in found if (result := job.result()) is not None] for key, found in by_row.items()}
    estimates = {key: estimate_row(wanted.columns, found, num_resamples=args.num_resamples) for key, found in results.items()}
    sizes = ", ".join(f"{name} {size:g}" for name, size in jobs[0].run.sizes.items())
    seeds = ", ".join(str(job.run.seed) for job in by_row[rows[0].key])
    text = write_table(wanted, rows, estimates, note=f"Made on {args.on}, seeds {seeds}; {sizes}.")
    orders = write_orders(wanted, rows, results, num_resamples=args.num_resamples)
    text = f"{text}\n{orders}" if orders else text
    path = args.results / args.on / args.table
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path.with_suffix(".md"), text)
    firsts = {key: found[0] for key, found in by_row.items()}
    cases = {key: cases_path(job.path) for key, job in firsts.items()}
    compared = {key: job.plan.cases for key, job in firsts.items() if job.plan.cases is not None}
    drawn = write_view(wanted, rows, estimates, results, path, cases=cases, compared=compared)
    print("\n".join([text, f"-> {path.with_suffix('.md')}", *(f"-> {one}" for one in drawn)]))


def try_plan(args: Namespace, wanted: Table, rows: tuple[Row, ...], sizes: dict[str, float]) -> None:
    """Check a plan without its hardware: on twitter on a stub of the published data, whose preparation really runs.

    Raises:
        McrError: the plan, a config or a stage is wrong.
    """
    work, hardware = args.work_dir / f"{args.on}_dry_run", ()
    is_stub = args.on != "sandbox"
    run = TableRun(args.on, work, work / "stub", args.seeds[0], {**sizes, **(wanted.sizes.get("stub", {}) if is_stub else {})})
    stages = stages_of(make_jobs(rows, [run], args.results))
    make_run_folder(work)
    if is_stub:
        flags, hardware = ("--output_dir", run.data, "--num", STUB_SAMPLES), ("--gpu_memory_gb", args.gpu_memory_gb)
        stub = make_stage("stub", "a stub of the published data", "data_prep.sandbox.layouts", *flags, makes=[run.data])
        read = [stub, *(stage for stage in stages if not needs_hardware(stage))]
        runner_of(args, run, read).run(read)
    write_steps(work / f"{args.table}.json", stages)
    command = [sys.executable, "-m", "mcr.commands.check_plan", "--plan", work / f"{args.table}.json", *hardware]
    if run_command_line([str(word) for word in command]):
        raise McrError(f"dry run: {args.table} would fail on {args.on}. Correct what is listed above.")


def main(argv: list[str] | None = None, known: Mapping[str, Table] | None = None) -> None:
    """Plan, check, run or resume, and write the table.

    Args:
        argv: the words of the command line.
        known: tables by name; None: those of all systems.
    """
    known = known or tables()
    args = read_arguments(argv, known)
    wanted = known[args.table]
    args.seeds = list(dict.fromkeys(args.seeds or DEFAULT_SEEDS[args.on]))
    rows, sizes = choose_rows(wanted, args.on, args.rows), change_sizes(wanted.sizes[args.on], args.sizes)
    runs = [TableRun(args.on, args.work_dir / args.on, args.data_root, seed, sizes) for seed in args.seeds]
    jobs = make_jobs(rows, runs, args.results)
    check_jobs(jobs, inputs=[args.data_root])
    print(f"{wanted.title}: {len(rows)} rows, seeds {json.dumps(args.seeds)}, {len(stages_of(jobs))} stages", flush=True)
    if args.dry_run:
        print("\n".join(plan_table(jobs, stages_of(jobs), {})), flush=True)
        try_plan(args, wanted, rows, sizes)
        return
    again = choose_rows(wanted, args.on, args.again)
    for job in jobs:
        if job.row in again:
            job.remove()
    run_missing(args, jobs)
    write_outputs(args, wanted, rows, jobs)


if __name__ == "__main__":
    run_command(main)
