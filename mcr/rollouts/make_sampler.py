"""The sampler that a recipe's settings name: transformers, vLLM or an endpoint."""

from dataclasses import dataclass
from pathlib import Path

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
        endpoint: ask this endpoint instead of loading the model.
        replies_path: the endpoint's cache.
    """

    model: str
    dtype: str = "auto"
    batch_size: int = 64
    use_vllm: bool = False
    vllm_gpu_memory_utilization: float = 0.9
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

    from mcr.models.load import check_frame, family_of_model, load_model, load_processor
    from mcr.rollouts.transformers_sampler import TransformersSampler
    from mcr.rollouts.vllm.sampler import VllmSampler

    processor = load_processor(settings.model)
    if frame is not None:
        check_frame(frame, processor, family_of_model(settings.model))
    if settings.use_vllm:
        memory = {"gpu_memory_utilization": settings.vllm_gpu_memory_utilization}
        with engine_of_one_process(PartialState()):
            return VllmSampler(settings.model, processor, dtype=settings.dtype, **memory)
    model = load_model(settings.model, dtype=settings.dtype).to(PartialState().device)
    return TransformersSampler(model, processor, batch_size=settings.batch_size)
