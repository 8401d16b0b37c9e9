"""Flex attention over packed groups: on the CPU it has no backward pass, so what it masks and what it computes are tested."""

import pytest

torch = pytest.importorskip("torch")
from group_rows import assert_close, build, make_rows, shared_logprobs

from mcr.errors import ConfigError
from mcr.models.load import load_processor
from mcr.shared_prefix.flex import make_block_mask, packed_flex_attention
from mcr.shared_prefix.layout import PrefixLayout
from mcr.shared_prefix.support import prepare_model
from mcr.training.grpo_checks import check_attention

CPU = torch.device("cpu")
PADDED = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]).bool()


@pytest.fixture(autouse=True)
def _eager():
    with torch.compiler.set_stance("force_eager"):
        yield


@pytest.mark.parametrize("prefix_mask", [None, PADDED])
def test_its_mask_is_the_layouts(prefix_mask):
    layout = PrefixLayout(3, 4, 5, prefix_mask)
    mask = make_block_mask(layout, 2, CPU)
    expected = layout.dense_attention_mask()[:, 0].expand(2, -1, -1)
    groups, size, _ = expected.shape
    grid = torch.meshgrid(*(torch.arange(n) for n in (groups, size, size)), indexing="ij")
    assert torch.equal(mask.mask_mod(grid[0], torch.tensor(0), grid[1], grid[2]), expected)


def test_blocks_between_segments_are_empty():
    blocks = make_block_mask(PrefixLayout(3, 128, 256, None), 1, CPU).to_dense()[0, 0]
    assert blocks.tolist() == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 0, 1]]


@pytest.mark.parametrize("prefix_mask", [None, PADDED])
def test_it_equals_attention_under_the_whole_mask(prefix_mask):
    torch.manual_seed(0)
    layout = PrefixLayout(3, 4, 5, prefix_mask)
    query = torch.randn(2, 4, 17, 8)
    key, value = torch.randn(2, 2, 2, 17, 8).unbind()
    got = packed_flex_attention(query, key, value, make_block_mask(layout, 2, CPU), scaling=0.3)
    full = [states.repeat_interleave(2, dim=1) for states in (key, value)]
    mask = layout.dense_attention_mask()
    expected = torch.nn.functional.scaled_dot_product_attention(query, *full, attn_mask=mask, scale=0.3)
    assert torch.allclose(got, expected.transpose(1, 2), atol=1e-6)


def test_a_models_logprobs_are_those_of_the_two_calls(sandbox_qwen3):
    rows, extra, counts = make_rows(load_processor(str(sandbox_qwen3 / "start")), 1)
    found = []
    for attention in ("segments", "flex"):
        model = build(sandbox_qwen3).eval()
        prepare_model(model, attention)
        with torch.no_grad():
            found.append(shared_logprobs(model, rows, extra, counts)[0])
    assert_close(found[1], found[0])


def test_dropout_is_refused():
    states = torch.zeros(1, 2, 4, 8)
    with pytest.raises(ConfigError, match="attention_dropout"):
        packed_flex_attention(states, states, states, make_block_mask(PrefixLayout(1, 2, 2, None), 1, CPU), dropout=0.1)


def test_training_with_it_on_a_cpu_is_refused():
    with pytest.raises(ConfigError, match="backward pass on GPUs alone"):
        check_attention("flex", CPU)
    with pytest.raises(ConfigError, match="expected one of"):
        check_attention("fast", CPU)
