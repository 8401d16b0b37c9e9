"""Entailers and grounders by the names that flags spell. A new one is a class, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.endpoint.client import EndpointSettings
from mcr.errors import ConfigError, closest
from mcr.families import frame_settings
from mcr.grounding.calibration import UNCALIBRATED, Calibration
from mcr.labels import DEFAULT_LABELS
from mcr.prompts.baselines import Prompter, PromptingBaseline
from mcr.prompts.settings import SETTINGS_FILE, PromptSettings
from mcr.rollouts import SamplingSettings

MAX_NEW_TOKENS = 128  # of a verdict or a box


@dataclass(frozen=True, slots=True)
class PhraseModel:
    """Which model is asked, and how.

    Attributes:
        kind: a key of ENTAILERS or of GROUNDERS.
        name_or_path: a folder, a name of the hub, or what the endpoint calls it.
        image_root: the folder that image paths start from.
        family: how it writes boxes, where it is asked as it is: an endpoint, or a model that was not trained here.
        base_url: of an endpoint.
        dtype: of a vision-language model's weights.
        batch_size: phrases at a time.
        replies_path: the cache of an endpoint's replies.
    """

    kind: str
    name_or_path: str
    image_root: Path
    family: str = ""
    base_url: str = ""
    dtype: str = "auto"
    batch_size: int = 32
    replies_path: Path | None = None


def prompts_of(model: PhraseModel) -> Prompter:
    """Return the prompt that was saved with a model, or a plain one where there is none."""
    if not model.base_url and (Path(model.name_or_path) / SETTINGS_FILE).is_file():
        return PromptSettings.load(Path(model.name_or_path))
    if not model.family:
        raise ConfigError(f"{model.kind}: {model.name_or_path} was not trained here. Name its family, for how it writes boxes.")
    return PromptingBaseline("direct", DEFAULT_LABELS, frame_settings(model.family))


def asked_model(model: PhraseModel) -> Any:
    """Return a predictor that asks a vision-language model, here or behind an endpoint, and reads what it writes."""
    from mcr.rollouts.make_sampler import SamplerSettings, make_sampler
    from mcr.rollouts.predictors import SamplerPredictor

    endpoint = EndpointSettings(model.name_or_path, model.base_url) if model.base_url else None
    wanted = SamplerSettings(
        model.name_or_path,
        dtype=model.dtype,
        batch_size=model.batch_size,
        endpoint=endpoint,
        replies_path=model.replies_path,
    )
    prompts = prompts_of(model)
    if isinstance(prompts, PromptSettings) and prompts.is_reasoned:
        raise ConfigError(
            f"{model.kind}: {model.name_or_path} was trained to reason before its answer, which {MAX_NEW_TOKENS} tokens would "
            "cut. Train it on schemas written with --single_style answer_only."
        )
    sampling = SamplingSettings(num_generations=1, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS)
    return SamplerPredictor(make_sampler(wanted, prompts.frame), prompts, sampling, model.image_root, model.batch_size)


def at_endpoint(model: PhraseModel) -> Any:
    """Return a predictor that asks an endpoint.

    Raises:
        ConfigError: there is no address.
    """
    if not model.base_url:
        raise ConfigError("endpoint: expected a base URL, the address of an OpenAI-compatible API. Give it.")
    return asked_model(model)


def own_entailer(model: PhraseModel) -> Any:
    """Return a vision-language model of ours as entailer."""
    from accelerate import PartialState

    from mcr.grounding.own_vlm import VlmEntailer
    from mcr.models.load import load_model, load_processor

    loaded = load_model(model.name_or_path, dtype=model.dtype).to(PartialState().device)
    return VlmEntailer(loaded, load_processor(model.name_or_path), prompts_of(model), model.image_root)


def blip_entailer(model: PhraseModel) -> Any:
    """Return BLIP-ITM."""
    from mcr.grounding.transformers_models import BlipEntailer

    return BlipEntailer(model.name_or_path, model.image_root)


def florence_grounder(model: PhraseModel) -> Any:
    """Return Florence-2."""
    from mcr.grounding.transformers_models import FlorenceGrounder

    return FlorenceGrounder(model.name_or_path, model.image_root)


def dino_grounder(model: PhraseModel) -> Any:
    """Return GroundingDINO."""
    from mcr.grounding.transformers_models import DinoGrounder

    return DinoGrounder(model.name_or_path, model.image_root)


Maker = Callable[[PhraseModel], Any]
# What is asked in words is a predictor already; the others become one.
ASKED: Mapping[str, Maker] = {"endpoint": at_endpoint}
ENTAILERS: Mapping[str, Maker] = {"vlm": own_entailer, "blip_itm": blip_entailer}
GROUNDERS: Mapping[str, Maker] = {"florence_2": florence_grounder, "grounding_dino": dino_grounder}


def make_entailer(model: PhraseModel, calibration: Calibration = UNCALIBRATED) -> Any:
    """Return a predictor of verdicts.

    Raises:
        ConfigError: no such kind, or the model cannot be used.
    """
    from mcr.grounding.phrase_predictors import EntailmentPredictor

    check_kind("entailer", model.kind, (*ENTAILERS, *ASKED))
    if model.kind in ASKED:
        return ASKED[model.kind](model)
    return EntailmentPredictor(ENTAILERS[model.kind](model), calibration, model.batch_size)


def make_grounder(model: PhraseModel) -> Any:
    """Return a predictor of places.

    Raises:
        ConfigError: no such kind, or the model cannot be used.
    """
    from mcr.grounding.phrase_predictors import GroundingPredictor

    asked = {"vlm": asked_model, **ASKED}
    check_kind("grounder", model.kind, (*GROUNDERS, *asked))
    if model.kind in asked:
        return asked[model.kind](model)
    return GroundingPredictor(GROUNDERS[model.kind](model), model.batch_size)


def check_kind(part: str, kind: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless a kind is known."""
    if kind not in known:
        raise ConfigError(f"{part}: got {kind!r}{closest(kind, known)}, expected one of {', '.join(known)}. Correct the name.")
