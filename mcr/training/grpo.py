"""CVO's trainer: TRL's GRPOTrainer, sampled safely, each group's prompt and images forwarded once (docs/shared-prefix.md)."""

import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, cast

import torch
from peft import PeftModel
from trl.data_utils import prepare_multimodal_messages
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from mcr.errors import McrError
from mcr.families import family_of
from mcr.formats import opened_by
from mcr.models.unusable import naming_samples
from mcr.models.vision_tokens import NEVER_SAMPLED
from mcr.models.vision_tower import keep_frozen_vision_out_of_backward
from mcr.rollouts.image_pads import collapse_image_pads, prompt_texts
from mcr.rollouts.vllm.cpu import prepare_cpu_engine
from mcr.rollouts.vllm.merged_weights import iter_merged_params
from mcr.shared_prefix.logprobs import GroupRows, group_logprobs, group_truncation_mass
from mcr.shared_prefix.pack import are_whole_groups
from mcr.shared_prefix.prefill import shared_prefill
from mcr.shared_prefix.support import inner_model, prepare_model
from mcr.shared_prefix.truncation import FirstPass, Truncation, read_truncation
from mcr.shared_prefix.vision import FrozenVisionCache, cache_frozen_vision
from mcr.training.checkpoints.rollout_cache import RolloutCache
from mcr.training.dynamic_sampling import flat_groups, fresh_rows, replace_groups
from mcr.training.grpo_checks import biasing_settings, check_attention, check_rounds, decide_shared_prefix

BREAKDOWN = "breakdown"  # the column in which reward functions find what the scorer returned
IMAGE_INPUTS = ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")
MIXED_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Of two paths' log-probabilities on one batch: (mean, largest). In bfloat16 rounding alone makes a 7B model differ by 0.06 and
# 0.3 on 1,600 tokens (docs/shared-prefix.md), and the largest grows with their number.
MAX_DIFFERENCE = {torch.float32: (1e-4, 1e-3), torch.bfloat16: (0.2, 1.5), torch.float16: (0.03, 0.2)}


class Score(Protocol):
    """What a scorer returns for one completion; the reward functions read the rest of it."""

    @property
    def is_readable(self) -> bool:
        """Whether the completion holds an answer."""
        ...


Scorer = Callable[[Any, Mapping[str, Any]], Score]


