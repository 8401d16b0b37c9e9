"""The shared prefix on a GPU, by both attentions, against TRL's own path: float32 to rounding, bfloat16 no farther from float32.

bash bench/gpu/run.sh calls these; elsewhere they are skipped.
"""

import pytest

torch = pytest.importorskip("torch")
from group_rows import C, G, assert_close, build, gradients, make_rows, plain_logprobs, shared_logprobs

from mcr.models.load import load_processor
from mcr.shared_prefix.attention import ATTENTIONS, blockwise_attention
from mcr.shared_prefix.flex import make_block_mask, packed_flex_attention
from mcr.shared_prefix.layout import PrefixLayout
from mcr.shared_prefix.support import inner_model, prepare_model

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
GPU = torch.device("cuda")
CALLS = {
    "segments": blockwise_attention,
    "flex": lambda _, q, k, v, layout: packed_flex_attention(q, k, v, make_block_mask(layout, len(q), q.device)),
}


@pytest.fixture(autouse=True)
def _exact():
    """No TF32, and no silent way back from the compiled flex attention to the plain one."""
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    with torch._dynamo.config.patch(recompile_limit=64, fail_on_recompile_limit_hit=True):
        yield


def on_gpu(values):
    return {name: value.to(GPU) for name, value in values.items()}


def distance(got, expected):
    """|got - expected| / |expected|, both a tensor or tensors by name."""
    if isinstance(expected, dict):
        got, expected = (torch.cat([values[name].flatten().double() for name in expected]) for values in (got, expected))
    return float((got.double() - expected.double()).norm() / expected.double().norm())


def not_finite(gradients):
    return [name for name, gradient in gradients.items() if not gradient.isfinite().all()]


def run_path(model, rows, extra, counts, weights):
    """Return log-probabilities and every gradient of TRL's path (counts is None) or ours."""
    logprobs = plain_logprobs(model, rows, extra)[0] if counts is None else shared_logprobs(model, rows, extra, counts)[0]
    (logprobs.float() * weights).sum().backward()
    return logprobs.detach(), gradients(model)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize(
    ("num_images", "lora", "checkpointing"), [(1, False, False), (3, True, True), (0, False, True), (1, True, False)]
)
def test_float32_logprobs_and_every_gradient_equal_the_plain_path(sandbox, attention, num_images, lora, checkpointing):
    model = build(sandbox, lora=lora, checkpointing=checkpointing).to(GPU)
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), num_images)
    rows, extra, weights = on_gpu(rows), on_gpu(extra), torch.randn(2 * G, C, device=GPU)
    expected, expected_gradients = run_path(model, rows, extra, None, weights)
    prepare_model(inner_model(model), attention)
    got, got_gradients = run_path(model, rows, extra, counts, weights)
    assert_close(got, expected)
    assert set(got_gradients) == set(expected_gradients)
    for name, gradient in expected_gradients.items():
        assert_close(got_gradients[name], gradient, relative=3e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_bfloat16_is_no_farther_from_float32_than_the_plain_path(sandbox, attention):
    rows, extra, counts = make_rows(load_processor(str(sandbox / "start")), 1)
    rows, extra, weights = on_gpu(rows), on_gpu(extra), torch.randn(2 * G, C, device=GPU)
    rounded = build(sandbox).to(GPU, torch.bfloat16).state_dict()
    exact = build(sandbox).to(GPU)
    exact.load_state_dict(rounded)
    expected, expected_gradients = run_path(exact, rows, extra, None, weights)
    model = build(sandbox).to(GPU, torch.bfloat16)
    plain, plain_gradients = run_path(model, rows, extra, None, weights)
    prepare_model(model, attention)
    got, got_gradients = run_path(model, rows, extra, counts, weights)
    errors = {
        "log-probabilities": (distance(got, expected), distance(plain, expected)),
        "gradients": (distance(got_gradients, expected_gradients), distance(plain_gradients, expected_gradients)),
    }
    print(f"\nbfloat16, {model.config.model_type}, {attention}:", end=" ")
    print("; ".join(f"{name} off by {ours:.1e}, TRL's by {theirs:.1e}" for name, (ours, theirs) in errors.items()))
    assert not not_finite(got_gradients), "a gradient of the shared prefix is not finite"
    assert not not_finite(plain_gradients), "a gradient of TRL's path, the measure of this test, is not finite"
    for ours, theirs in errors.values():
        assert ours <= 1.25 * theirs < 0.1


def attention_and_gradients(call, states, layout, weights):
    """Return the output [B, N, H, D] and the gradients of query, key and value."""
    leaves = [state.clone().requires_grad_() for state in states]
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = states[0].shape[1] // states[1].shape[1], True
    output = call(module, *leaves, layout)
    (output * weights.to(output.dtype)).sum().backward()
    return [output.detach(), *(leaf.grad for leaf in leaves)]


def dense_attention(module, query, key, value, layout):
    """The oracle: one attention under the whole mask."""
    key, value = (states.repeat_interleave(module.num_key_value_groups, dim=1) for states in (key, value))
    mask = layout.dense_attention_mask().to(query.device)
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)


