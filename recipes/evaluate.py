"""Evaluation: predictions of a model or of any system against gold; metrics.json, report.html, report.md, figures.

    accelerate launch recipes/evaluate.py --config recipes/configs/sandbox_evaluate.yaml [--model_name_or_path runs/... ]
    python recipes/evaluate.py --gold G.jsonl --predictions P.jsonl --out DIR [--image_root IMAGES]
    python recipes/evaluate.py --gold G.jsonl --out DIR --image_root IMAGES --base_url http://localhost:8000/v1 \
        --model_name_or_path Qwen/Qwen2.5-VL-7B-Instruct --family qwen2_5_vl --prompting cot

With a model, predictions are appended row by row; called again, only what is missing is generated.
"""

from dataclasses import dataclass, field
from pathlib import Path

from accelerate import PartialState

from data_prep.schemas.build import SchemaOptions, make_schema
from mcr.endpoint.client import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.errors import ConfigError, run_command
from mcr.families import frame_settings
from mcr.io.images import check_images
from mcr.io.predictions import Prediction, load_predictions
from mcr.io.samples import load_samples, read_gold
from mcr.labels import TWITTER_GMNER, load_labels
from mcr.metrics.conventions import Conventions
from mcr.prompts.baselines import STYLES, Demonstration, Prompter, PromptingBaseline, draw_demonstrations
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample, collapse_space
from mcr.report.evaluation import Evaluation, evaluate_system
from mcr.report.summary import one_line, warnings_of
from mcr.report.write import write_evaluation
from mcr.rollouts import Sampler, SamplingSettings
from mcr.rollouts.endpoint_sampler import EndpointSampler
from mcr.rollouts.resumable import predict_missing, weights_hash
from mcr.runs.config import parse_settings
from mcr.runs.processes import engine_of_one_process, join_processes
from mcr.runs.run_folder import make_run_folder, write_run_record
from rewards.score import score_entities, unreadable

TRAINED = "trained"


@dataclass
class EvaluateArguments:
    """What to score: `model_name_or_path` generates predictions, `predictions` scores a file."""

    gold: str = field(metadata={"help": "samples.jsonl with gold entities"})
    out: str = field(metadata={"help": "folder for metrics.json, report.html, report.md, figures and predictions"})
    predictions: str | None = field(default=None, metadata={"help": "predictions.jsonl of any system"})
    model_name_or_path: str | None = field(default=None, metadata={"help": "a saved model, or what the endpoint calls it"})
    image_root: str | None = field(default=None, metadata={"help": "folder that the image paths start from"})
    train_samples: str | None = field(
        default=None, metadata={"help": "samples.jsonl trained on: scores seen and unseen entities apart; demonstrations"}
    )
    name: str | None = field(default=None, metadata={"help": "of the system, in the report"})
    seed: int = field(default=0, metadata={"help": "of sampling, of demonstrations and of the bootstrap"})
    num_resamples: int = field(default=10_000, metadata={"help": "of the samples, for the 95 % intervals"})
    max_image_mb: float = field(default=40.0, metadata={"help": "bound on the images embedded in report.html"})

    def __post_init__(self) -> None:
        if (self.predictions is None) == (self.model_name_or_path is None):
            raise ConfigError("evaluate: give either --predictions or --model_name_or_path.")
        if self.model_name_or_path is not None and self.image_root is None:
            raise ConfigError("evaluate: a model needs --image_root, the folder that the image paths start from.")
        if self.num_resamples < 1:
            raise ConfigError(f"num_resamples: got {self.num_resamples}, expected at least 1.")


@dataclass
class GenerationArguments:
    """How a model is asked."""

    prompting: str = field(
        default=TRAINED, metadata={"help": f"{TRAINED} (the prompt saved with the model), {', '.join(STYLES)}"}
    )
    num_demonstrations: int = field(default=3, metadata={"help": "of train_samples, for cot_demonstrations"})
    family: str | None = field(default=None, metadata={"help": "whose frame boxes are in, unless prompting is trained"})
    labels: str = field(
        default=TWITTER_GMNER.name, metadata={"help": "label set, unless prompting is trained: a name, a YAML file, or A,B,C"}
    )
    max_completion_length: int = field(default=512, metadata={"help": "tokens a completion"})
    temperature: float = field(default=0.0, metadata={"help": "0 is greedy"})
    batch_size: int = field(default=64, metadata={"help": "completions generated before rows are written"})
    use_vllm: bool = field(default=False, metadata={"help": "generate through vLLM"})
    dtype: str = field(default="auto", metadata={"help": "of the model's weights"})
    base_url: str | None = field(default=None, metadata={"help": "ask this OpenAI-compatible endpoint, e.g. http://host:8000/v1"})
    api_key_env: str = field(default="OPENAI_API_KEY", metadata={"help": "environment variable that holds its key"})
    max_concurrency: int = field(default=8, metadata={"help": "requests to the endpoint at once"})

    def __post_init__(self) -> None:
        if self.prompting not in (TRAINED, *STYLES):
            raise ConfigError(f"prompting: got {self.prompting!r}, expected one of {(TRAINED, *STYLES)}.")
        if self.prompting != TRAINED and self.family is None:
            raise ConfigError(f"prompting: {self.prompting} needs --family, which says how the model writes boxes.")
        if self.base_url is not None:
            EndpointSettings("", self.base_url, api_key_env=self.api_key_env, max_concurrency=self.max_concurrency)


SETTINGS = (EvaluateArguments, GenerationArguments, Conventions)


