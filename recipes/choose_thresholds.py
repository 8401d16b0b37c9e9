"""UnCo's thresholds, chosen on dev: by a grid with the corrector (Fig. 4), or so that a rate of errors is kept (conformal).

    mcr choose-thresholds --predictions runs/small_dev/predictions.jsonl --samples data/gmner/dev.jsonl \\
        --evaluated data/gmner/test.jsonl --image_root data/images/twitter --base_url http://localhost:8000/v1 \\
        --corrector Qwen/Qwen2.5-VL-7B-Instruct --family qwen2_5_vl --output_dir runs/thresholds
    mcr choose-thresholds ... --rate 0.05    # asks no model

Writes thresholds.json and, with the grid, grid.json. Samples that are evaluated are refused.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from mcr.correction.corrector_flags import CorrectorFlags, check_uncertain, read_thresholds, samples_by_id, tell_unknown_types
from mcr.correction.hierarchy import Corrected, CorrectionOptions, correct
from mcr.correction.thresholds import GridPoint, best_thresholds, conformal_thresholds, not_evaluated, search_grid
from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import write_json
from mcr.io.predictions import join_gold, load_predictions
from mcr.io.samples import load_samples, read_gold
from mcr.report.markdown import percent, table
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import check_fingerprint, file_hash
from mcr.runs.run_folder import make_run_folder, write_run_record


@dataclass
class ThresholdArguments:
    """What thresholds are chosen on."""

    predictions: str = field(metadata={"help": "predictions.jsonl of dev samples, with uncertainties"})
    samples: str = field(metadata={"help": "samples.jsonl of dev, with gold"})
    evaluated: str = field(metadata={"help": "samples.jsonl that will be evaluated: none of them may be among the dev samples"})
    output_dir: str = field(metadata={"help": "folder to write to"})
    image_root: str = field(default=".", metadata={"help": "folder that the image paths start from"})
    rate: float = field(
        default=0.0, metadata={"help": "choose by this share of predictions that are kept and wrong, in place of the grid"}
    )

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ConfigError(f"rate: got {self.rate}, expected a share in [0, 1). Correct it.")


SETTINGS = (ThresholdArguments, CorrectorFlags)


def write_grid(points: list[GridPoint], out: Path) -> str:
    """Write the grid, and return it as a table."""
    write_json(out / "grid.json", [asdict(point) for point in points])
    rows = [(one.part, f"{one.threshold:g}", str(one.num_questions), percent(one.score)) for one in points]
    return table(("part", "threshold", "questions", "F1 on dev"), rows)


def main(argv: list[str] | None = None) -> None:
    """Read, choose, write."""
    arguments, corrector = settings = parse_settings(SETTINGS, argv)
    out = Path(arguments.output_dir)
    dev, predictions = load_samples(Path(arguments.samples)), load_predictions(arguments.predictions)
    samples_by_id(predictions, dev)
    kept = not_evaluated(dev, read_gold(Path(arguments.evaluated)))
    print(f"{len(kept)} of {len(dev)} dev samples are used; the others have a sentence that is evaluated")
    dev, samples = kept, {one.id: one for one in kept}
    predictions = [one for one in predictions if one.id in samples]
    check_uncertain(predictions)
    make_run_folder(out)
    if arguments.rate:
        rows, _ = join_gold(dev, predictions)
        chosen = dict(conformal_thresholds(rows, arguments.rate))
    else:
        made_of = {
            name: file_hash(getattr(arguments, name)) for name in ("predictions", "samples", "evaluated")
        } | corrector.made_of()
        check_fingerprint(out / "thresholds_of.json", made_of, "thresholds")
        model, image_root = corrector.model(out), Path(arguments.image_root)

        def run(options: CorrectionOptions) -> Corrected:
            return correct(predictions, samples, image_root, model, options)

        options = corrector.options(read_thresholds([]), "hierarchical")
        tell_unknown_types(predictions, options.labels)
        points = search_grid(dev, run, options)
        chosen = best_thresholds(points)
        print(write_grid(points, out))
    write_json(out / "thresholds.json", chosen)
    write_run_record(out, "choose_thresholds", settings, corrector.seed)
    print(f"thresholds: {' '.join(f'{part}={value:g}' for part, value in chosen.items())} -> {out / 'thresholds.json'}")


if __name__ == "__main__":
    run_command(main)
