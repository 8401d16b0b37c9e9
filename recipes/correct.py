"""UnCo's second stage: a large model corrects what a small one is unsure of (Algorithm 1), for predictions of any system.

    mcr correct --predictions runs/small/predictions.jsonl --samples data/gmner/test.jsonl --image_root data/images/twitter \\
        --base_url http://localhost:8000/v1 --corrector Qwen/Qwen2.5-VL-7B-Instruct --family qwen2_5_vl --output_dir runs/unco
    mcr correct --config mcr/systems/unco/configs/twitter_gmner_correct.yaml [--mode direct] [--without cot] [--dry_run true]

Predictions need uncertainties: a number an entity, or one for each of span, type and region. Writes predictions.jsonl, which
mcr evaluate --predictions scores, corrections.jsonl and summary.json. Called again, it asks nothing twice.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcr.correction.changes import changes_of
from mcr.correction.correction_files import write_corrections
from mcr.correction.corrector_flags import CorrectorFlags, check_uncertain, read_thresholds, samples_by_id, tell_unknown_types
from mcr.correction.hierarchy import Corrected, correct, replace_uncertain
from mcr.errors import ConfigError, run_command
from mcr.io.atomic_write import whole_file, write_json
from mcr.io.predictions import Prediction, load_predictions, write_prediction
from mcr.io.samples import load_samples, read_gold
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import check_fingerprint, file_hash
from mcr.runs.run_folder import make_run_folder, write_run_record
from mcr.uncertainties import PARTS

GENERATION = "generation"


@dataclass
class CorrectArguments:
    """What is corrected."""

    predictions: str = field(metadata={"help": "predictions.jsonl with uncertainties"})
    samples: str = field(metadata={"help": "samples.jsonl that they are of; gold is not looked at"})
    output_dir: str = field(metadata={"help": "folder to write to"})
    gold: str = field(
        default="", metadata={"help": "samples.jsonl with gold, looked at after correction: how many changes are right"}
    )
    image_root: str = field(default=".", metadata={"help": "folder that the image paths start from"})
    mode: str = field(
        default="hierarchical",
        metadata={
            "help": "hierarchical: part by part; one_step: all parts at once; direct: whatever the uncertainty; generation: "
            "uncertain samples take the predictions of --generated"
        },
    )
    generated: str = field(default="", metadata={"help": "predictions.jsonl of the large model alone (UnCo Table 1)"})
    thresholds: list[str] = field(
        default_factory=list, metadata={"help": "in [0, 1], e.g. span=0.4 type=0.3 region=0.5, the paper's for GMNER (UnCo 3.4)"}
    )
    thresholds_file: str = field(
        default="", metadata={"help": "thresholds.json of mcr choose-thresholds, in place of thresholds"}
    )
    dry_run: bool = field(default=False, metadata={"help": "say how many questions there are, and ask none"})

    def __post_init__(self) -> None:
        if self.thresholds and self.thresholds_file:
            raise ConfigError("thresholds and thresholds_file exclude each other. Give one.")
        if self.gold and self.mode == GENERATION:
            raise ConfigError(f"gold: mode {GENERATION} replaces whole samples, so no part of an entity changes. Leave it out.")
        if bool(self.generated) != (self.mode == GENERATION):
            raise ConfigError(f"generated: it belongs to --mode {GENERATION}, which needs it. Got mode {self.mode}.")

    def chosen_thresholds(self) -> dict[str, float]:
        """Return the thresholds of the flags, of the file, or of the paper."""
        if self.thresholds_file:
            return json.loads(Path(self.thresholds_file).read_text(encoding="utf-8"))
        return read_thresholds(self.thresholds)


SETTINGS = (CorrectArguments, CorrectorFlags)


def ask_nothing(requests: Sequence[Any]) -> list[str]:
    """Return a refusal for each request, to count them."""
    return [""] * len(requests)


def summary_of(corrected: Corrected, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return how many parts there are, how many were asked about (UnCo Table 6) and what came of it."""
    num_entities = sum(len(one.entities) for one in predictions)
    asked = Counter(one.part for one in corrected.corrections)
    return {
        "num_entities": num_entities,
        "num_questions": corrected.num_questions,
        "asked": {part: asked[part] for part in PARTS},
        "asked_share": {part: asked[part] / num_entities if num_entities else 0.0 for part in PARTS},
        "statuses": dict(Counter(one.status for one in corrected.corrections)),
    }


def main(argv: list[str] | None = None) -> None:
    """Read, correct, write."""
    arguments, corrector = settings = parse_settings(SETTINGS, argv)
    out, image_root = Path(arguments.output_dir), Path(arguments.image_root)
    predictions = load_predictions(arguments.predictions)
    samples = samples_by_id(predictions, load_samples(Path(arguments.samples)))
    if arguments.mode != "direct":
        check_uncertain(predictions)
    mode = "hierarchical" if arguments.mode == GENERATION else arguments.mode
    options = corrector.options(arguments.chosen_thresholds(), mode)
    tell_unknown_types(predictions, options.labels)
    if arguments.dry_run:
        summary = summary_of(correct(predictions, samples, image_root, ask_nothing, options), predictions)
        print(f"{summary['num_questions']} questions about {summary['num_entities']} entities: {summary['asked']}")
        return
    make_run_folder(out)
    made_of = {"mode": arguments.mode, "thresholds": dict(options.thresholds), **corrector.made_of()}
    files = ("predictions", "samples", "generated")
    made_of |= {name: file_hash(path) for name in files if (path := getattr(arguments, name))}
    check_fingerprint(out / "correction.json", made_of, "corrections")
    if arguments.generated:
        corrected = replace_uncertain(predictions, load_predictions(arguments.generated), samples, options)
    else:
        corrected = correct(predictions, samples, image_root, corrector.model(out), options)
    with whole_file(out / "predictions.jsonl") as partial, partial.open("w", encoding="utf-8") as file:
        for prediction in corrected.predictions:
            write_prediction(file, prediction)
    write_corrections(out / "corrections.jsonl", corrected.corrections)
    summary = summary_of(corrected, predictions)
    if arguments.gold:
        gold = samples_by_id(predictions, read_gold(Path(arguments.gold)))
        summary["changes"] = changes_of(predictions, corrected.predictions, gold)
        print(f"changed, and made right or wrong: {json.dumps(summary['changes'])}")
    write_json(out / "summary.json", summary)
    write_run_record(out, "correct", settings, corrector.seed)
    print(f"{summary['num_questions']} questions about {summary['num_entities']} entities: {summary['statuses']}")
    print(f"-> {out / 'predictions.jsonl'}")


if __name__ == "__main__":
    run_command(main)
