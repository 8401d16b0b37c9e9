"""The whole method in the sandbox: the paper's Table 1 in small, from a base model to CVO, with every report.

    mcr demo [--output_dir runs/sandbox] [--seed 0] [--small] [--system e2e_gmner|riveg|unco|vkel]

Two stages run at a time, one thread each, forked from a process that has imported what they share. Called again, it resumes
after the last finished stage; a stage that was stopped resumes from its own last checkpoint or row.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_whole
from mcr.report.markdown import percent, table
from mcr.runs.command_line import CommandParser
from mcr.systems import system_named
from mcr.systems.running import StageRunner
from mcr.systems.stages import DemoRow, Plan
from mcr.systems.starting import start_forked

RECIPES = Path(__file__).resolve().parent
MEASURES = ("GMNER F1", "MNER F1", "EEG F1", "N-Rate", "N-F1")


def score_cell(metrics: Mapping[str, Any], measure: str) -> str:
    """Return a measure with its interval of 95 percent, in per cent; without one where it is not defined."""
    found = metrics["intervals"].get(measure)
    if found is None:
        return "-"
    return f"{percent(found['value'])} ({100 * found['low']:.0f} to {100 * found['high']:.0f})"


def result_table(rows: Sequence[DemoRow], minutes: Mapping[str, float]) -> str:
    """Return the table of the demo: one line a model, scores in per cent with their intervals."""
    lines = []
    for row in rows:
        metrics = json.loads((row.folder / "metrics.json").read_text(encoding="utf-8"))
        spent = sum(minutes.get(stage, 0.0) for stage in row.timed)
        lines.append([row.title, *(score_cell(metrics, measure) for measure in MEASURES), f"{spent:.1f}"])
    return table(("model", *MEASURES, "minutes"), lines)


def run_plan(plan: Plan, out: Path) -> dict[str, float]:
    """Run the stages of a demo in a folder and return the minutes of each that ever ran there."""
    jobs = min(2, os.cpu_count() or 1)
    runner = StageRunner(out, RECIPES, out / "logs", threads=1, jobs=jobs, begin=start_forked)
    return runner.run(plan.stages, plan.expected)


def main(argv: list[str] | None = None) -> None:
    """Run the demo and print its table."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/sandbox"))
    parser.add_argument("--seed", type=int, default=0, help="of the world and of the training")
    parser.add_argument("--small", action="store_true", help="a reduced run of some four minutes that still shows learning")
    parser.add_argument("--system", default="mcr", help="whose demo, of mcr/systems")
    args = parser.parse_args(argv)
    make_plan = system_named(args.system).demo
    if make_plan is None:
        raise ConfigError(f"--system: {args.system} has no demo. Choose another one.")
    plan = make_plan(args.output_dir, args.seed, args.small)
    minutes = run_plan(plan, args.output_dir)
    text = "\n\n".join([result_table(plan.rows, minutes), *([plan.notes()] if plan.notes else [])])
    write_whole(args.output_dir / "table.md", text + "\n")
    reports = [str(row.folder / "report.html") for row in plan.rows]
    print("\n".join(["", text, "", "reports with every sample:", *(f"  {path}" for path in reports)]))
    page = args.output_dir / "run.html"
    if page.is_file():
        print(f"the run's page: {page}")


if __name__ == "__main__":
    run_command(main)
