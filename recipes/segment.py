"""Masks for the predictions of any system: SMNER from GMNER by box prompts (RiVEG IV-C 2), without training.

    mcr segment --predictions runs/cvo/predictions.jsonl --gold data/smner/test.jsonl --image_root data/images \\
        --segmenter sam --model facebook/sam-vit-huge --output runs/cvo/with_masks.jsonl

Each box of an entity becomes a mask over the image. Score the output with mcr evaluate --predictions. Called again, it
continues after the last line that was written.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from mcr.errors import ConfigError, run_command
from mcr.io.predictions import Prediction, load_predictions, write_prediction
from mcr.io.samples import read_gold
from mcr.records import Entity, Sample
from mcr.runs.command_line import CommandParser
from mcr.runs.fingerprint import check_fingerprint, file_hash
from mcr.runs.run_folder import cut_torn_line, open_for_append
from mcr.segment.masked import with_masks
from mcr.segment.segmenters import Segmenter, make_segmenter


def missing(predictions: Sequence[Prediction], path: Path) -> Sequence[Prediction]:
    """Return the predictions that an output lacks.

    Raises:
        ConfigError: it holds other predictions.
    """
    done = [one.id for one in load_predictions(path)] if path.is_file() else []
    if done != [one.id for one in predictions[: len(done)]]:
        raise ConfigError(f"--output: {path} holds other predictions. Name another file or remove it.")
    return predictions[len(done) :]


def segment_all(
    predictions: Sequence[Prediction], samples: Mapping[str, Sample], image_root: Path, segmenter: Segmenter
) -> Iterator[Prediction]:
    """Yield predictions with masks, in order."""
    for prediction in tqdm(predictions, desc="segment", unit="sample"):
        yield with_masks(prediction, samples[prediction.id], image_root, segmenter)


def num_masks(entities: Sequence[Entity]) -> int:
    """Return how many masks entities have."""
    return sum(len(entity.masks or ()) for entity in entities)


def main(argv: list[str] | None = None) -> None:
    """Read, segment, write."""
    parser = CommandParser(__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.jsonl of any system")
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl that they are of, which names the images")
    parser.add_argument("--image_root", type=Path, required=True, help="folder that the image paths start from")
    parser.add_argument(
        "--segmenter", default="sam", help="sam, color for flat pictures such as the sandbox's, or box, the whole box"
    )
    parser.add_argument("--model", default="", help="of sam: a folder or a name of the hub")
    parser.add_argument("--output", type=Path, required=True, help="predictions.jsonl to write, with masks")
    args = parser.parse_args(argv)
    predictions, samples = load_predictions(args.predictions), {one.id: one for one in read_gold(args.gold)}
    strange = [one.id for one in predictions if one.id not in samples]
    if strange:
        raise ConfigError(
            f"--predictions: {len(strange)} are of no sample of {args.gold}, first {strange[0]!r}. Give their gold."
        )
    made_of = {"predictions": file_hash(args.predictions), "segmenter": args.segmenter, "model": args.model}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    check_fingerprint(args.output.with_suffix(".made_of.json"), made_of, "masks")
    cut_torn_line(args.output)
    wanted, num = missing(predictions, args.output), 0
    if wanted:
        segmenter = make_segmenter(args.segmenter, args.model)
        with open_for_append(args.output) as file:
            for prediction in segment_all(wanted, samples, args.image_root, segmenter):
                write_prediction(file, prediction)
                num += num_masks(prediction.entities)
    print(f"{num} masks for {len(wanted)} predictions ({len(predictions) - len(wanted)} were there) -> {args.output}")


if __name__ == "__main__":
    run_command(main)
