"""The shared-prefix forward against TRL's own path, on both families."""

import pytest

torch = pytest.importorskip("torch")
from group_rows import TEXTS, C, G, assert_close, build, gradients, make_rows, picture, plain_logprobs, shared_logprobs
from transformers import GenerationConfig

from mcr.models.load import load_model, load_processor
from mcr.shared_prefix.attention import blockwise_attention
from mcr.shared_prefix.layout import PrefixLayout
from mcr.shared_prefix.pack import are_whole_groups, images_once
from mcr.shared_prefix.prefill import count_images, first_of_each_group, generate_groups
from mcr.shared_prefix.support import inner_model, prepare_model
from mcr.shared_prefix.vision import cache_frozen_vision


@pytest.mark.parametrize("num_images", [0, 1, 3])
@pytest.mark.parametrize(("lora", "checkpointing"), [(False, False), (True, False), (False, True), (True, True)])
def test_logprobs_entropies_and_every_gradient_equal_the_plain_path(sandbox, num_images, lora, checkpointing):
    model = build(sandbox, lora=lora, checkpointing=checkpointing)
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), num_images)
    weights = torch.randn(2 * G, C)
    expected, expected_entropy = plain_logprobs(model, rows, extra)
    (expected * weights).sum().backward()
    expected_gradients = gradients(model)
    prepare_model(inner_model(model))
    got, entropy = shared_logprobs(model, rows, extra, counts)
    (got * weights).sum().backward()
    got_gradients = gradients(model)
    assert_close(got, expected)
    assert_close(entropy, expected_entropy)
    assert set(got_gradients) == set(expected_gradients)
    for name, gradient in expected_gradients.items():
        assert_close(got_gradients[name], gradient, relative=3e-5)


def test_one_group_at_a_time_equals_all_at_once(sandbox):
    model = build(sandbox)
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), 2)
    prepare_model(model)
    with torch.no_grad():
        whole = shared_logprobs(model, rows, extra, counts)[0]
        assert_close(shared_logprobs(model, rows, extra, counts, batch_size=G)[0], whole)


def test_no_group_sees_another_and_no_completion_another(sandbox):
    model = build(sandbox)
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), 1)
    prepare_model(model)
    with torch.no_grad():
        before = shared_logprobs(model, rows, extra, counts)[0]
        rows["input_ids"][2, -C:] += 1
        after = shared_logprobs(model, rows, extra, counts)[0]
    others = [row for row in range(2 * G) if row != 2]
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[2], after[2])


@pytest.mark.parametrize("is_padded", [False, True])
def test_blockwise_attention_equals_attention_under_the_whole_mask(is_padded):
    torch.manual_seed(0)
    prefix_mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]).bool() if is_padded else None
    layout = PrefixLayout(3, 4, 5, prefix_mask)
    size = 5 + 3 * 4
    query = torch.randn(2, 4, size, 8)
    key, value = torch.randn(2, 2, 2, size, 8).unbind()
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = 2, True
    got = blockwise_attention(module, query, key, value, layout)
    full = [states.repeat_interleave(2, dim=1) for states in (key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(query, *full, attn_mask=layout.dense_attention_mask())
    real = torch.ones(2, size, dtype=torch.bool)
    if is_padded:
        real[:, :5] = prefix_mask
    assert torch.allclose(got[real], expected.transpose(1, 2)[real], atol=1e-6)


def test_the_block_mask_by_hand():
    drawn = PrefixLayout(2, 2, 1, None).dense_attention_mask()[0, 0].int().tolist()
    assert drawn == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 1, 1]]


