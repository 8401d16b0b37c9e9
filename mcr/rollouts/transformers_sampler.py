"""Sampling through transformers' generate: the path that runs anywhere."""

from collections.abc import Sequence
from typing import Any

from mcr.families import family_of
from mcr.formats import opened_by
from mcr.models.unusable import naming_samples
from mcr.models.vision_tokens import vision_token_ids
from mcr.rollouts.image_pads import prompt_texts
from mcr.rollouts.request import Rollout, RolloutRequest, SamplingSettings


class TransformersSampler:
    """Draws groups with model.generate, `batch_size` completions at a time."""

    def __init__(self, model: Any, processor: Any, *, batch_size: int = 64) -> None:
        self.model = model.eval()
        self.processor = processor
        self.batch_size = batch_size
        self.suppressed = vision_token_ids(processor, family_of(model.config.model_type), model.config)

    def sample(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        """Return `num_generations` rollouts a request; each follows from its sample's id, the settings and the seed alone."""
        per_batch = max(1, self.batch_size // settings.num_generations)
        groups: list[list[Rollout]] = []
        for start in range(0, len(requests), per_batch):
            groups += self._sample_batch(requests[start : start + per_batch], settings)
        return groups

    def _sample_batch(self, requests: Sequence[RolloutRequest], settings: SamplingSettings) -> list[list[Rollout]]:
        import torch

        sample_ids = [request.sample_id for request in requests]
        texts = prompt_texts(self.processor, [request.prompt for request in requests])
        images = [request.images for request in requests]
        with naming_samples(sample_ids, lambda index: self._encode([texts[index]], [images[index]])):
            inputs = self._encode(texts, images).to(self.model.device)
        with torch.inference_mode():
            output = self._generate(dict(inputs), settings, sample_ids)
        rows = output[:, inputs["input_ids"].shape[1] :].tolist()
        size = settings.num_generations
        rollouts = [self._to_rollout(row, opened_by(texts[index // size])) for index, row in enumerate(rows)]
        return [rollouts[i : i + size] for i in range(0, len(rollouts), size)]

    def _encode(self, texts: list[str], images: list[list[Any]]) -> Any:
        flat = [image for of_one in images for image in of_one]
        return self.processor(text=texts, images=flat or None, padding=True, return_tensors="pt")

    def _generate(self, inputs: dict[str, Any], settings: SamplingSettings, sample_ids: list[str]) -> Any:
        """Return ids, `num_generations` rows a prompt, prefilled once where the family allows it."""
        from mcr.shared_prefix.prefill import generate_groups
        from mcr.shared_prefix.support import why_unsupported

        config, processors = self._generation_config(settings), drawing_processors(settings, sample_ids)
        if why_unsupported(self.model):
            config.num_return_sequences = settings.num_generations
            return self.model.generate(**inputs, generation_config=config, logits_processor=processors)
        size = settings.num_generations
        return generate_groups(self.model, inputs, size, generation_config=config, logits_processor=processors)

    def _generation_config(self, settings: SamplingSettings) -> Any:
        from transformers import GenerationConfig

        tokenizer = self.processor.tokenizer
        return GenerationConfig(
            do_sample=settings.temperature > 0,  # of what drawing_processors leave: one token a row
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=settings.max_new_tokens,
            suppress_tokens=self.suppressed,
            repetition_penalty=1.0,  # a checkpoint's own default would make this another distribution than vLLM's
            eos_token_id=self._end_ids(),
            pad_token_id=tokenizer.pad_token_id,
        )

    def _end_ids(self) -> list[int]:
        declared = self.model.generation_config.eos_token_id
        declared = declared if isinstance(declared, list) else [declared]
        return sorted({self.processor.tokenizer.eos_token_id, *(token for token in declared if token is not None)})

    def _to_rollout(self, row: list[int], opened: str) -> Rollout:
        ends = set(self._end_ids())
        length = next((index for index, token in enumerate(row) if token in ends), len(row))
        is_complete = length < len(row)
        ids = row[: length + is_complete]
        return Rollout(self.processor.tokenizer.decode(row[:length]), tuple(ids), is_complete, opened=opened)


def drawing_processors(settings: SamplingSettings, sample_ids: Sequence[str]) -> Any:
    """Return what draws tokens: temperature, top-k and top-p, then each row's own draw; nothing where decoding is greedy."""
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    from mcr.rollouts.seeded_sampling import OwnDraws, row_seeds

    found = LogitsProcessorList()
    if settings.temperature == 0:
        return found
    found.append(TemperatureLogitsWarper(float(settings.temperature)))
    if settings.top_k:
        found.append(TopKLogitsWarper(settings.top_k))
    if settings.top_p < 1:
        found.append(TopPLogitsWarper(settings.top_p))
    found.append(OwnDraws(row_seeds(settings.seed, sample_ids, settings.num_generations)))
    return found
