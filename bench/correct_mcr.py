"""UnCo's correctors on predictions of MCR in the sandbox: its model is unsure where answers that it draws disagree.

    OMP_NUM_THREADS=1 python bench/correct_mcr.py --seeds 201 202 --jobs 2

The flags are those of mcr reproduce. MCR has its own world and is trained as in its Table 3; thresholds come from its dev scenes.
The correctors are the sandbox's scripted LLM.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mcr.errors import run_command
from mcr.systems.datasets import GMNER, samples_folder
from mcr.systems.mcr import methods
from mcr.systems.mcr.sandbox_kit import SIZES as MCR_SIZES
from mcr.systems.mcr.sandbox_kit import SandboxKit
from mcr.systems.stages import Stage, make_stage
from mcr.systems.tables import Table, TableRun
from mcr.systems.unco.sandbox_runs import SIZES, Other
from mcr.systems.unco.tables import QUESTIONS, TASKS, UNSEEN, rows_on
from recipes import reproduce

NAME = "correct-mcr"
NUM_DRAWN = 8  # answers a sample


def kit_of(run: TableRun) -> SandboxKit:
    """Return MCR's kit of the same seed, with MCR's own sizes."""
    return SandboxKit(replace(run, sizes=MCR_SIZES))


def data_of(run: TableRun) -> Path:
    """Return the folder of MCR's GMNER world."""
    return samples_folder(kit_of(run).run, GMNER)


def predict(run: TableRun, split: str) -> tuple[Path, list[Stage]]:
    """Return the evaluation of MCR on a split, with uncertainties by agreement, and its stages."""
    kit = kit_of(run)
    model, data = methods.mcr(kit), data_of(run)
    out, gold, train = kit.out / "unsure" / split, data / f"{split}.jsonl", data / "train.jsonl"
    flags = ("--model_name_or_path", model.path, "--gold", gold, "--train_samples", train, "--image_root", kit.images())
    flags = (*flags, "--output_dir", out, "--uncertainty_samples", NUM_DRAWN, "--max_new_tokens", MCR_SIZES["max_tokens"])
    flags = (*flags, "--batch_size", 50, "--dtype", "float32", "--seed", run.seed)
    makes = [out / "metrics.json", out / "counts.json", out / "predictions-000.jsonl"]
    reads, title = [*model.reads(), gold, train, kit.images()], f"evaluation: MCR on {split}, nine answers a sample"
    stage = make_stage(run.name(f"mcr/unsure/{split}"), title, "evaluate", *flags, reads=reads, makes=makes)
    return out, [*model.stages, kit.world(GMNER), stage]


MCR = Other("mcr", data_of, predict)
TABLE = Table(
    "UnCo's correctors on MCR's predictions",
    (*TASKS, UNSEEN, QUESTIONS),
    {"sandbox": rows_on("MCR", "mcr", MCR)},
    {"sandbox": SIZES},
)


def main() -> None:
    """Make the table."""
    reproduce.main([NAME, *sys.argv[1:]], {NAME: TABLE})


if __name__ == "__main__":
    run_command(main)
