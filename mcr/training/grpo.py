"""CVO's trainer: TRL's GRPOTrainer with what a vision-language model needs to be sampled safely."""

from typing import Any

from trl import GRPOConfig, GRPOTrainer

from mcr.models.load import vision_token_ids
from mcr.rollouts.prompt_ids import collapse_image_pads
from mcr.rollouts.vllm_cpu import prepare_cpu_engine

NEVER = -100.0


class CvoTrainer(GRPOTrainer):
    """GRPOTrainer whose vLLM prompts hold one pad an image, and whose vLLM can be updated on a CPU, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Has to happen before TRL starts the engine.
        if kwargs["args"].use_vllm and kwargs["args"].vllm_mode == "colocate":
            prepare_cpu_engine()
        super().__init__(*args, **kwargs)

    def _generate_single_turn(self, prompt_ids: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        # vLLM in the same process expands image pads itself; TRL hands over ids whose pads are expanded already.
        if self.use_vllm and self.vllm_mode == "colocate" and images is not None:
            pad_id = self.processing_class.tokenizer.convert_tokens_to_ids("<|image_pad|>")
            prompt_ids = [collapse_image_pads(ids, pad_id) for ids in prompt_ids]
        return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)


def forbid_vision_tokens(config: GRPOConfig, processor: Any) -> None:
    """Set the generation settings under which no vision token can be sampled (TRL forbids the image pad alone)."""
    ids = vision_token_ids(processor)
    forbidden = {"logit_bias": dict.fromkeys(ids, NEVER)} if config.use_vllm else {"suppress_tokens": ids}
    config.generation_kwargs = {**forbidden, **(config.generation_kwargs or {})}
