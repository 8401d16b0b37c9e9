"""The transformers sampler and the prompt ids, on a tiny model."""

import pytest

from mcr.errors import ConfigError
from mcr.families import family_of
from mcr.rollouts import RolloutRequest, SamplingSettings
from mcr.rollouts.image_pads import collapse_image_pads

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def sampler(sandbox_qwen3):
    from mcr.models.load import load_model, load_processor
    from mcr.rollouts.transformers_sampler import TransformersSampler

    path = sandbox_qwen3 / "start"
    return TransformersSampler(load_model(path), load_processor(path), batch_size=8)


@pytest.fixture(scope="module")
def requests(sandbox_qwen3):
    from mcr.io.images import open_image
    from mcr.io.samples import load_samples
    from mcr.prompts.settings import PromptSettings

    settings = PromptSettings.load(sandbox_qwen3 / "schemas")
    samples = load_samples(sandbox_qwen3 / "data/test.jsonl")[:5]
    return [RolloutRequest(s.id, settings.prompt_for(s), [open_image(sandbox_qwen3 / "data", s.images[0].path)]) for s in samples]


SETTINGS = SamplingSettings(num_generations=4, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=20, seed=1)


def test_groups_come_in_order_and_by_seed(sampler, requests):
    groups = sampler.sample(requests, SETTINGS)
    assert [len(group) for group in groups] == [4] * 5
    assert sampler.sample(requests, SETTINGS) == groups
    assert sampler.sample(requests[2:4], SETTINGS) == groups[2:4]


def test_what_is_drawn_does_not_depend_on_the_batch(sampler, requests):
    from mcr.rollouts.transformers_sampler import TransformersSampler

    alone = TransformersSampler(sampler.model, sampler.processor, batch_size=1)
    assert sampler.sample(requests[::-1], SETTINGS)[::-1] == alone.sample(requests, SETTINGS)


def test_groups_are_drawn_alike_without_one_prefill(sampler, requests, monkeypatch):
    import mcr.shared_prefix.support

    groups = sampler.sample(requests, SETTINGS)
    monkeypatch.setattr(mcr.shared_prefix.support, "why_unsupported", lambda model: "as for other families")
    assert sampler.sample(requests, SETTINGS) == groups


def test_no_vision_token_is_sampled_even_where_the_model_wants_one(sampler, requests):
    from mcr.models.vision_tokens import vision_token_ids

    forbidden = vision_token_ids(sampler.processor, family_of(sampler.model.config.model_type), sampler.model.config)
    rollouts = [r for group in sampler.sample(requests, SamplingSettings(16, 5.0, 0, 1.0, 30)) for r in group]
    assert not set(forbidden) & {token for rollout in rollouts for token in rollout.token_ids}


def test_a_completion_cut_at_the_limit_is_not_complete(sampler, requests):
    rollouts = [r for group in sampler.sample(requests, SETTINGS) for r in group]
    ends = set(sampler._end_ids())
    for rollout in rollouts:
        assert rollout.is_complete == (rollout.token_ids[-1] in ends)
        assert "<|im_end|>" not in rollout.text


def test_greedy_takes_one_completion(sampler, requests):
    greedy = SamplingSettings(num_generations=1, temperature=0, max_new_tokens=8)
    assert sampler.sample(requests, greedy) == sampler.sample(requests, greedy)
    with pytest.raises(ConfigError, match="num_generations"):
        SamplingSettings(num_generations=2, temperature=0)


def test_pads_collapse_by_image():
    assert collapse_image_pads([5, 9, 9, 9, 6, 9, 9], 9) == [5, 9, 6, 9]
    assert collapse_image_pads([], 9) == []
    assert collapse_image_pads([9], 9) == [9]
