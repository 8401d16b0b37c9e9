"""CVO's trainer: TRL's GRPOTrainer, sampled safely, each group's prompt and images forwarded once (docs/shared-prefix.md)."""

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from peft import PeftModel
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from mcr.errors import ConfigError, McrError
from mcr.formats import parse_completion
from mcr.models.load import vision_token_ids
from mcr.rollouts.image_pads import collapse_image_pads
from mcr.rollouts.vllm.cpu import prepare_cpu_engine
from mcr.rollouts.vllm.merged_weights import iter_merged_params
from mcr.shared_prefix.attention import ATTENTIONS
from mcr.shared_prefix.logprobs import GroupRows, group_log_mass, group_logprobs
from mcr.shared_prefix.pack import are_whole_groups
from mcr.shared_prefix.prefill import first_of_each_group, generate_groups
from mcr.shared_prefix.support import inner_model, prepare_model, why_unsupported
from mcr.shared_prefix.truncation import Truncation, read_truncation
from mcr.shared_prefix.vision import cache_frozen_vision
from mcr.training.checkpoints.rollout_cache import KeptRollouts
from mcr.training.dynamic_sampling import flat_groups, fresh_rows, replace_groups

NEVER = -100.0
SHARED_PREFIX = ("auto", "on", "off")
MIXED_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}
MAX_DIFFERENCE = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}


