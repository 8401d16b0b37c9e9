"""What each reward is good for: CVO with all five, with each left out, and with the stricter normalization, in the sandbox.

    OMP_NUM_THREADS=1 python bench/rewards_matter.py --seeds 201 202 --jobs 2

The flags are those of mcr reproduce. All rows start from the MRSI model of MCR's tables and train on the same unfiltered prompts,
so that they differ in the rewards alone. A reward that is left out has weight 0; the other weights stay as they are.
"""

import sys
from dataclasses import dataclass

from mcr.errors import run_command
from mcr.metrics.scores import N_RATE, f1_of
from mcr.systems.mcr.methods import mrsi, multi_style
from mcr.systems.mcr.sandbox_kit import SIZES, SandboxKit
from mcr.systems.tables import Column, Order, Row, RowPlan, Table, TableRun
from recipes import reproduce
from rewards.parts import PARTS

NAME = "rewards-matter"
ALL = "all five rewards"
COLUMNS = (
    *(Column(f"{name} F1", "gmner", f1_of(name.lower())) for name in ("GMNER", "MNER", "EEG")),
    Column("N-Rate", "gmner", N_RATE),
    Column("N-F1", "gmner", f1_of("no_target")),
)


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A way to reward CVO.

    Attributes:
        key: of its row and its folders.
        title: of its row.
        flags: of recipes/grpo.py.
    """

    key: str
    title: str
    flags: tuple[object, ...] = ()

    def plan(self, run: TableRun) -> RowPlan:
        """Return how the row is made."""
        kit = SandboxKit(run)
        model = kit.cvo(self.key, mrsi(kit), multi_style(kit), *self.flags, is_filtered=False)
        done = kit.evaluate(self.key, model, "gmner")
        return RowPlan(done.stages, done.folders, curves=model.run)


WITHOUT = tuple(Rewarded(f"rewards_without_{part}", f"w/o {part}", (f"--{part}_weight", 0)) for part in PARTS)
STRICTER = Rewarded("rewards_larger_count", "divided by the larger count", ("--normalization", "larger_count"))
ROWS = tuple(
    Row(f"mcr-{one.key.replace('_', '-')}", one.title, one.plan) for one in (Rewarded("rewards_all", ALL), *WITHOUT, STRICTER)
)
TABLE = Table(
    "CVO with each reward left out",
    COLUMNS,
    {"sandbox": ROWS},
    {"sandbox": SIZES},
    orders=tuple(Order(one.title, ALL, "GMNER F1") for one in WITHOUT),
)


def main() -> None:
    """Make the table."""
    reproduce.main([NAME, *sys.argv[1:]], {NAME: TABLE})


if __name__ == "__main__":
    run_command(main)
