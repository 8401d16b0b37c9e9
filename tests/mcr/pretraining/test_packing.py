"""Packed rows compute what their questions compute one by one, with the processor's own tokens, pixels and positions."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image

from mcr.models.tiny import TinySize, build_model, build_processor, build_tokenizer
from mcr.pretraining.packing import Packer, Turn, Unit, block_mask, fill_bins

SIZE = TinySize(image_px=128, vocab=320, layers=2)
RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (128, 128, 3), dtype=np.uint8) for _ in range(3)]
UNITS = [
    Unit(IMAGES[0], ((Turn("Where is it?", "[0, 250, 500, 750]"),), (Turn("What?", "red-disc"),), (Turn("Who?", "nobody"),))),
    Unit(
        IMAGES[1],
        (
            (
                Turn("Where is it now?", "not there"),
                Turn("And here?", "yes"),
            ),
        ),
    ),
    Unit(None, ((Turn("Where?", "there", IMAGES[1]), Turn("Where?", "here and there", IMAGES[2])),)),
]


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(["Where is it now? red-disc [0, 250, 500, 750] not there"] * 20, SIZE.vocab)


@pytest.fixture(scope="module")
def model(tokenizer):
    model = build_model(tokenizer, "qwen3_vl", SIZE, 0).eval()
    model.set_attn_implementation({"text_config": "eager"})
    return model


@pytest.fixture(scope="module")
def processor(tokenizer):
    return build_processor(tokenizer, "qwen3_vl", SIZE)


def answer_logprobs(model, processor, unit, turns):
    """Return the log-probabilities of one conversation's answers, by the chat template and the model's own positions."""
    messages, images = [], []
    for index, turn in enumerate(turns):
        image = unit.image if turn.image is None and index == 0 else turn.image
        content = [{"type": "text", "text": turn.question}]
        if image is not None:
            images.append(Image.fromarray(image))
            content.insert(0, {"type": "image"})
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": turn.answer}]})
    inputs = processor(text=[processor.apply_chat_template(messages)], images=images, return_tensors="pt")
    ids = inputs["input_ids"][0].tolist()
    logprobs = model(**inputs).logits[0].log_softmax(-1)
    tokenizer = processor.tokenizer
    start, end = (tokenizer.convert_tokens_to_ids(token) for token in ("<|im_start|>", "<|im_end|>"))
    length = len(tokenizer.encode("assistant\n"))
    found = []
    for opening in [column for column, token in enumerate(ids) if token == start][1::2]:
        column = opening + 1 + length
        while True:
            found.append(logprobs[column - 1, ids[column]].item())
            if ids[column] == end:
                break
            column += 1
    return found


@pytest.mark.parametrize("row_length", [60, 90, 400])
def test_packed_rows_equal_separate_conversations(model, processor, tokenizer, row_length):
    batch = Packer(tokenizer, patch=SIZE.patch, image_px=128, row_length=row_length).pack(UNITS)
    with torch.no_grad():
        hidden = model.model(**batch.inputs, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[batch.target_rows, batch.target_columns])
        packed = logits.log_softmax(-1).gather(1, batch.targets[:, None])[:, 0]
        separate = [one for unit in UNITS for turns in unit.blocks for one in answer_logprobs(model, processor, unit, turns)]
    assert sorted(packed.tolist()) == pytest.approx(sorted(separate), abs=1e-5)


def test_patches_are_the_processors(processor, tokenizer):
    packer = Packer(tokenizer, patch=SIZE.patch, image_px=128)
    ours = torch.cat([packer.patches(image) for image in IMAGES])
    theirs = processor.image_processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")["pixel_values"]
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_gap_moves_positions_and_no_token(tokenizer):
    packer = Packer(tokenizer, patch=SIZE.patch, image_px=128)
    plain, moved = (packer.pack([Unit(IMAGES[0], ((Turn("Where?", "there", gaps=gaps),),))]) for gaps in ((0, 0), (7, 30)))
    assert torch.equal(plain.inputs["input_ids"], moved.inputs["input_ids"])
    difference = (moved.inputs["position_ids"] - plain.inputs["position_ids"])[0, 0].tolist()
    assert sorted(set(difference)) == [0, 7, 37]
    assert difference == sorted(difference)


def test_a_hand_worked_mask():
    unit, block = torch.tensor([[0, 0, 0, 1, 1, -1]]), torch.tensor([[0, 1, 2, 0, 1, -1]])
    expected = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert block_mask(unit, block)[0, 0].int().tolist() == expected


def test_bins_hold_every_length_once_and_no_more_than_fits():
    lengths = RNG.integers(1, 50, 200).tolist()
    bins = fill_bins(lengths, 60)
    assert sorted(index for members in bins for index in members) == list(range(200))
    assert all(sum(lengths[index] for index in members) <= 60 for members in bins)
    assert fill_bins([100, 5], 60) == [[0], [1]]