def test_whole_groups_are_told_from_cut_ones():
    ids = torch.tensor([[1, 2, 9], [1, 2, 8], [3, 4, 7], [3, 4, 6]])
    mask = torch.ones_like(ids)
    assert are_whole_groups(ids, mask, 2, 2)
    assert not are_whole_groups(ids[1:3], mask[1:3], 2, 2)
    assert not are_whole_groups(ids[:3], mask[:3], 2, 2)
    assert not are_whole_groups(ids, torch.tensor([[0, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]), 2, 2)


def test_images_of_each_group_are_taken_once():
    grid = torch.tensor([[1, 1, 2], [1, 1, 1]] * 2 + [[1, 2, 2]] * 2)
    pixels = torch.arange(int(grid.prod(-1).sum())).float()[:, None]
    got = images_once(pixels, grid, [2, 2, 1, 1], 2)
    assert got["image_grid_thw"].tolist() == [[1, 1, 2], [1, 1, 1], [1, 2, 2]]
    assert got["pixel_values"].flatten().tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert images_once(pixels[:0], grid[:0], [0, 0], 2) is None


@pytest.mark.parametrize("num_images", [0, 1, 2])
def test_a_group_generated_from_one_prefill_equals_the_plain_way(sandbox, num_images):
    model, processor = load_model(str(sandbox / "start")).float().eval(), load_processor(str(sandbox / "start"))
    rows, extra, _ = make_rows(processor, num_images)
    inputs = {name: value[:, :-C] for name, value in rows.items()} | extra
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = inputs["mm_token_type_ids"][:, :-C]
    prefills = []
    hook = model.base_model.register_forward_hook(
        lambda m, a, kw, o: prefills.append(o.last_hidden_state.shape), with_kwargs=True
    )
    config = GenerationConfig(
        max_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=None, output_logits=True, return_dict_in_generate=True
    )
    expected = model.generate(**inputs, generation_config=config)
    prefills.clear()
    got = generate_groups(model, first_of_each_group(inputs, G), G, generation_config=config)
    hook.remove()
    assert torch.equal(got.sequences, expected.sequences)
    assert max((a - b).abs().max() for a, b in zip(got.logits, expected.logits, strict=True)) < 1e-4
    assert prefills[0][0] == len(TEXTS)
    assert all(shape[1] == 1 for shape in prefills[1:])


def test_a_frozen_vision_tower_runs_once_for_the_same_images_and_a_trained_one_each_time(sandbox):
    model = build(sandbox)
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), 1)
    prepare_model(model)
    tower = model.base_model.visual
    expected = shared_logprobs(model, rows, extra, counts)[0]
    cache = cache_frozen_vision(tower)
    assert torch.equal(shared_logprobs(model, rows, extra, counts)[0], expected)
    assert cache.num_computed == 0
    tower.requires_grad_(False)
    for _ in range(3):
        assert_close(shared_logprobs(model, rows, extra, counts)[0], expected)
    assert cache.num_computed == 1
    cache.clear()
    shared_logprobs(model, rows, extra, counts)
    assert cache.num_computed == 2


def test_a_prompt_with_one_image_beside_one_with_three_is_generated_from_its_own(sandbox_qwen3):
    model, processor = (
        load_model(str(sandbox_qwen3 / "start")).float().eval(),
        load_processor(str(sandbox_qwen3 / "start")),
    )
    for counts in ((1, 3), (0, 1)):
        prompts = [[{"role": "user", "content": [{"type": "image"}] * num + [{"type": "text", "text": "x"}]}] for num in counts]
        texts = [processor.apply_chat_template(p, add_generation_prompt=True, tokenize=False) for p in prompts for _ in range(2)]
        images = [[picture(g * 9 + i) for i in range(num)] for g, num in enumerate(counts) for _ in range(2)]
        inputs = dict(processor(text=texts, images=images, padding=True, padding_side="left", return_tensors="pt"))
        assert count_images(inputs["mm_token_type_ids"]) == [num for num in counts for _ in range(2)]
        once = first_of_each_group(inputs, 2)
        distinct = dict(processor(text=texts[::2], images=images[::2], padding=True, padding_side="left", return_tensors="pt"))
        assert torch.equal(once["pixel_values"], distinct["pixel_values"])
        config = GenerationConfig(max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None)
        assert torch.equal(
            generate_groups(model, once, 2, generation_config=config), model.generate(**inputs, generation_config=config)
        )


def test_preparing_a_model_twice_changes_nothing(sandbox_qwen3):
    model = build(sandbox_qwen3)
    rows, extra, counts = make_rows(load_processor(str(sandbox_qwen3 / "start")), 1)
    prepare_model(model)
    with torch.no_grad():
        once = shared_logprobs(model, rows, extra, counts)[0]
        prepare_model(model)
        first = cache_frozen_vision(model.base_model.visual)
        assert cache_frozen_vision(model.base_model.visual) is first
        assert torch.equal(shared_logprobs(model, rows, extra, counts)[0], once)
