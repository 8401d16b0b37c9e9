"""Write the sandbox world to a folder: train, dev and test samples with their rendered images.

mcr make-sandbox --output_dir runs/sandbox/data --train 6000 --dev 200 --test 400 --seed 0 [--task mner|vg]
"""

from pathlib import Path

from tqdm import tqdm

from data_prep.sandbox.task_worlds import SPLITS, scenes_of
from data_prep.sandbox.world import draw_scene
from mcr.errors import run_command
from mcr.io.samples import write_samples
from mcr.runs.command_line import CommandParser
from mcr.tasks import GMNER, TASKS, Task


def make_sandbox(out: Path, sizes: dict[str, int], seed: int, task: Task = GMNER) -> None:
    """Write `{split}.jsonl` and `images/*/*.png` for each split."""
    for split, num_samples in sizes.items():
        samples = []
        for scene in tqdm(scenes_of(task, seed, split, num_samples), total=num_samples, desc=f"sandbox {split}", unit="sample"):
            path = out / scene.sample.images[0].path
            path.parent.mkdir(parents=True, exist_ok=True)
            draw_scene(scene).save(path, compress_level=1)
            samples.append(scene.sample)
        write_samples(out / f"{split}.jsonl", samples)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the world."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--train", type=int, default=6000, help="number of training samples")
    parser.add_argument("--dev", type=int, default=200, help="number of dev samples")
    parser.add_argument("--test", type=int, default=400, help="number of test samples; of vg, of testA and of testB each")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same world")
    parser.add_argument("--task", choices=sorted(SPLITS), default=GMNER.name, help="what is asked of the samples")
    args = parser.parse_args(argv)
    sizes = {"train": args.train, "dev": args.dev, **dict.fromkeys(SPLITS[args.task], args.test)}
    make_sandbox(args.output_dir, sizes, args.seed, TASKS[args.task])
    print(f"wrote {'/'.join(map(str, sizes.values()))} samples to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
