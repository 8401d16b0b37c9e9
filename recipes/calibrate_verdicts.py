"""Makes the verdicts of an entailer probabilities: Platt scaling and a threshold, both from dev.

    mcr evaluate --system riveg --riveg_entailer vlm --riveg_entailer_model MODEL --gold ve/dev.jsonl --output_dir runs/ve_dev ...
    mcr calibrate-verdicts --gold ve/dev.jsonl --predictions runs/ve_dev/predictions.jsonl --output calibration.json

The verdicts must have been made without a calibration. mcr evaluate --system riveg takes the file as --riveg_calibration.
"""

from pathlib import Path

from mcr.errors import DataError, run_command
from mcr.grounding.calibration import UNCALIBRATED, Calibration, calibration_error, fit_calibration, log_odds_of
from mcr.io.predictions import Prediction, load_predictions
from mcr.io.samples import load_samples
from mcr.records import Sample
from mcr.report.markdown import percent, table
from mcr.runs.command_line import CommandParser
from mcr.tasks import VE


def paired(samples: list[Sample], predictions: list[Prediction]) -> tuple[list[float], list[bool]]:
    """Return the log odds and gold of each phrase.

    Raises:
        DataError: a sample is of another task, or has no verdict with a probability.
    """
    found = {prediction.id: prediction for prediction in predictions if prediction.uncertainties}
    others = [sample.id for sample in samples if sample.task != VE]
    lacking = [sample.id for sample in samples if sample.id not in found]
    if others:
        raise DataError(
            f"--gold: {len(others)} samples are of another task than ve, {others[0]!r} first. Give mcr build-phrases's."
        )
    if lacking:
        raise DataError(
            f"--predictions: {len(lacking)} phrases have no verdict with a probability, {lacking[0]!r} first. Make them with "
            "mcr evaluate --system riveg."
        )
    return [log_odds_of(found[sample.id]) for sample in samples], [bool(sample.entities[0].boxes) for sample in samples]


def row_of(name: str, calibration: Calibration, log_odds: list[float], is_shown: list[bool]) -> tuple[str, ...]:
    """Return the accuracy and the calibration error of a calibration."""
    chances = [calibration.probability(one) for one in log_odds]
    right = sum((chance >= calibration.threshold) == shown for chance, shown in zip(chances, is_shown, strict=True))
    return name, percent(right / len(chances)), percent(calibration_error(chances, is_shown))


def main(argv: list[str] | None = None) -> None:
    """Read, fit, write, and show what it changes."""
    parser = CommandParser(__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="samples.jsonl of dev's phrases, of task ve")
    parser.add_argument("--predictions", type=Path, required=True, help="their verdicts, predictions.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="calibration.json to write")
    args = parser.parse_args(argv)
    log_odds, is_shown = paired(load_samples(args.gold), load_predictions(args.predictions))
    fitted = fit_calibration(log_odds, is_shown)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    fitted.save(args.output)
    rows = [row_of(name, one, log_odds, is_shown) for name, one in (("before", UNCALIBRATED), ("after", fitted))]
    print(table(("on dev", "verdict accuracy", "calibration error"), rows))
    print(f"slope {fitted.slope:.4f}, intercept {fitted.intercept:.4f}, threshold {fitted.threshold:.4f} -> {args.output}")


if __name__ == "__main__":
    run_command(main)
