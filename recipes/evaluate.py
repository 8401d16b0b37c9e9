"""Evaluation of a model, an endpoint, a file or a system against gold; metrics.json, report.html, report.md, figures.

    accelerate launch recipes/evaluate.py --config recipes/configs/mcr/sandbox_evaluate.yaml [--model_name_or_path runs/... ]
    mcr evaluate --gold G.jsonl --predictions P.jsonl --output_dir DIR [--image_root IMAGES]
    mcr evaluate --gold G.jsonl --predictions COMPLETIONS.jsonl --family qwen2_5_vl --output_dir DIR
    mcr evaluate --gold G.jsonl --output_dir DIR --image_root IMAGES --base_url http://localhost:8000/v1 \
        --model_name_or_path Qwen/Qwen2.5-VL-7B-Instruct --family qwen2_5_vl --prompting cot
    mcr evaluate --gold G.jsonl --output_dir DIR --system NAME [the flags of the system]

Predictions are appended row by row, unless they come from a file; called again, only what is missing is generated.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from data_prep.schemas.build import SchemaOptions, make_schema
from mcr.endpoint.client import EndpointSettings
from mcr.errors import ConfigError, closest, run_command
from mcr.families import FrameSettings, frame_settings
from mcr.io.completions import FrameFlags
from mcr.io.images import check_images, given_sizes
from mcr.io.predictions import Prediction
from mcr.io.samples import load_samples, read_gold
from mcr.labels import DEFAULT_LABELS, LabelSet, labels_of_gold, load_labels
from mcr.metrics.conventions import ConventionFlags, Conventions
from mcr.models.image_rules import fits_processor
from mcr.prompts.baselines import STYLES, Demonstration, Prompter, PromptingBaseline, draw_demonstrations
from mcr.prompts.settings import PromptSettings
from mcr.records import Sample, collapse_space
from mcr.report.evaluation import Evaluation, evaluate_system
from mcr.report.write_report import write_evaluation
from mcr.rollouts import SamplingSettings
from mcr.rollouts.agreement import AgreementPredictor
from mcr.rollouts.make_sampler import SamplerSettings, checked_processor, make_sampler
from mcr.rollouts.predictors import FilePredictor, SamplerPredictor
from mcr.rollouts.resumable import predict_missing, prompts_hash
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import file_hash, images_hash, weights_hash
from mcr.runs.processes import join_processes
from mcr.runs.run_folder import make_run_folder, write_run_record
from mcr.systems import predictor_settings, system_named
from mcr.systems.base import Predictor, PredictorInputs
from rewards.options import RewardOptions
from rewards.score import score_entities, unreadable

TRAINED = "trained"


@dataclass
class EvaluateArguments:
    """What to score: the predictions of a file, of a model or of a system."""

    gold: str = field(
        metadata={"help": "samples.jsonl with gold entities; beside predictions also the smallest form, or one row a box"}
    )
    output_dir: str = field(metadata={"help": "folder for metrics.json, report.html, report.md, figures and predictions"})
    predictions: str | None = field(default=None, metadata={"help": "predictions.jsonl of any system, or its completions"})
    model_name_or_path: str | None = field(default=None, metadata={"help": "a saved model, or what the endpoint calls it"})
    system: str | None = field(default=None, metadata={"help": "a system of mcr/systems that predicts in its own way"})
    image_root: str | None = field(default=None, metadata={"help": "folder that the image paths start from"})
    train_samples: str | None = field(
        default=None, metadata={"help": "samples.jsonl trained on: scores seen and unseen entities apart; demonstrations"}
    )
    name: str | None = field(default=None, metadata={"help": "of the system, in the report"})
    seed: int = field(default=0, metadata={"help": "of sampling, of demonstrations and of the bootstrap"})
    num_resamples: int = field(default=10_000, metadata={"help": "of the samples, for the intervals of 95 percent"})
    max_image_mb: float = field(default=40.0, metadata={"help": "bound on the images embedded in report.html"})

    def __post_init__(self) -> None:
        given = [name for name in ("predictions", "model_name_or_path", "system") if getattr(self, name) is not None]
        if not given or ("predictions" in given and len(given) > 1):
            raise ConfigError(
                f"evaluate: got {', '.join(given) or 'no predictor'}, expected --predictions alone, --model_name_or_path or "
                "--system."
            )
        if given == ["model_name_or_path"] and self.image_root is None:
            raise ConfigError("evaluate: a model needs --image_root, the folder that the image paths start from.")
        if self.num_resamples < 1:
            raise ConfigError(f"num_resamples: got {self.num_resamples}, expected at least 1.")


@dataclass
class GenerationArguments:
    """How a model is asked."""

    prompting: str = field(
        default=TRAINED, metadata={"help": f"{TRAINED} (the prompt saved with the model), {', '.join(STYLES)}"}
    )
    route: str = field(default="", metadata={"help": "of the saved prompt, e.g. image_first (default: its first)"})
    num_demonstrations: int = field(default=3, metadata={"help": "of train_samples, for cot_demonstrations"})
    family: str | None = field(
        default=None, metadata={"help": "whose frame boxes are in, unless prompting is trained; or of completions in predictions"}
    )
    labels: str = field(
        default="",
        metadata={
            "help": "label set to score by, and to ask for unless prompting is trained: a name, a YAML file, or A,B,C (default: "
            "prompts ask for the gold's)"
        },
    )
    max_new_tokens: int = field(default=512, metadata={"help": "tokens a completion"})
    temperature: float = field(default=0.0, metadata={"help": "0 is greedy"})
    uncertainty_samples: int = field(
        default=0,
        metadata={
            "help": "number of extra answers to draw; how far they agree with an entity gives its uncertainties, for mcr correct"
        },
    )
    batch_size: int = field(default=64, metadata={"help": "completions generated before rows are written"})
    use_vllm: bool = field(default=False, metadata={"help": "generate through vLLM"})
    vllm_gpu_memory_utilization: float = field(default=0.9, metadata={"help": "share of GPU memory for vLLM"})
    vllm_max_model_length: int | None = field(
        default=None, metadata={"help": "tokens a prompt with its completion, for vLLM (default: what the model allows)"}
    )
    dtype: str = field(default="auto", metadata={"help": "of the model's weights"})
    base_url: str | None = field(default=None, metadata={"help": "ask this OpenAI-compatible endpoint, e.g. http://host:8000/v1"})
    api_key_env: str = field(default="OPENAI_API_KEY", metadata={"help": "environment variable that holds its key"})
    max_concurrency: int = field(default=8, metadata={"help": "requests to the endpoint at once"})

    def __post_init__(self) -> None:
        known = (TRAINED, *STYLES)
        if self.prompting not in known:
            told = f"{self.prompting!r}{closest(self.prompting, known)}"
            raise ConfigError(f"prompting: got {told}, expected one of {', '.join(known)}.")
        if self.prompting != TRAINED and self.route:
            raise ConfigError(f"route: {self.route} is of a saved prompt; {self.prompting} has none. Leave --route out.")
        if self.prompting != TRAINED and self.family is None:
            raise ConfigError(f"prompting: {self.prompting} needs --family, which says how the model writes boxes.")
        if self.uncertainty_samples < 0:
            raise ConfigError(f"uncertainty_samples: got {self.uncertainty_samples}, expected at least 0.")
        if self.base_url is not None:
            EndpointSettings("", self.base_url, api_key_env=self.api_key_env, max_concurrency=self.max_concurrency)

    def label_set(self) -> LabelSet:
        """Return the label set that `labels` names."""
        return load_labels(self.labels) if self.labels else DEFAULT_LABELS


SETTINGS = (EvaluateArguments, GenerationArguments, FrameFlags, ConventionFlags, *predictor_settings().values())


def baseline_frame(model: str, family: str, generation: GenerationArguments) -> FrameSettings:
    """Return the frame of a baseline's boxes: the family's for an endpoint, the processor's for a local model."""
    frame = frame_settings(family)
    if generation.base_url is not None or frame.kind != "absolute":
        return frame
    from mcr.models.load import frame_of_processor, load_processor

    return frame_of_processor(frame, load_processor(model))


