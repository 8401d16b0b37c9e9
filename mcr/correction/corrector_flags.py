"""The flags of the commands that ask a large model for corrections."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcr.correction.asking import TEMPERATURE, AskedModel
from mcr.correction.corrector_prompts import STYLES, PromptParts
from mcr.correction.hierarchy import PAPER_THRESHOLDS, CorrectionOptions
from mcr.endpoint.client import EndpointSettings
from mcr.errors import ConfigError, closest
from mcr.families import frame_settings
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS, LabelSet, load_labels
from mcr.records import Sample
from mcr.rollouts import SamplingSettings
from mcr.rollouts.make_sampler import SamplerSettings
from mcr.runs.fingerprint import weights_hash

LEFT_OUT = ("cot", "uncertainty")


@dataclass
class CorrectorFlags:
    """Which model corrects, and how it is asked."""

    corrector: str = field(default="", metadata={"help": "a folder, a name of the hub, or what the endpoint calls the model"})
    base_url: str = field(default="", metadata={"help": "ask this OpenAI-compatible endpoint, e.g. http://host:8000/v1"})
    api_key_env: str = field(default="OPENAI_API_KEY", metadata={"help": "environment variable that holds its key"})
    max_concurrency: int = field(default=8, metadata={"help": "requests to the endpoint at once"})
    dtype: str = field(default="auto", metadata={"help": "of a local model's weights"})
    family: str = field(default="", metadata={"help": "how the model writes boxes, e.g. qwen2_5_vl"})
    labels: str = field(
        default="",
        metadata={"help": "label set that types are taken from: a name, a YAML file, or A,B,C; without it PER, LOC, ORG, OTHER"},
    )
    prompt_style: str = field(default="paper", metadata={"help": "paper (UnCo App. D), or brief: one sentence each"})
    without: list[str] = field(default_factory=list, metadata={"help": "leave cot or uncertainty out of prompts (UnCo Table 5)"})
    temperature: float = field(default=TEMPERATURE, metadata={"help": "of sampling (UnCo B.1)"})
    max_new_tokens: int = field(default=512, metadata={"help": "tokens a reply"})
    batch_size: int = field(default=32, metadata={"help": "questions at a time"})
    seed: int = field(default=0, metadata={"help": "of sampling"})

    def __post_init__(self) -> None:
        unknown = [one for one in self.without if one not in LEFT_OUT]
        if self.prompt_style not in STYLES or unknown:
            raise ConfigError(
                f"corrector: got prompt_style {self.prompt_style!r}{closest(self.prompt_style, STYLES)} and without "
                f"{self.without}, expected one of {', '.join(STYLES)}, and {' or '.join(LEFT_OUT)}."
            )

    def options(self, thresholds: Mapping[str, float], mode: str) -> CorrectionOptions:
        """Return what is corrected, and how it is asked.

        Raises:
            ConfigError: no family, or thresholds that cannot be.
        """
        if not self.family:
            raise ConfigError("corrector: --family is missing: how does the model write boxes? Give e.g. qwen2_5_vl.")
        labels = load_labels(self.labels) if self.labels else DEFAULT_LABELS
        prompt = PromptParts(self.prompt_style, "cot" not in self.without, "uncertainty" not in self.without)
        return CorrectionOptions(labels, frame_settings(self.family), thresholds, mode, prompt)

    def model(self, out: Path) -> AskedModel:
        """Return the model that is asked; its replies are cached in a folder.

        Raises:
            ConfigError: none is named.
        """
        if not self.corrector:
            raise ConfigError("corrector: --corrector is missing. Name a model, or what the endpoint at --base_url calls it.")
        address = (self.corrector, self.base_url, self.api_key_env)
        endpoint = EndpointSettings(*address, max_concurrency=self.max_concurrency) if self.base_url else None
        cache = out / "replies.sqlite"
        settings = SamplerSettings(
            self.corrector, dtype=self.dtype, batch_size=self.batch_size, endpoint=endpoint, replies_path=cache
        )
        drawn = {"temperature": self.temperature, "top_k": 0, "top_p": 1.0}  # the paper states the temperature alone
        sampling = SamplingSettings(1, max_new_tokens=self.max_new_tokens, seed=self.seed, **drawn)
        return AskedModel(settings, frame_settings(self.family), sampling, cache)

    def made_of(self) -> dict[str, Any]:
        """Return what replies depend on."""
        kept = ("dtype", "family", "labels", "prompt_style", "without", "temperature", "max_new_tokens", "seed")
        model = self.corrector if self.base_url else weights_hash(self.corrector)
        return {name: getattr(self, name) for name in kept} | {"corrector": model}


def read_thresholds(words: Sequence[str]) -> dict[str, float]:
    """Return thresholds from words such as "span=0.4"; the paper's for parts that are not named.

    Raises:
        ConfigError: a word of another form.

    >>> read_thresholds(["span=0.2"])
    {'span': 0.2, 'type': 0.3, 'region': 0.5}
    """
    found = dict(PAPER_THRESHOLDS)
    for word in words:
        part, _, value = word.partition("=")
        try:
            found[part] = float(value)
        except ValueError:
            raise ConfigError(f"thresholds: got {word!r}, expected e.g. span=0.4. Correct it.") from None
    return found


def samples_by_id(predictions: Sequence[Prediction], samples: Sequence[Sample]) -> dict[str, Sample]:
    """Return samples by id.

    Raises:
        ConfigError: a prediction is of no sample.
    """
    by_id = {one.id: one for one in samples}
    strange = [one.id for one in predictions if one.id not in by_id]
    if strange:
        raise ConfigError(f"predictions: {len(strange)} are of no sample, first {strange[0]!r}. Give the samples they are of.")
    return by_id


def check_uncertain(predictions: Sequence[Prediction]) -> None:
    """Raise ConfigError where nothing is uncertain: no entity has an uncertainty."""
    if not any(value is not None for one in predictions for value in one.uncertainties):
        raise ConfigError(
            "predictions: no entity has an uncertainty, so nothing is uncertain. Give predictions with the key `uncertainty`."
        )


def tell_unknown_types(predictions: Sequence[Prediction], labels: LabelSet) -> None:
    """Print the predicted types that the corrector's label set lacks: it can only replace them by one of its own."""
    types = Counter(entity.type for one in predictions for entity in one.entities)
    unknown = {type_: num for type_, num in types.items() if labels.canonical(type_) not in labels.labels}
    if unknown:
        listed = ", ".join(f"{type_} ({num})" for type_, num in sorted(unknown.items()))
        known = ", ".join(labels.labels)
        print(f"warning: types that the corrector does not know: {listed}. It chooses among {known}. Name the set in --labels.")
