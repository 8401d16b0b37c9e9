"""Sampling through vLLM: the path for GPUs; its CPU build runs the same code."""

from collections.abc import Sequence
from random import Random
from typing import Any

from mcr.families import family_of
from mcr.formats import opened_by
from mcr.models.load import check_weights_are_safe, load_config
from mcr.models.vision_tokens import NEVER_SAMPLED, vision_token_ids
from mcr.rollouts.image_pads import collapse_image_pads, prompt_texts
from mcr.rollouts.request import Rollout, RolloutRequest, SamplingSettings
from mcr.rollouts.vllm.cpu import prepare_cpu_engine


class VllmSampler:
    """Draws groups with a vLLM engine of its own."""

    def __init__(self, model_path: str, processor: Any, **engine_settings: Any) -> None:
        """Start the engine.

        Args:
            model_path: a saved model (vLLM reads it itself).
            processor: of the model.
            engine_settings: for vllm.LLM, e.g. dtype, gpu_memory_utilization, max_model_len, enforce_eager.
        """
        check_weights_are_safe(model_path)
        settings = {"load_format": "safetensors"} | prepare_cpu_engine() | engine_settings
        from vllm import LLM  # pyright: ignore[reportAttributeAccessIssue] vLLM is optional; the name is this folder's, too

        self.processor = processor
        config = load_config(model_path)
        family = family_of(config.model_type)
        self.image_pad_id = None if family.image_pad is None else processor.tokenizer.convert_tokens_to_ids(family.image_pad)
        self.logit_bias = dict.fromkeys(vision_token_ids(processor, family, config), NEVER_SAMPLED)
        self.engine = LLM(model=str(model_path), logprobs_mode="processed_logprobs", **settings)

    def sample(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        """Return `num_generations` rollouts a request, with the log-probabilities of the distribution sampled from.

        Draws follow from the seed, the sample's id and the place in the group, for which vLLM counts on from the request's seed.
        """
        from vllm import SamplingParams  # pyright: ignore[reportAttributeAccessIssue] as above

        params = [
            SamplingParams(
                n=settings.num_generations,
                temperature=settings.temperature,
                top_k=settings.top_k if settings.temperature > 0 else 0,
                top_p=settings.top_p if settings.temperature > 0 else 1.0,
                max_tokens=settings.max_new_tokens,
                seed=Random(f"{settings.seed}/{request.sample_id}").getrandbits(31),
                logprobs=0,
                logit_bias=self.logit_bias,
            )
            for request in requests
        ]
        texts = prompt_texts(self.processor, [request.prompt for request in requests])
        outputs = self.engine.generate(self._engine_prompts(requests, texts), params, use_tqdm=False)
        return [
            [self._to_rollout(completion, opened_by(text)) for completion in output.outputs]
            for output, text in zip(outputs, texts, strict=True)
        ]

    def _engine_prompts(self, requests: Sequence[RolloutRequest], texts: Sequence[str]) -> list[dict[str, Any]]:
        prompts = []
        for request, text in zip(requests, texts, strict=True):
            ids = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
            prompt: dict[str, Any] = {"prompt_token_ids": collapse_image_pads(ids, self.image_pad_id)}
            if request.images:
                prompt["multi_modal_data"] = {"image": request.images}
            prompts.append(prompt)
        return prompts

    def _to_rollout(self, completion: Any, opened: str) -> Rollout:
        ids = tuple(completion.token_ids)
        logprobs = tuple(step[token].logprob for step, token in zip(completion.logprobs, ids, strict=True))
        return Rollout(completion.text, ids, completion.finish_reason == "stop", logprobs, opened=opened)