def make_prompter(model: str, arguments: EvaluateArguments, generation: GenerationArguments, samples: list[Sample]) -> Prompter:
    """Return the prompt that was saved with the model, or a baseline's."""
    if generation.family is None or generation.prompting == TRAINED:
        saved = PromptSettings.load(Path(model))
        return saved.asking_for(generation.route) if generation.route else saved
    frame = baseline_frame(model, generation.family, generation)
    shown = []
    if generation.prompting == "cot_demonstrations":
        if arguments.train_samples is None:
            raise ConfigError("prompting: cot_demonstrations needs --train_samples to draw from.")
        pool = load_samples(Path(arguments.train_samples))
        options = SchemaOptions(("steps_text_first",), ("rows",), orders=("text type location",), shuffle_entities=False)
        for sample in draw_demonstrations(pool, samples, num=generation.num_demonstrations, seed=arguments.seed):
            schema = make_schema(sample, "steps_text_first", frame.frame_of(sample), options, arguments.seed)
            shown.append(Demonstration(sample, schema.completion))
    return PromptingBaseline(generation.prompting, prompted_labels(generation, samples), frame, tuple(shown))


def prompted_labels(generation: GenerationArguments, samples: list[Sample]) -> LabelSet:
    """Return the label set that a baseline's prompt shows: the one that was named, or gold's."""
    if generation.labels:
        return generation.label_set()
    types = [entity.type for sample in samples if sample.task.has_type for entity in sample.entities]
    return labels_of_gold([sample.dataset for sample in samples], types)


