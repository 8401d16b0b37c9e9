"""Write the sandbox world to a folder: samples of each split with their rendered images.

mcr make-sandbox --output_dir runs/sandbox/data --train 6000 --dev 200 --test 400 --seed 0 [--task mner|vg]
        [--unseen 200] [--masks] [--fine_types] [--minor_names 0.75]

Beside the samples it writes `regions/{split}.jsonl` (proposals of a detector that is not exact), `objects/{split}.jsonl` (each
thing's look and exact box) and `knowledge.jsonl` (what each name is and looks like). `unseen.jsonl` has names
that no other split has.
"""

from pathlib import Path

from data_prep.sandbox.task_worlds import SPLITS, UNSEEN, Detail
from data_prep.sandbox.world import write_world
from mcr.errors import ConfigError, run_command
from mcr.runs.command_line import CommandParser
from mcr.tasks import GMNER, TASKS


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the world."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--train", type=int, default=6000, help="number of training samples")
    parser.add_argument("--dev", type=int, default=200, help="number of dev samples")
    parser.add_argument("--test", type=int, default=400, help="number of test samples; of vg, of testA and of testB each")
    parser.add_argument("--unseen", type=int, default=0, help="number of test samples with names that no other split has (gmner)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same world")
    parser.add_argument("--task", choices=sorted(SPLITS), default=GMNER.name, help="what is asked of the samples")
    parser.add_argument("--fine_types", action="store_true", help="FMNERG's fine types in place of the coarse ones (gmner)")
    parser.add_argument("--masks", action="store_true", help="exact masks of what is shown (gmner)")
    told = "share of the training split's names that are minor ones, which the base model has never seen, 0 to 1 (gmner)"
    parser.add_argument("--minor_names", type=float, default=0.0, help=told)
    args = parser.parse_args(argv)
    if not 0 <= args.minor_names <= 1:
        raise ConfigError(f"--minor_names: got {args.minor_names}, expected 0 to 1.")
    if args.task != GMNER.name and (args.unseen or args.masks or args.fine_types or args.minor_names):
        raise ConfigError(f"--unseen, --masks, --fine_types, --minor_names: {args.task} has none of these. Leave them out.")
    sizes = {"train": args.train, "dev": args.dev, **dict.fromkeys(SPLITS[args.task], args.test)}
    sizes |= {UNSEEN: args.unseen} if args.unseen else {}
    write_world(args.output_dir, sizes, args.seed, TASKS[args.task], Detail(args.fine_types, args.masks, args.minor_names))
    print(f"wrote {'/'.join(map(str, sizes.values()))} samples to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