def make_prompter(arguments: EvaluateArguments, generation: GenerationArguments, samples: list[Sample]) -> Prompter:
    """Return the prompt that was saved with the model, or a baseline's."""
    if generation.prompting == TRAINED:
        return PromptSettings.load(Path(arguments.model_name_or_path))
    frame = frame_settings(generation.family)
    shown = []
    if generation.prompting == "cot_demonstrations":
        if arguments.train_samples is None:
            raise ConfigError("prompting: cot_demonstrations needs --train_samples to draw from.")
        pool = load_samples(Path(arguments.train_samples))
        options = SchemaOptions(("steps_text_first",), ("rows",), orders=("text type location",), shuffle_entities=False)
        for sample in draw_demonstrations(pool, samples, num=generation.num_demonstrations, seed=arguments.seed):
            schema = make_schema(sample, "steps_text_first", frame.frame_of(sample), options, arguments.seed)
            shown.append(Demonstration(sample, schema.completion))
    return PromptingBaseline(generation.prompting, load_labels(generation.labels), frame, tuple(shown))


def make_sampler(arguments: EvaluateArguments, generation: GenerationArguments, prompts: Prompter) -> Sampler:
    """Return the sampler that the settings name."""
    if generation.base_url is not None:
        settings = EndpointSettings(
            model=arguments.model_name_or_path,
            base_url=generation.base_url,
            api_key_env=generation.api_key_env,
            max_concurrency=generation.max_concurrency,
        )
        return EndpointSampler(ChatEndpoint(settings, ReplyCache(Path(arguments.out) / "replies.sqlite")))
    from mcr.models.load import check_frame, load_model, load_processor
    from mcr.rollouts.transformers_sampler import TransformersSampler
    from mcr.rollouts.vllm.sampler import VllmSampler

    processor = load_processor(arguments.model_name_or_path)
    check_frame(prompts.frame, processor)
    if generation.use_vllm:
        with engine_of_one_process(PartialState()):
            return VllmSampler(arguments.model_name_or_path, processor, dtype=generation.dtype)
    model = load_model(arguments.model_name_or_path, dtype=generation.dtype).to(PartialState().device)
    return TransformersSampler(model, processor, batch_size=generation.batch_size)


def generate_predictions(
    samples: list[Sample], arguments: EvaluateArguments, generation: GenerationArguments
) -> list[Prediction]:
    """Generate what is missing and return all predictions."""
    image_root = Path(arguments.image_root)
    prompts = make_prompter(arguments, generation, samples)
    images = [image.path for sample in samples for image in prompts.images_of(sample)]
    check_images(image_root, images)
    sampling = SamplingSettings(
        num_generations=1,
        temperature=generation.temperature,
        max_new_tokens=generation.max_completion_length,
        seed=arguments.seed,
    )
    kept = ("prompting", "family", "max_completion_length", "temperature", "base_url", "dtype")
    fingerprint = {"model": arguments.model_name_or_path, "gold": arguments.gold, "seed": arguments.seed}
    fingerprint["weights"] = weights_hash(arguments.model_name_or_path)
    fingerprint |= {name: getattr(generation, name) for name in kept}
    return predict_missing(
        samples,
        prompts,
        lambda: make_sampler(arguments, generation, prompts),
        sampling,
        image_root=image_root,
        out=Path(arguments.out),
        batch_size=generation.batch_size,
        fingerprint=fingerprint,
    )


def read_seen_texts(path: str | None, conventions: Conventions) -> frozenset[str] | None:
    """Return the entity texts of the training samples, as the conventions compare them."""
    if path is None:
        return None
    texts = {collapse_space(entity.text) for sample in load_samples(Path(path)) for entity in sample.entities}
    return frozenset(texts if conventions.is_case_sensitive else map(str.lower, texts))


def completion_rewards(system: Evaluation) -> list[dict[str, float] | None]:
    """Return the reward parts of each completion; None where a prediction came without one."""
    rewards: list[dict[str, float] | None] = []
    for sample, prediction in zip(system.samples, system.predictions, strict=True):
        if prediction is None or prediction.completion is None:
            rewards.append(None)
            continue
        if not prediction.is_readable:
            rewards.append(unreadable().with_total())
            continue
        rewards.append(score_entities(prediction.entities, sample.entities, task=sample.task).with_total())
    return rewards


def main(argv: list[str] | None = None) -> None:
    """Read gold, get predictions, score, write."""
    arguments, generation, conventions = parse_settings(SETTINGS, argv)
    join_processes()
    out = Path(arguments.out)
    samples = read_gold(Path(arguments.gold))
    if arguments.image_root is not None and not Path(arguments.image_root).is_dir():
        raise ConfigError(f"image_root: {arguments.image_root} is no folder. Correct it, or leave it out.")
    make_run_folder(out)
    if arguments.predictions is not None:
        predictions = load_predictions(Path(arguments.predictions))
    else:
        predictions = generate_predictions(samples, arguments, generation)
    if not PartialState().is_main_process:
        return
    source = arguments.predictions or arguments.model_name_or_path
    system = evaluate_system(
        arguments.name or (Path(source).stem if arguments.predictions else Path(source).name),
        samples,
        predictions,
        conventions=conventions,
        seen_texts=read_seen_texts(arguments.train_samples, conventions),
        num_resamples=arguments.num_resamples,
        seed=arguments.seed,
    )
    image_root = Path(arguments.image_root) if arguments.image_root else None
    title = f"Evaluation of {source}"
    rewards = completion_rewards(system)
    write_evaluation(out, title, system, rewards, image_root=image_root, max_image_mb=arguments.max_image_mb)
    write_run_record(out, "evaluate", (arguments, generation, conventions), arguments.seed)
    for warning in warnings_of(system.metrics):
        print(f"warning: {warning}")
    print(f"{one_line(system.metrics)}  -> {out / 'report.html'}")


if __name__ == "__main__":
    run_command(main)
