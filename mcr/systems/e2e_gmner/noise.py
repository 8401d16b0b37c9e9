"""A samples file with noisy gold boxes and gaps in its knowledge, for the sandbox. Both are ours, not the paper's.

python -m mcr.systems.e2e_gmner.noise --samples data/train.jsonl --output_dir noisy --noise 0.1 --known 0.5 --seed 0
"""

from dataclasses import replace
from pathlib import Path
from random import Random

from mcr.errors import ConfigError, run_command
from mcr.io.samples import iter_samples, write_samples
from mcr.records import Box, Entity, Sample
from mcr.runs.command_line import CommandParser

MIN_SIDE_PX = 4.0


def jitter(box: Box, width: int, height: int, noise: float, rng: Random) -> Box:
    """Return a box whose sides are off by N(0, noise) of its width and height, inside the image and at least 4 pixels wide."""
    x1, y1, x2, y2 = (
        value + rng.gauss(0, noise) * size for value, size in zip(box, (box[2] - box[0], box[3] - box[1]) * 2, strict=True)
    )
    x1, y1 = min(max(x1, 0.0), width - MIN_SIDE_PX), min(max(y1, 0.0), height - MIN_SIDE_PX)
    return x1, y1, max(x1 + MIN_SIDE_PX, min(x2, float(width))), max(y1 + MIN_SIDE_PX, min(y2, float(height)))


def with_noise(sample: Sample, noise: float, seed: int) -> Sample:
    """Return a sample with noisy boxes; regions with the same box move along. Noise 0 changes nothing."""
    image = sample.images[0] if sample.images else None
    if not noise or image is None or image.width is None or image.height is None:
        return sample
    rng = Random(f"{seed}/{sample.id}/noise")
    moved: dict[Box, Box] = {}
    for entity in sample.entities:
        for box in entity.boxes or ():
            moved.setdefault(box, jitter(box, image.width, image.height, noise, rng))
    entities = tuple(
        Entity(e.text, e.type, None if e.boxes is None else tuple(moved[b] for b in e.boxes)) for e in sample.entities
    )
    regions = tuple(replace(region, box_px=moved.get(region.box_px, region.box_px)) for region in sample.regions)
    return replace(sample, entities=entities, regions=regions)


def with_gaps(sample: Sample, known: float, seed: int) -> Sample:
    """Return a sample whose names' looks are known to a share of `known`: a teacher that knows less. 1 changes nothing.

    Which names a teacher knows depends on the seed and the name alone, so that it never knows a name in one sample and not in
    another.
    """
    return replace(
        sample, knowledge=tuple(pair for pair in sample.knowledge if Random(f"{seed}/{pair[0]}/known").random() < known)
    )


def main(argv: list[str] | None = None) -> None:
    """Write the samples.

    Raises:
        ConfigError: they would be written over those that are read.
    """
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder that samples.jsonl is written to")
    parser.add_argument("--noise", type=float, default=0.0, help="of boxes, as a share of width and height")
    parser.add_argument("--known", type=float, default=1.0, help="share of the names whose looks are known")
    parser.add_argument("--seed", type=int, default=0, help="of the noise and of the gaps")
    args = parser.parse_args(argv)
    path = args.output_dir / "samples.jsonl"
    if path.resolve() == args.samples.resolve():
        raise ConfigError(f"--output_dir: {path} is what --samples names. Name another folder.")
    args.output_dir.mkdir(parents=True, exist_ok=True)
    noisy = (with_noise(sample, args.noise, args.seed) for sample in iter_samples(args.samples))
    write_samples(path, (with_gaps(sample, args.known, args.seed) for sample in noisy))


if __name__ == "__main__":
    run_command(main)