class CvoTrainer(KeptRollouts, GRPOTrainer):
    """GRPOTrainer whose vLLM prompts hold one pad an image, and whose groups share one forward of their prompt.

    The loss is TRL's: MCR Eq. 12 with loss_type "grpo" and vllm_importance_sampling_correction off. Its advantages are
    those of Eq. 11, with the sample deviation plus 1e-4.

    Differs: beta > 0 adds GRPO's KL term, which Eq. 12 does not have; E.4 gives a beta (docs/configs.md).

    Args:
        shared_prefix: "on" raises where the model or the batch sizes do not allow it, "auto" says so once and takes TRL's
            path, "off" always takes TRL's path.
        shared_prefix_attention: "segments" runs everywhere, "flex" trains on GPUs alone (docs/shared-prefix.md).
        dynamic_sampling_rounds: how often groups without spread are replaced by fresh prompts, at most; 0: never.
    """

    def __init__(
        self,
        *args: Any,
        shared_prefix: str = "auto",
        shared_prefix_attention: str = "segments",
        dynamic_sampling_rounds: int = 0,
        **kwargs: Any,
    ) -> None:
        # Has to happen before TRL starts the engine.
        if kwargs["args"].use_vllm and kwargs["args"].vllm_mode == "colocate":
            prepare_cpu_engine()
        super().__init__(*args, **kwargs)
        self.shares_prefix = decide_shared_prefix(shared_prefix, inner_model(self.model), self.args, self.num_generations)
        self.dynamic_sampling_rounds = check_rounds(dynamic_sampling_rounds, self.args, self.num_generations)
        self.checked_models: set[int] = set()
        self.is_mass_wanted, self.log_mass = False, None
        self.vision_caches = []
        check_attention(shared_prefix_attention, self.accelerator.device)
        if self.shares_prefix:
            self._prepare_models(shared_prefix_attention)
        if self._corrects_importance():
            self._warn_of_biased_ratio()
        if self.use_vllm and isinstance(self.model, PeftModel) and not self._dist.is_fsdp:
            # TRL merges the adapter into the base in place and takes it back out, which drifts in bfloat16.
            self.vllm_generation._iter_named_params = self._iter_vllm_params

    def _iter_vllm_params(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the weights that vLLM gets, whole, adapters merged into copies."""
        model = self.accelerator.unwrap_model(self.model)
        with self._dist.gather_params(list(model.parameters())):
            yield from iter_merged_params(model)

    def _warn_of_biased_ratio(self) -> None:
        """Say where the importance ratio on-policy is not 1."""
        if not self.shares_prefix and (self.top_k or self.top_p < 1):
            warnings.warn("importance ratio: without a shared prefix it is TRL's, biased by top-k and top-p.", stacklevel=3)
        if self.min_p or self.repetition_penalty != 1:
            warnings.warn("importance ratio: min_p and repetition_penalty are not accounted for; it is biased.", stacklevel=3)

    def _prepare_models(self, attention: str) -> None:
        """Let the policy and, where it is a model of its own, the reference share prefixes."""
        models = [inner_model(self.model)]
        if self.ref_model is not None:
            models.append(inner_model(self.accelerator.unwrap_model(self.ref_model)))
        for model in models:
            prepare_model(model, attention)
        self.vision_caches = [cache_frozen_vision(models[0].base_model.visual)]

    def _generate_single_turn(self, prompt_ids: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        # vLLM in the same process expands image pads itself; TRL hands over ids whose pads are expanded already.
        if self.use_vllm and self.vllm_mode == "colocate" and images is not None:
            pad_id = self.processing_class.tokenizer.convert_tokens_to_ids("<|image_pad|>")
            prompt_ids = [collapse_image_pads(ids, pad_id) for ids in prompt_ids]
        for cache in self.vision_caches:
            cache.clear()
        if not self.shares_prefix or self.use_vllm or self.use_transformers_continuous_batching:
            return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)
        # TRL prefills every row; this generates each group from one prefill, and is taken away again.
        model = inner_model(self.accelerator.unwrap_model(self.model_wrapped))
        group_size = self.num_generations if self.model.training else self.num_generations_eval
        model.generate = partial(_generate, model, group_size)
        try:
            return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)
        finally:
            del model.generate

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        # TRL shuffles rows across groups before it splits the batch; here groups stay whole. The prompts of a generation batch
        # are in random order already.
        if not self.shares_prefix or not self.model.training:
            return super()._prepare_inputs(generation_batch)
        generate_every = self.args.steps_per_generation * self.num_iterations
        if self._step % generate_every == 0 or self._buffered_inputs is None:
            batch = split_pixel_values_by_grid(self._generate_and_score_completions(generation_batch))
            batches = split_tensor_dict(batch, self.args.steps_per_generation)
            self._buffered_inputs = [unsplit_pixel_values_by_grid(part) for part in batches]
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, **settings: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        # The one place where TRL forwards prompts and completions, for the old, the reference and the policy pass alike.
        group_size = self.num_generations if self.model.training else self.num_generations_eval
        batch_size = settings.get("batch_size") or len(input_ids)
        prompt_len = input_ids.shape[1] - logits_to_keep
        plain = partial(super()._get_per_token_logps_and_entropies, model, input_ids, attention_mask, logits_to_keep, **settings)
        if (
            not self.shares_prefix
            or settings.get("compute_aux_loss")
            or batch_size % group_size
            or not are_whole_groups(input_ids, attention_mask, prompt_len, group_size)
        ):
            return plain()
        inner = inner_model(self.accelerator.unwrap_model(model))
        images = {name: settings.get(name) for name in ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")}
        rows = GroupRows(input_ids, attention_mask, **images)
        sizes = {"completion_len": logits_to_keep, "group_size": group_size, "batch_size": batch_size}
        sizes["autocast"] = self.accelerator.autocast
        shared = partial(group_logprobs, model, inner.base_model.get_rope_index, rows, **sizes)
        if id(inner) not in self.checked_models:
            self.checked_models.add(id(inner))
            self._check_against_plain(inner, plain, shared, attention_mask[:, prompt_len:])
        logprobs, entropies = shared()
        if self.is_mass_wanted:
            self.is_mass_wanted = False
            self.log_mass = group_log_mass(inner, rows, self._truncation(), **sizes) * attention_mask[:, prompt_len:]
            logprobs = logprobs - self.log_mass
        return logprobs, entropies if settings.get("compute_entropy") else None, None

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        # Groups without spread are replaced by fresh prompts, for so many rounds; every process takes part in each.
        output = self._sample_and_score(inputs)
        for number in range(self.dynamic_sampling_rounds if self.model.training else 0):
            flat = flat_groups(output["advantages"], self.num_generations)
            wanted = int(self.accelerator.gather(torch.tensor([len(flat)], device=self.accelerator.device)).max())
            if not wanted:
                break
            seed = f"{self.args.seed}/{self.state.global_step}/{self._step}/{number}/{self.accelerator.process_index}"
            fresh = self._sample_and_score(fresh_rows(self.train_dataset, wanted, self.num_generations, seed))
            flat_again = set(flat_groups(fresh["advantages"], self.num_generations))
            pairs = list(zip(flat, [index for index in range(wanted) if index not in flat_again], strict=False))
            parts = (split_pixel_values_by_grid(output), split_pixel_values_by_grid(fresh))
            output = replace_groups(*parts, pairs, self.num_generations, self._tokenizer.pad_token_id)
            output = unsplit_pixel_values_by_grid(output)
            counts = torch.tensor([[len(pairs), len(flat) - len(pairs)]], dtype=torch.float32, device=self.accelerator.device)
            replaced, left = self.accelerator.gather(counts).sum(0).tolist()
            self._metrics["train"]["dynamic_sampling/replaced"].append(replaced)
            self._metrics["train"]["dynamic_sampling/left_flat"].append(left)
        output["num_items_in_batch"] = self.accelerator.gather(output["completion_mask"].sum()).sum()
        return output

    def _sample_and_score(self, inputs: Any) -> Any:
        # The sampler's log-probabilities are renormalised over what top-k, top-p and forbidden tokens leave; TRL sets them
        # against the trainer's over the whole vocabulary, and its importance ratio is off by the mass in between. For that
        # ratio the old pass, the first one below, is renormalised alike; the loss gets the whole distribution's back.
        self.is_mass_wanted, self.log_mass = self.shares_prefix and self._corrects_importance(), None
        output = super()._generate_and_score_completions(inputs)
        if self.log_mass is not None:
            output["old_per_token_logps"] = output["old_per_token_logps"] + self.log_mass
        return output

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> torch.Tensor:
        # Only the reward is seen by TRL; how many completions hold no answer at all is logged beside it.
        texts = [completion if isinstance(completion, str) else completion[-1]["content"] or "" for completion in completions]
        for text, row in zip(texts, inputs, strict=True):
            self._log_metric("completions/unreadable", float(not parse_completion(text, row.get("task", "gmner")).is_readable))
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def _corrects_importance(self) -> bool:
        return self.use_vllm and self.vllm_importance_sampling_correction

    def _truncation(self) -> Truncation:
        bias = (self.args.generation_kwargs or {}).get("logit_bias", {})
        forbidden = [token for token, value in bias.items() if value <= NEVER]
        return read_truncation(self.temperature, self.top_k, self.top_p, forbidden)

    def _check_against_plain(self, inner: Any, plain: Any, shared: Any, mask: torch.Tensor) -> None:
        """Compare the two paths on a model's first batch, without dropout; every process takes part.

        Raises:
            McrError: they differ by more than rounding.
        """
        was_training = inner.training
        inner.eval()
        with torch.no_grad():
            own = ((plain()[0] - shared()[0]).abs() * mask).max()
        inner.train(was_training)
        difference = float(self.accelerator.gather(own.reshape(1)).max())
        dtype = MIXED_PRECISION.get(self.accelerator.mixed_precision, inner.dtype)
        allowed = MAX_DIFFERENCE.get(dtype, MAX_DIFFERENCE[torch.bfloat16])
        if not difference <= allowed:
            raise McrError(
                f"shared prefix: log-probabilities of the first batch differ from TRL's by {difference:.2e}, expected at "
                f"most {allowed:.0e} in {dtype}. Set shared_prefix to off and report the model ({inner.config.model_type})."
            )


def _generate(model: Any, group_size: int, generation_config: Any = None, **inputs: Any) -> torch.Tensor:
    once = first_of_each_group(inputs, group_size)
    if once is None:
        return type(model).generate(model, **inputs, generation_config=generation_config)
    return generate_groups(model, once, group_size, generation_config=generation_config)


def decide_shared_prefix(wanted: str, model: Any, config: GRPOConfig, num_generations: int) -> bool:
    """Return whether groups share a forward of their prompt.

    Raises:
        ConfigError: it is "on" and the model or the batch sizes do not allow it.
    """
    if wanted not in SHARED_PREFIX:
        raise ConfigError(f"shared_prefix: got {wanted!r}, expected one of {SHARED_PREFIX}.")
    reason = why_unsupported(model) or why_groups_are_cut(config.per_device_train_batch_size, num_generations)
    if wanted == "off" or not reason:
        return wanted != "off"
    if wanted == "on":
        raise ConfigError(f"shared_prefix: got 'on', but {reason}. Change that, or set shared_prefix to auto or off.")
    warnings.warn(f"shared_prefix: TRL's path is taken, which forwards each prompt G times: {reason}.", stacklevel=2)
    return False


def check_attention(attention: str, device: torch.device) -> None:
    """Refuse an attention that the device cannot train with.

    Raises:
        ConfigError: it is unknown, or "flex" without a GPU.
    """
    if attention not in ATTENTIONS:
        raise ConfigError(f"shared_prefix_attention: got {attention!r}, expected one of {ATTENTIONS}.")
    if attention == "flex" and device.type != "cuda":
        raise ConfigError(
            f"shared_prefix_attention: got 'flex' on {device.type!r}, but flex attention has a backward pass on GPUs alone. "
            "Set it to segments."
        )


def check_rounds(rounds: int, config: GRPOConfig, num_generations: int) -> int:
    """Return the rounds of dynamic sampling.

    Raises:
        ConfigError: fewer than none, or groups that are spread over processes.
    """
    rows = config.per_device_train_batch_size * config.steps_per_generation
    if rounds < 0 or (rounds and rows % num_generations):
        raise ConfigError(
            f"dynamic_sampling_rounds: got {rounds} with {rows} rows a process, expected 0 or more, and with more than 0 a "
            f"multiple of num_generations ({num_generations}) rows. Change per_device_train_batch_size."
        )
    return rounds


def why_groups_are_cut(batch_size: int, num_generations: int) -> str:
    """Return why a micro-batch cannot hold whole groups, with the settings that do, or nothing."""
    if batch_size % num_generations == 0:
        return ""
    below = batch_size // num_generations * num_generations
    fitting = " or ".join(str(size) for size in (below, below + num_generations) if size)
    return (
        f"per_device_train_batch_size {batch_size} does not hold whole groups of num_generations {num_generations}: set it to "
        f"{fitting} and gradient_accumulation_steps so that their product stays what it was"
    )


def forbid_vision_tokens(config: GRPOConfig, processor: Any) -> None:
    """Set the generation settings under which no vision token can be sampled (TRL forbids the image pad alone)."""
    ids = vision_token_ids(processor)
    kwargs = dict(config.generation_kwargs or {})
    if config.use_vllm:
        kwargs["logit_bias"] = {**kwargs.get("logit_bias", {}), **dict.fromkeys(ids, NEVER)}
    else:
        kwargs["suppress_tokens"] = sorted({*kwargs.get("suppress_tokens", ()), *ids})
    config.generation_kwargs = kwargs
