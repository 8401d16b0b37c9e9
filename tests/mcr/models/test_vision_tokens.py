"""Tokens that stand for images are never sampled, whatever the family."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from datasets import Dataset
from PIL import Image
from tiny_families import TINY_FAMILIES
from trl import GRPOConfig

from mcr.families import family_of
from mcr.models.plain_text import read_as_text
from mcr.models.vision_tokens import vision_token_ids
from mcr.rollouts import RolloutRequest, SamplingSettings
from mcr.rollouts.transformers_sampler import TransformersSampler
from mcr.training.grpo import CvoTrainer
from mcr.training.grpo_checks import forbid_vision_tokens

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (28, 28, 3), dtype=np.uint8))
PROMPT = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Text: Ann sings"}]}]


@pytest.fixture(params=TINY_FAMILIES)
def tiny(request):
    """A tiny model whose favorite tokens are those that must not be sampled."""
    torch.manual_seed(0)
    made = TINY_FAMILIES[request.param]()
    favorites = made.processor.tokenizer.convert_tokens_to_ids(sorted(made.vision_tokens))
    made.model.get_output_embeddings().register_forward_hook(lambda module, args, logits: prefer(logits, favorites))
    made.model.generation_config.eos_token_id = made.processor.tokenizer.eos_token_id
    read_as_text(made.processor)
    return made


def prefer(logits, favorites):
    logits = logits.clone()
    logits[..., favorites] += 30
    return logits


def names(tiny, ids):
    return set(tiny.processor.tokenizer.convert_ids_to_tokens(ids))


def test_all_tokens_of_a_family_are_found_in_processor_and_config(tiny):
    family = family_of(tiny.model.config.model_type)
    assert names(tiny, vision_token_ids(tiny.processor, family, tiny.model.config)) == tiny.vision_tokens


def test_a_token_that_only_the_config_names_is_found(tiny):
    family, config = family_of(tiny.model.config.model_type), tiny.model.config
    config.video_start_token_id = tiny.processor.tokenizer.convert_tokens_to_ids("<answer>")
    assert names(tiny, vision_token_ids(tiny.processor, family, config)) == {*tiny.vision_tokens, "<answer>"}


def test_tokens_that_end_a_turn_are_left_to_the_sampler(tiny):
    config, tokenizer = tiny.model.config, tiny.processor.tokenizer
    config.image_end_token_id = tokenizer.eos_token_id
    assert tokenizer.eos_token_id not in vision_token_ids(tiny.processor, family_of(config.model_type), config)


def train_one_step(tiny, out, *, is_forbidden):
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=6,
        max_steps=1,
        save_strategy="no",
    )
    if is_forbidden:
        forbid_vision_tokens(config, tiny.processor, family_of(tiny.model.config.model_type), tiny.model.config)
    sampled = []

    def reward(completion_ids, **_):
        sampled.extend(token for ids in completion_ids for token in ids)
        return [float(sum(ids) % 7) for ids in completion_ids]

    trainer = CvoTrainer(
        model=tiny.model,
        reward_funcs=[reward],
        args=config,
        train_dataset=Dataset.from_dict({"prompt": [PROMPT] * 2, "images": [[PICTURE]] * 2}),
        processing_class=tiny.processor,
        shared_prefix="off",
    )
    trainer.train()
    return names(tiny, sampled)


def test_grpo_samples_none_of_them(tiny, tmp_path):
    assert not train_one_step(tiny, tmp_path, is_forbidden=True) & tiny.vision_tokens


def test_without_the_ban_they_are_sampled_or_end_the_run(tiny, tmp_path):
    """Shows that the test above would notice."""
    try:
        sampled = train_one_step(tiny, tmp_path, is_forbidden=False)
    except (ValueError, RuntimeError, IndexError):
        return
    assert sampled & tiny.vision_tokens


def test_the_filter_samples_none_of_them(tiny):
    sampler = TransformersSampler(tiny.model, tiny.processor, batch_size=4)
    settings = SamplingSettings(num_generations=4, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=6)
    (group,) = sampler.sample([RolloutRequest("a", PROMPT, [PICTURE])], settings)
    assert not names(tiny, [token for rollout in group for token in rollout.token_ids]) & tiny.vision_tokens