def random_states(groups, heads, kv_heads, size, dim=128):
    return [torch.randn(groups, num, size, dim, device=GPU) for num in (heads, kv_heads, kv_heads)]


def make_layout(groups, prefix, completions, segment, is_padded):
    if not is_padded:
        return PrefixLayout(completions, segment, prefix, None)
    first = torch.arange(groups, device=GPU)[:, None] * (prefix // 3)
    return PrefixLayout(completions, segment, prefix, torch.arange(prefix, device=GPU) >= first)


@pytest.mark.parametrize("name", ATTENTIONS)
@pytest.mark.parametrize(("heads", "kv_heads"), [(16, 2), (28, 4)])  # Qwen2.5-VL-3B and 7B
@pytest.mark.parametrize("is_padded", [False, True])
def test_attention_and_its_gradients_equal_those_under_the_whole_mask(name, heads, kv_heads, is_padded):
    torch.manual_seed(0)
    layout = make_layout(2, 333, 4, 77, is_padded)
    size = layout.prefix_len + layout.num_completions * layout.segment_len
    states = random_states(2, heads, kv_heads, size)
    weights = torch.randn(2, size, heads, 128, device=GPU)
    if is_padded:  # what padding attends to is nobody's business
        weights[:, : layout.prefix_len] *= layout.prefix_mask[:, :, None, None]
    exact = attention_and_gradients(dense_attention, [state.double() for state in states], layout, weights)
    single = attention_and_gradients(CALLS[name], states, layout, weights)
    half = attention_and_gradients(CALLS[name], [state.bfloat16() for state in states], layout, weights)
    is_real = weights.abs().sum(dim=(2, 3)) > 0
    for results, tolerance in ((single, 1e-5), (half, 1e-2)):
        assert distance(results[0][is_real], exact[0][is_real]) < tolerance
        for got, expected in zip(results[1:], exact[1:], strict=True):
            assert distance(got, expected) < tolerance


def test_flex_compiles_a_few_times_however_many_shapes_come():
    torch.manual_seed(0)
    torch._dynamo.reset()
    with torch._dynamo.config.patch(recompile_limit=4):
        for number in range(16):
            groups, prefix, completions, segment = 1 + number % 3, 150 + 97 * number, 4, 40 + 31 * (number % 5)
            layout = make_layout(groups, prefix, completions, segment, is_padded=number % 2 == 1)
            size = prefix + completions * segment
            states = [state.bfloat16() for state in random_states(groups, 16, 2, size)]
            weights = torch.randn(groups, size, 16, 128, device=GPU)
            if layout.prefix_mask is not None:
                weights[:, :prefix] *= layout.prefix_mask[:, :, None, None]
            expected = attention_and_gradients(CALLS["segments"], states, layout, weights)
            got = attention_and_gradients(CALLS["flex"], states, layout, weights)
            with torch.no_grad():
                CALLS["flex"](None, *states, layout)
            for ours, theirs in zip(got[1:], expected[1:], strict=True):
                assert distance(ours, theirs) < 1e-2
