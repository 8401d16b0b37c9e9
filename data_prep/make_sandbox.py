"""Write the sandbox world to a folder: train, dev and test samples with their rendered images.

mcr make-sandbox --output_dir runs/sandbox/data --train 6000 --dev 200 --test 400 --seed 0
"""

from pathlib import Path

from tqdm import tqdm

from data_prep.sandbox.world import draw_scene, make_scene
from mcr.errors import run_command
from mcr.io.samples import write_samples
from mcr.runs.command_line import CommandParser


def make_sandbox(out: Path, sizes: dict[str, int], seed: int) -> None:
    """Write `{split}.jsonl` and `images/{split}/*.png` for each split."""
    for split, num_samples in sizes.items():
        (out / "images" / split).mkdir(parents=True, exist_ok=True)
        scenes = (make_scene(seed, split, index) for index in range(num_samples))
        samples = []
        for scene in tqdm(scenes, total=num_samples, desc=f"sandbox {split}", unit="sample"):
            draw_scene(scene).save(out / scene.sample.images[0].path, compress_level=1)
            samples.append(scene.sample)
        write_samples(out / f"{split}.jsonl", samples)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and write the world."""
    parser = CommandParser(__doc__)
    parser.add_argument("--output_dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--train", type=int, default=6000, help="number of training samples")
    parser.add_argument("--dev", type=int, default=200, help="number of dev samples")
    parser.add_argument("--test", type=int, default=400, help="number of test samples")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same world")
    args = parser.parse_args(argv)
    make_sandbox(args.output_dir, {"train": args.train, "dev": args.dev, "test": args.test}, args.seed)
    print(f"wrote {args.train}/{args.dev}/{args.test} samples to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