def sampler_settings(model: str, out: Path, generation: GenerationArguments) -> SamplerSettings:
    """Return which sampler the flags name."""
    endpoint = None
    if generation.base_url is not None:
        endpoint = EndpointSettings(
            model, generation.base_url, generation.api_key_env, max_concurrency=generation.max_concurrency
        )
    return SamplerSettings(
        model,
        dtype=generation.dtype,
        batch_size=generation.batch_size,
        use_vllm=generation.use_vllm,
        vllm_gpu_memory_utilization=generation.vllm_gpu_memory_utilization,
        vllm_max_model_length=generation.vllm_max_model_length,
        endpoint=endpoint,
        replies_path=out / "replies.sqlite",
    )


def model_predictions(
    model: str, image_root: Path, samples: list[Sample], arguments: EvaluateArguments, generation: GenerationArguments
) -> list[Prediction]:
    """Return the predictions of a model or of an endpoint, what is missing generated."""
    out, prompts = Path(arguments.output_dir), make_prompter(model, arguments, generation, samples)
    wanted = sampler_settings(model, out, generation)
    images = [image for sample in samples for image in prompts.images_of(sample)]
    rules = [given_sizes(images)]
    if wanted.endpoint is None:
        rules.append(fits_processor(checked_processor(wanted, prompts.frame)))
    check_images(image_root, [image.path for image in images], rules)
    sampling = SamplingSettings(
        num_generations=1,
        temperature=generation.temperature,
        max_new_tokens=generation.max_new_tokens,
        seed=arguments.seed,
    )
    kept = ("prompting", "route", "family", "max_new_tokens", "temperature", "base_url", "dtype", "use_vllm")
    kept = (*kept, *(["uncertainty_samples"] if generation.uncertainty_samples else []))
    fingerprint = {name: getattr(generation, name) for name in kept} | fingerprint_of(arguments)
    fingerprint["prompts"] = prompts_hash(samples, prompts)
    fingerprint["images"] = images_hash(image_root, [image.path for image in images])

    def make_predictor() -> Predictor:
        sampler = make_sampler(wanted, prompts.frame)
        answers = SamplerPredictor(sampler, prompts, sampling, image_root, generation.batch_size)
        if not generation.uncertainty_samples:
            return answers
        drawn = {"num_generations": generation.uncertainty_samples, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
        return AgreementPredictor(answers, replace(sampling, **drawn))

    return predict_missing(samples, make_predictor, out=out, fingerprint=fingerprint)


def system_predictions(name: str, settings: Any, samples: list[Sample], arguments: EvaluateArguments) -> list[Prediction]:
    """Return the predictions of a system with its own settings, what is missing generated.

    Raises:
        ConfigError: it predicts as any trained model does.
    """
    make_predictor = system_named(name).make_predictor
    if make_predictor is None:
        raise ConfigError(f"system: {name} predicts as its trained model does. Give --model_name_or_path and leave --system out.")
    image_root, train_samples = (None if path is None else Path(path) for path in (arguments.image_root, arguments.train_samples))
    out = Path(arguments.output_dir)
    inputs = PredictorInputs(arguments.model_name_or_path, image_root, train_samples, arguments.seed, out, settings)
    fingerprint = fingerprint_of(arguments) | {"system": name, "train_samples": arguments.train_samples}
    fingerprint |= {} if settings is None else asdict(settings) | {"files": hashes_of(settings)}
    if image_root is not None:
        fingerprint["images"] = images_hash(image_root, [image.path for sample in samples for image in sample.images])
    return predict_missing(samples, lambda: make_predictor(inputs), out=out, fingerprint=fingerprint)


def hashes_of(settings: Any) -> dict[str, str]:
    """Return a hash of each file and of each model folder that settings name."""
    named = {name: Path(value) for name, value in asdict(settings).items() if isinstance(value, str) and value}
    files = {name: file_hash(path) for name, path in named.items() if path.is_file()}
    return files | {name: weights_hash(path) for name, path in named.items() if path.is_dir()}


def check_is_asked(of_systems: Mapping[str, Any], asked: str | None) -> None:
    """Raise ConfigError where a flag of a system is given that is not asked."""
    for name, settings in of_systems.items():
        changed = [one.name for one in fields(settings) if getattr(settings, one.name) != getattr(type(settings)(), one.name)]
        if changed and name != asked:
            raise ConfigError(f"--{changed[0]}: it is of the system {name}. Give --system {name}, or leave it out.")


def fingerprint_of(arguments: EvaluateArguments) -> dict[str, Any]:
    """Return what the predictions of a model and of a system depend on alike."""
    model = arguments.model_name_or_path
    weights = "" if model is None else weights_hash(model)
    gold = Path(arguments.gold)
    content = file_hash(gold) if gold.is_file() else ""
    return {"model": model, "weights": weights, "gold": arguments.gold, "gold_sha256": content, "seed": arguments.seed}


def get_predictions(
    samples: list[Sample],
    arguments: EvaluateArguments,
    generation: GenerationArguments,
    frame: FrameFlags,
    of_systems: Mapping[str, Any],
) -> list[Prediction]:
    """Return the predictions of the file, the system or the model that the flags name."""
    if arguments.predictions is not None:
        form = frame.form(generation.family, generation.label_set())
        return list(FilePredictor.read(Path(arguments.predictions), samples, form).predict(samples))
    if frame != FrameFlags():
        raise ConfigError("frame: --frame, --min_pixels and --max_pixels are of completions in --predictions. Leave them out.")
    if arguments.system is not None:
        return system_predictions(arguments.system, of_systems.get(arguments.system), samples, arguments)
    if arguments.model_name_or_path is None or arguments.image_root is None:
        raise ConfigError("evaluate: a model needs --model_name_or_path and --image_root.")
    return model_predictions(arguments.model_name_or_path, Path(arguments.image_root), samples, arguments, generation)


def name_of(arguments: EvaluateArguments) -> tuple[str, str]:
    """Return the name of what is evaluated, and where its predictions come from."""
    source = arguments.predictions or arguments.system or arguments.model_name_or_path or ""
    return arguments.name or (Path(source).stem if arguments.predictions else Path(source).name), source


def read_seen_texts(path: str | None, conventions: Conventions) -> frozenset[str] | None:
    """Return the entity texts of the training samples, as the conventions compare them."""
    if path is None:
        return None
    texts = {collapse_space(entity.text) for sample in load_samples(Path(path)) for entity in sample.entities}
    return frozenset(texts if conventions.is_case_sensitive else map(str.lower, texts))


def completion_rewards(system: Evaluation, labels: LabelSet) -> list[dict[str, float] | None]:
    """Return the reward parts of each completion, under the default options; None where a prediction came without one."""
    options = RewardOptions(labels=labels)
    rewards: list[dict[str, float] | None] = []
    for sample, prediction in zip(system.samples, system.predictions, strict=True):
        if prediction is None or prediction.completion is None:
            rewards.append(None)
            continue
        if not prediction.is_readable:
            rewards.append(unreadable().with_total())
            continue
        rewards.append(score_entities(prediction.entities, sample.entities, task=sample.task, options=options).with_total())
    return rewards


def main(argv: list[str] | None = None) -> None:
    """Read gold, get predictions, score, write."""
    arguments, generation, frame, flags, *further = parse_settings(SETTINGS, argv)
    of_systems = dict(zip(predictor_settings(), further, strict=True))
    check_is_asked(of_systems, arguments.system)
    conventions = flags.with_labels(generation.label_set())
    state = join_processes()
    out = Path(arguments.output_dir)
    samples = read_gold(Path(arguments.gold), is_scored_only=arguments.predictions is not None)
    if arguments.image_root is not None and not Path(arguments.image_root).is_dir():
        raise ConfigError(f"image_root: {arguments.image_root} is no folder. Correct it, or leave it out.")
    make_run_folder(out)
    predictions = get_predictions(samples, arguments, generation, frame, of_systems)
    if not state.is_main_process:
        return
    name, source = name_of(arguments)
    system = evaluate_system(
        name,
        samples,
        predictions,
        conventions=conventions,
        seen_texts=read_seen_texts(arguments.train_samples, conventions),
        num_resamples=arguments.num_resamples,
        seed=arguments.seed,
    )
    image_root = Path(arguments.image_root) if arguments.image_root else None
    title = f"Evaluation of {source}"
    rewards = completion_rewards(system, conventions.labels)
    write_evaluation(out, title, system, rewards, image_root=image_root, max_image_mb=arguments.max_image_mb)
    asked = [settings for system_name, settings in of_systems.items() if system_name == arguments.system]
    write_run_record(out, "evaluate", (arguments, generation, frame, conventions, *asked), arguments.seed)
    print(conventions.in_words())
    if system.metrics.folded_types:
        print(system.metrics.aliases_in_words())
    for warning in system.warnings():
        print(f"warning: {warning}")
    print(f"{system.metrics}  -> {out / 'report.html'}")


if __name__ == "__main__":
    run_command(main)
