"""UnCo's correctors on predictions of RiVEG, a system that they were not made for, in the sandbox.

    OMP_NUM_THREADS=1 python bench/correct_riveg.py --seeds 201 202 --jobs 2

The flags are those of mcr reproduce. Spans and types are as uncertain as RiVEG's tagger with dropout, regions as the verdicts of
its entailer. RiVEG has its own world; thresholds come from its dev scenes. The correctors are the sandbox's scripted LLM.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mcr.errors import run_command
from mcr.systems.riveg.sandbox_runs import SIZES as RIVEG_SIZES
from mcr.systems.riveg.sandbox_runs import SandboxRuns, Whole
from mcr.systems.stages import Stage
from mcr.systems.tables import Order, Table, TableRun
from mcr.systems.unco.sandbox_runs import SIZES, Other
from mcr.systems.unco.tables import QUESTIONS, TASKS, rows_on
from recipes import reproduce

NAME = "correct-riveg"


def riveg_runs(run: TableRun) -> SandboxRuns:
    """Return RiVEG's runs of the same seed, with RiVEG's own sizes."""
    return SandboxRuns(replace(run, sizes=RIVEG_SIZES))


def data_of(run: TableRun) -> Path:
    """Return the folder of RiVEG's world."""
    return riveg_runs(run).data


def predict(run: TableRun, split: str) -> tuple[Path, list[Stage]]:
    """Return the evaluation of RiVEG on a split, and its stages."""
    return riveg_runs(run).whole(Whole(), split)


RIVEG = Other("riveg", data_of, predict)
TABLE = Table(
    "UnCo's correctors on RiVEG's predictions",
    (*TASKS, QUESTIONS),
    {"sandbox": rows_on("RiVEG", "riveg", RIVEG)},
    {"sandbox": SIZES},
    orders=(Order("RiVEG", "RiVEG w/ UnCo", "GMNER F1"),),
)


def main() -> None:
    """Make the table."""
    reproduce.main([NAME, *sys.argv[1:]], {NAME: TABLE})


if __name__ == "__main__":
    run_command(main)