class CvoTrainer(RolloutCache, GRPOTrainer):
    """GRPOTrainer whose vLLM prompts hold one pad an image, and whose groups share one forward of their prompt.

    The loss is TRL's: MCR Eq. 12 with loss_type "grpo" and vllm_importance_sampling_correction off. Its advantages are
    those of Eq. 11, with the sample deviation plus 1e-4.

    Differs: beta > 0 adds GRPO's KL term, which Eq. 12 does not have; E.4 gives a beta (docs/configs.md).

    Args:
        scorer: reads a completion against its row of the dataset, once; the reward functions get its result in the column
            `breakdown`, and completions/unreadable is logged from it. None: the reward functions read completions themselves.
        shared_prefix: "on" raises where the model or the batch sizes do not allow it, "auto" says so once and takes TRL's
            path, "off" always takes TRL's path.
        shared_prefix_attention: "segments" runs everywhere, "flex" trains on GPUs alone (docs/shared-prefix.md).
        dynamic_sampling_rounds: how often groups without spread are replaced by fresh prompts, at most; 0: never.
    """

    args: GRPOConfig
    model: Any
    num_generations: int
    num_generations_eval: int

    def __init__(
        self,
        *args: Any,
        scorer: Scorer | None = None,
        shared_prefix: str = "auto",
        shared_prefix_attention: str = "segments",
        dynamic_sampling_rounds: int = 0,
        **kwargs: Any,
    ) -> None:
        # Has to happen before TRL starts the engine.
        if kwargs["args"].use_vllm and kwargs["args"].vllm_mode == "colocate":
            prepare_cpu_engine()
        super().__init__(*args, **kwargs)
        self.scorer = scorer
        self.shares_prefix = decide_shared_prefix(shared_prefix, inner_model(self.model), self.args, self.num_generations)
        self.dynamic_sampling_rounds = check_rounds(dynamic_sampling_rounds, self.args, self.num_generations)
        self.checked_models: set[int] = set()
        self.first_pass: FirstPass | None = None
        self.vision_caches: list[FrozenVisionCache] = []
        check_attention(shared_prefix_attention, self.accelerator.device)
        keep_frozen_vision_out_of_backward(inner_model(self.model))
        if self.shares_prefix:
            self._prepare_models(shared_prefix_attention)
        self._warn_of_biased_ratio()
        if self.use_vllm and isinstance(self.model, PeftModel) and not self._dist.is_fsdp:
            # TRL merges the adapter into the base in place and takes it back out, which drifts in bfloat16.
            self.vllm_generation._iter_named_params = self._iter_vllm_params

    def _iter_vllm_params(self) -> Generator[tuple[str, torch.Tensor]]:
        """Yield the weights that vLLM gets, whole, adapters merged into copies."""
        model: Any = self.accelerator.unwrap_model(self.model)
        with self._dist.gather_params(list(model.parameters())):
            yield from iter_merged_params(model)

    def _warn_of_biased_ratio(self) -> None:
        """Say where the importance ratio on-policy is not 1."""
        biasing = biasing_settings(self.args)
        if biasing:
            warnings.warn(f"importance ratio: {', '.join(biasing)} is not accounted for; it is biased.", stacklevel=3)
        if self._corrects_importance() and not self.shares_prefix and (self.top_k or self.top_p < 1):
            warnings.warn("importance ratio: without a shared prefix it is TRL's, biased by top-k and top-p.", stacklevel=3)

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
            pad = family_of(inner_model(self.model).config.model_type).image_pad
            pad_id = None if pad is None else cast(int, self._tokenizer.convert_tokens_to_ids(pad))
            prompt_ids = [collapse_image_pads(ids, pad_id) for ids in prompt_ids]
        for cache in self.vision_caches:
            cache.clear()
        if not self.shares_prefix or self.use_vllm or self.use_transformers_continuous_batching:
            return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)
        # TRL prefills every row; here each group is generated from one prefill.
        with shared_prefill(inner_model(self.accelerator.unwrap_model(self.model_wrapped)), self._group_size()):
            return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        # TRL shuffles rows across groups before it splits the batch; here groups stay whole. The prompts of a generation batch
        # are in random order already.
        if not self.shares_prefix or not self.model.training:
            return super()._prepare_inputs(generation_batch)
        num_parts = cast(int, self.args.steps_per_generation)
        if self._step % (num_parts * self.num_iterations) == 0 or self._buffered_inputs is None:
            batch: Any = split_pixel_values_by_grid(self._generate_and_score_completions(generation_batch))
            parts: Any = split_tensor_dict(batch, num_parts)
            self._buffered_inputs = [unsplit_pixel_values_by_grid(part) for part in parts]
        return self._buffered_inputs[self._step % num_parts]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, **settings: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        # The one place where TRL forwards prompts and completions, for the old, the reference and the policy pass alike.
        group_size = self._group_size()
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
        rows = GroupRows(input_ids, attention_mask, **{name: settings.get(name) for name in IMAGE_INPUTS})
        sizes = {"completion_len": logits_to_keep, "group_size": group_size, "batch_size": batch_size}
        sizes["autocast"] = self.accelerator.autocast
        shared = partial(group_logprobs, model, inner.base_model.get_rope_index, rows, **sizes)
        mask = attention_mask[:, prompt_len:]
        if id(inner) not in self.checked_models:
            self.checked_models.add(id(inner))
            self._check_against_plain(inner, plain, shared, mask)
        logprobs, entropies = shared()
        if self.first_pass is not None:
            logprobs = self.first_pass.renormalize(
                logprobs, lambda: group_truncation_mass(inner, rows, self._truncation(), **sizes) * mask
            )
        return logprobs, entropies if settings.get("compute_entropy") else None, None

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        # Groups without spread are replaced by fresh prompts, for a number of rounds; every process takes part in each.
        output = self._sample_and_score(inputs)
        for number in range(self.dynamic_sampling_rounds if self.model.training else 0):
            flat = flat_groups(output["advantages"], self.num_generations)
            num_wanted = int(self._gather(torch.tensor([len(flat)], device=self.accelerator.device)).max())
            if not num_wanted:
                break
            output = self._replace_flat_groups(output, flat, num_wanted, number)
        output["num_items_in_batch"] = self._gather(output["completion_mask"].sum()).sum()
        return output

    def _replace_flat_groups(self, output: Any, flat: list[int], num_wanted: int, number: int) -> Any:
        """Return a batch with groups of fresh prompts in place of the flat ones, as far as the fresh ones have spread."""
        seed = f"{self.args.seed}/{self.state.global_step}/{self._step}/{number}/{self.accelerator.process_index}"
        fresh = self._sample_and_score(fresh_rows(self.train_dataset, num_wanted, self.num_generations, seed))
        flat_again = set(flat_groups(fresh["advantages"], self.num_generations))
        pairs = list(zip(flat, [index for index in range(num_wanted) if index not in flat_again], strict=False))
        pad_id = cast(int, self._tokenizer.pad_token_id)
        parts = (split_pixel_values_by_grid(output), split_pixel_values_by_grid(fresh))
        counts = torch.tensor([[len(pairs), len(flat) - len(pairs)]], dtype=torch.float32, device=self.accelerator.device)
        num_replaced, num_left = self._gather(counts).sum(0).tolist()
        self._metrics["train"]["dynamic_sampling/replaced"].append(num_replaced)
        self._metrics["train"]["dynamic_sampling/left_flat"].append(num_left)
        return unsplit_pixel_values_by_grid(replace_groups(*parts, pairs, self.num_generations, pad_id))

    def _sample_and_score(self, inputs: Any) -> Any:
        # The sampler's log-probabilities are renormalised over what top-k, top-p and forbidden tokens leave; TRL sets them
        # against the trainer's over the whole vocabulary, and its importance ratio is off by the mass in between. For that
        # ratio the old pass, the first one below, is renormalised alike; the loss gets the whole distribution's back.
        sample_ids = [str(row.get("sample_id", index)) for index, row in enumerate(inputs)]
        with naming_samples(sample_ids, lambda index: self._encode_prompt(inputs[index])):
            if not (self.shares_prefix and self._corrects_importance()):
                return super()._generate_and_score_completions(inputs)
            with self._renormalized_first_pass() as first_pass:
                output = super()._generate_and_score_completions(inputs)
        if first_pass.log_mass is not None:
            output["old_per_token_logps"] = output["old_per_token_logps"] + first_pass.log_mass
        return output

    def _encode_prompt(self, row: Mapping[str, Any]) -> Any:
        return self._tokenize_prompts([prepare_multimodal_messages(row["prompt"], row.get("images"))])

    @contextmanager
    def _renormalized_first_pass(self) -> Iterator[FirstPass]:
        """Renormalize the first shared pass inside the context over what the sampler's truncation leaves."""
        self.first_pass = FirstPass()
        try:
            yield self.first_pass
        finally:
            self.first_pass = None

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> torch.Tensor:
        # TRL calls one function a reward, each of which would read every completion again, and sees nothing but numbers. Here
        # each completion is read and scored once; the functions pick their part, and unreadable completions are counted.
        if self.scorer is not None:
            template: dict[str, Any] = cast(Any, self.chat_template_kwargs)
            opened = opened_by(prompt_texts(self.processing_class, prompts[:1], **template)[0])
            ends = {*cast(list[int], self.eos_token_ids), cast(int, self._tokenizer.pad_token_id)}
            known = [{"opened": opened, "is_complete": bool(ids) and ids[-1] in ends} for ids in completion_ids_list]
            rows = [{**row, **facts} for row, facts in zip(inputs, known, strict=True)]
            scores = [self.scorer(completion, row) for completion, row in zip(completions, rows, strict=True)]
            for score in scores:
                self._log_metric("completions/unreadable", float(not score.is_readable))
            inputs = [{**row, BREAKDOWN: score} for row, score in zip(inputs, scores, strict=True)]
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def _corrects_importance(self) -> bool:
        return self.use_vllm and self.vllm_importance_sampling_correction

    def _group_size(self) -> int:
        return self.num_generations if self.model.training else self.num_generations_eval

    def _gather(self, values: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.accelerator.gather(values))

    def _truncation(self) -> Truncation:
        kwargs = cast(dict[str, Any], self.args.generation_kwargs or {})
        forbidden = [token for token, value in kwargs.get("logit_bias", {}).items() if value <= NEVER_SAMPLED]
        return read_truncation(self.temperature, self.top_k, self.top_p, forbidden)

    def _check_against_plain(self, inner: Any, plain: Any, shared: Any, mask: torch.Tensor) -> None:
        """Compare the two paths on a model's first batch, without dropout; every process takes part.

        Raises:
            McrError: they differ by more than rounding.
        """
        was_training = inner.training
        inner.eval()
        with torch.no_grad():
            own = (plain()[0] - shared()[0]).abs() * mask
            found = torch.stack([own.sum() / mask.sum().clamp(min=1), own.max()])
        inner.train(was_training)
        mean, largest = self._gather(found[None]).amax(dim=0).tolist()
        dtype: Any = MIXED_PRECISION.get(str(self.accelerator.mixed_precision), inner.dtype)
        allowed = MAX_DIFFERENCE.get(dtype, MAX_DIFFERENCE[torch.bfloat16])
        if not (mean <= allowed[0] and largest <= allowed[1]):
            raise McrError(
                f"shared prefix: log-probabilities of the first batch differ from TRL's by {mean:.2e} (mean) and {largest:.2e} "
                f"(largest), expected at most {allowed[0]:.0e} and {allowed[1]:.0e} in {dtype}. Set "
                f"shared_prefix to off and report the model ({inner.config.model_type})."
            )
