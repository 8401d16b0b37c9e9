"""Regions of the images of samples, by a detector or from published files, and how many gold boxes they cover.

    mcr propose-regions --samples data/gmner/test.jsonl --image_root data/images/twitter --proposer vinvl --model data/vinvl \\
        --output data/gmner/regions/test.jsonl
    mcr propose-regions --samples S.jsonl --image_root I --proposer detector --model PekingU/rtdetr_r50vd --output R.jsonl

Prints the share of gold boxes that the K best regions cover at IoU 0.5 (RiVEG Table II). Called again, it continues after
the last line that was written.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mcr.errors import ConfigError, run_command
from mcr.io.samples import load_samples
from mcr.records import Sample
from mcr.regions.proposed import read_regions, region_line, regions_of
from mcr.regions.proposers import PROPOSERS, make_proposer
from mcr.regions.recall import recall_at
from mcr.report.markdown import percent, table
from mcr.runs.command_line import CommandParser
from mcr.runs.fingerprint import check_fingerprint, file_hash, images_hash, weights_hash
from mcr.runs.run_folder import cut_torn_line, open_for_append

TOPS = (1, 5, 10, 15, 20, 28)


def missing(samples: Sequence[Sample], path: Path) -> Sequence[Sample]:
    """Return the samples with an image that the output lacks.

    Raises:
        ConfigError: it holds the regions of other samples.
    """
    shown = [sample for sample in samples if sample.images and not sample.images[0].is_missing]
    done = list(read_regions(path)) if path.is_file() else []
    if done != [one.id for one in shown[: len(done)]]:
        raise ConfigError(f"--output: {path} holds the regions of other samples. Name another file or remove it.")
    return shown[len(done) :]


def made_of(args: Namespace, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what regions depend on: samples, images, and the weights or published files, not their names alone."""
    images = images_hash(args.image_root, [image.path for sample in samples for image in sample.images])
    published = images_hash(Path(args.model), [path.name for path in Path(args.model).glob("*.npz")]) if args.model else ""
    found = {"samples": file_hash(args.samples), "images": images, "proposer": args.proposer, "top_k": args.top_k}
    return found | {"model": args.model, "weights": weights_hash(args.model) if args.model else "", "published": published}


def main(argv: list[str] | None = None) -> None:
    """Read, propose, write, count."""
    parser = CommandParser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.jsonl, which names the images")
    parser.add_argument("--image_root", type=Path, required=True, help="folder that the image paths start from")
    parser.add_argument("--proposer", required=True, help=", ".join(PROPOSERS))
    parser.add_argument("--model", default="", help="of a detector: a folder or a name of the hub; of vinvl: the folder of .npz")
    parser.add_argument("--top_k", type=int, default=28, help="regions an image at most (UnCo B.1)")
    parser.add_argument("--output", type=Path, required=True, help="regions.jsonl to write")
    args = parser.parse_args(argv)
    samples = load_samples(args.samples)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    check_fingerprint(args.output.with_suffix(".made_of.json"), made_of(args, samples), "regions")
    cut_torn_line(args.output)
    wanted = missing(samples, args.output)
    if wanted:
        proposer = make_proposer(args.proposer, args.model, args.image_root, args.top_k)
        with open_for_append(args.output) as file:
            rows = zip(wanted, proposer.propose(wanted), strict=True)
            for sample, proposals in tqdm(rows, total=len(wanted), desc="propose", unit="image"):
                file.write(region_line(sample.id, proposals))
                file.flush()
    regions = read_regions(args.output)
    shares = recall_at(regions_of(samples, regions, args.top_k), [top for top in TOPS if top <= args.top_k])
    print(table(("regions an image", "gold boxes covered"), [(str(top), percent(share)) for top, share in shares.items()]))
    print(f"{len(regions)} images -> {args.output}")


if __name__ == "__main__":
    run_command(main)
