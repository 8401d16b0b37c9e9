"""The sampler that a recipe's settings name: transformers, vLLM or an endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.endpoint.client import ChatEndpoint, EndpointSettings, ReplyCache
from mcr.families import FrameSettings
from mcr.rollouts.endpoint_sampler import EndpointSampler
from mcr.rollouts.request import Sampler
from mcr.runs.processes import engine_of_one_process


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """Which sampler.

    Attributes:
        model: a folder or a name of the hub.
        dtype: of the weights, or auto.
        batch_size: completions that transformers generates at once.
        use_vllm: sample through vLLM.
        vllm_gpu_memory_utilization: share of the GPU's memory for vLLM.
        vllm_max_model_length: tokens of a prompt with its completion for vLLM; None: as many as the model allows.
        endpoint: ask this endpoint instead of loading the model.
        replies_path: the endpoint's cache.
    """

    model: str
    dtype: str = "auto"
    batch_size: int = 64
    use_vllm: bool = False
    vllm_gpu_memory_utilization: float = 0.9
    vllm_max_model_length: int | None = None
    endpoint: EndpointSettings | None = None
    replies_path: Path | None = None


def make_sampler(settings: SamplerSettings, frame: FrameSettings | None = None) -> Sampler:
    """Return the sampler, its model loaded on this process's device.

    Args:
        settings: which sampler.
        frame: that the prompts write boxes in, compared with the processor's; None compares nothing.

    Raises:
        ConfigError: the model cannot be loaded safely, or its processor resizes images to another frame.
    """
    if settings.endpoint is not None:
        cache = None if settings.replies_path is None else ReplyCache(settings.replies_path)
        return EndpointSampler(ChatEndpoint(settings.endpoint, cache))
    from accelerate import PartialState

    from mcr.models.load import load_model
    from mcr.rollouts.transformers_sampler import TransformersSampler
    from mcr.rollouts.vllm.sampler import VllmSampler

    processor = checked_processor(settings, frame)
    if settings.use_vllm:
        engine: dict[str, Any] = {"gpu_memory_utilization": settings.vllm_gpu_memory_utilization}
        if settings.vllm_max_model_length is not None:
            engine["max_model_len"] = settings.vllm_max_model_length
        with engine_of_one_process(PartialState()):
            return VllmSampler(settings.model, processor, dtype=settings.dtype, **engine)
    model = load_model(settings.model, dtype=settings.dtype).to(PartialState().device)
    return TransformersSampler(model, processor, batch_size=settings.batch_size)


def checked_processor(settings: SamplerSettings, frame: FrameSettings | None) -> Any:
    """Return the processor of a local model, before the model itself is loaded.

    Args:
        settings: which sampler; not an endpoint.
        frame: that the prompts write boxes in; None compares nothing.

    Raises:
        ConfigError: there is no such folder, its processor resizes images to another frame, or vLLM cannot read it.
    """
    from mcr.models.adapters import check_is_whole
    from mcr.models.load import check_frame, family_of_model, load_processor

    processor = load_processor(settings.model)
    if settings.use_vllm:
        check_is_whole(settings.model, "vLLM reads whole models alone")
    if frame is not None:
        check_frame(frame, processor, family_of_model(settings.model))
    return processor
