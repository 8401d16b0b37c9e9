"""Evaluation: predictions of a model or of any system against gold; metrics.json, report.md, pictures.

    accelerate launch recipes/evaluate.py --config recipes/configs/sandbox_evaluate.yaml [--model_name_or_path runs/... ]
    python recipes/evaluate.py --gold G.jsonl --predictions P.jsonl --out DIR

With a model, predictions are appended row by row; called again, only what is missing is generated.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from accelerate import PartialState
from PIL import Image
from tqdm import tqdm

from mcr.config import parse_settings
from mcr.errors import ConfigError, run_command
from mcr.families import FrameSettings
from mcr.metrics import Scored, evaluate
from mcr.predictions import (
    Prediction,
    join_gold,
    prediction_from_dict,
    read_predictions,
    write_prediction,
)
from mcr.prompts import PromptSettings
from mcr.records import Sample
from mcr.report.bootstrap import estimate
from mcr.report.markdown import write_report
from mcr.report.pictures import draw_sample, draw_scores, tile
from mcr.rollouts import Sampler, SamplingSettings
from mcr.rollouts.predict import predict_samples
from mcr.run_folder import open_for_append, write_json, write_run_record
from mcr.samples import iter_json_lines, read_samples
from mcr.score import one_line
from mcr.training_sets import check_images, open_image

NUM_DRAWN = 12


@dataclass
class EvaluateArguments:
    """What to score: `model_name_or_path` generates predictions, `predictions` scores a file."""

    gold: str = field(metadata={"help": "samples.jsonl with gold entities"})
    out: str = field(metadata={"help": "folder for metrics.json, report.md, pictures and predictions"})
    predictions: str | None = field(default=None, metadata={"help": "predictions.jsonl of any system"})
    model_name_or_path: str | None = field(default=None, metadata={"help": "a model saved by sft or grpo"})
    image_root: str | None = field(default=None, metadata={"help": "folder that the image paths start from"})
    max_completion_length: int = field(default=512, metadata={"help": "tokens a completion"})
    temperature: float = field(default=0.0, metadata={"help": "0 is greedy"})
    batch_size: int = field(default=64, metadata={"help": "completions generated at once"})
    use_vllm: bool = field(default=False, metadata={"help": "generate through vLLM"})
    dtype: str = field(default="auto", metadata={"help": "of the model's weights"})
    seed: int = field(default=0, metadata={"help": "of sampling and of the bootstrap"})
    num_resamples: int = field(default=10_000, metadata={"help": "of the samples, for the 95 % intervals"})

    def __post_init__(self) -> None:
        if (self.predictions is None) == (self.model_name_or_path is None):
            raise ConfigError("evaluate: give either --predictions or --model_name_or_path.")
        if self.model_name_or_path is not None and self.image_root is None:
            raise ConfigError("evaluate: a model needs --image_root, the folder that the image paths start from.")


def make_sampler(arguments: EvaluateArguments, frame: FrameSettings) -> Sampler:
    """Return the sampler that the settings name."""
    from mcr.models.load import check_frame, load_model, load_processor
    from mcr.rollouts.transformers_sampler import TransformersSampler
    from mcr.rollouts.vllm_sampler import VllmSampler

    processor = load_processor(arguments.model_name_or_path)
    check_frame(frame, processor)
    if arguments.use_vllm:
        return VllmSampler(arguments.model_name_or_path, processor, dtype=arguments.dtype)
    model = load_model(arguments.model_name_or_path, dtype=arguments.dtype).to(PartialState().device)
    return TransformersSampler(model, processor, batch_size=arguments.batch_size)


def generate_predictions(samples: list[Sample], arguments: EvaluateArguments, out: Path) -> list[Prediction]:
    """Generate what is missing, each process its share, and return all predictions."""
    state = PartialState()
    image_root = Path(arguments.image_root)
    check_images(image_root, [image.path for sample in samples for image in sample.images])
    settings = SamplingSettings(
        num_generations=1, temperature=arguments.temperature, max_new_tokens=arguments.max_completion_length, seed=arguments.seed
    )
    fingerprint = {
        "model": arguments.model_name_or_path,
        "gold": arguments.gold,
        "temperature": arguments.temperature,
        "max_completion_length": arguments.max_completion_length,
        "seed": arguments.seed,
    }
    if state.is_main_process:
        _check_fingerprint(out / "generation.json", fingerprint)
    state.wait_for_everyone()
    done = _read_parts(out)
    missing = [sample for sample in samples[state.process_index :: state.num_processes] if sample.id not in done]
    if missing:
        prompt_settings = PromptSettings.load(Path(arguments.model_name_or_path))
        sampler = make_sampler(arguments, prompt_settings.frame)
        with open_for_append(out / f"predictions-{state.process_index:03d}.jsonl") as file:
            for start in tqdm(range(0, len(missing), arguments.batch_size), desc="evaluate: generating", unit="batch"):
                batch = missing[start : start + arguments.batch_size]
                for prediction in predict_samples(batch, sampler, settings, prompt_settings, image_root):
                    write_prediction(file, prediction)
    state.wait_for_everyone()
    done = _read_parts(out)
    return [done[sample.id] for sample in samples]


def _check_fingerprint(path: Path, fingerprint: dict[str, Any]) -> None:
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != fingerprint:
        raise ConfigError(f"evaluate: {path.parent} holds predictions made with other settings. Choose another --out.")
    write_json(path, fingerprint)


def _read_parts(out: Path) -> dict[str, Prediction]:
    """Return the predictions of all processes by id; torn lines are left out and generated again."""
    done: dict[str, Prediction] = {}
    for path in sorted(out.glob("predictions-*.jsonl")):
        for _, row in iter_json_lines(path):
            if isinstance(row, dict) and "problems" in row:
                prediction = prediction_from_dict(row)
                done[prediction.id] = prediction
    return done


def draw_samples(path: Path, samples: list[Sample], rows: list[Scored], image_root: Path | None) -> None:
    """Draw the first samples that have an image; a blank of the right size stands in for a missing one."""
    panels = []
    for sample, row in zip(samples, rows, strict=True):
        if len(panels) == NUM_DRAWN or not sample.images or sample.images[0].width is None:
            continue
        image = sample.images[0]
        is_there = image_root is not None and (image_root / image.path).is_file()
        picture = open_image(image_root, image.path) if is_there else Image.new("RGB", (image.width, image.height), "#dddddd")
        panels.append(draw_sample(picture, row.gold, row.pred))
    (tile(panels) if panels else Image.new("RGB", (8, 8), "white")).save(path)


def main(argv: list[str] | None = None) -> None:
    """Read gold, get predictions, score, write."""
    (arguments,) = parse_settings((EvaluateArguments,), argv)
    out = Path(arguments.out)
    samples = read_samples(Path(arguments.gold))
    if arguments.predictions is not None:
        predictions = read_predictions(Path(arguments.predictions))
    else:
        predictions = generate_predictions(samples, arguments, out)
    if not PartialState().is_main_process:
        return
    out.mkdir(parents=True, exist_ok=True)
    rows, report = join_gold(samples, predictions)
    metrics = evaluate(rows)
    intervals = estimate(rows, num_resamples=arguments.num_resamples, seed=arguments.seed)
    metrics["intervals"] = {name: asdict(one) for name, one in intervals.items()}
    metrics["num_unreadable"] = report.num_unreadable
    metrics["num_with_problems"] = report.num_with_problems
    metrics["num_missing"] = report.num_missing
    write_json(out / "metrics.json", metrics)
    title = f"Evaluation of {arguments.predictions or arguments.model_name_or_path}"
    (out / "report.md").write_text(write_report(metrics, rows, report, title), encoding="utf-8")
    draw_scores(out / "scores.png", metrics)
    draw_samples(out / "samples.png", samples, rows, Path(arguments.image_root) if arguments.image_root else None)
    write_run_record(out, "evaluate", (arguments,), arguments.seed)
    print(f"{one_line(metrics)}  -> {out / 'report.md'}")


if __name__ == "__main__":
    run_command(main)
