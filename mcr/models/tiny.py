"""A real family at toy size with random weights, its own tokenizer and chat template: what the sandbox's base begins as.

It is saved like any model and loaded with from_pretrained, so every recipe treats it as it treats a 7B one.

    python -m mcr.models.tiny --texts runs/sandbox/schemas/d1.parquet --output_dir runs/sandbox/random
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError, run_command
from mcr.models.tiny_llava import build_llava_model, build_llava_processor
from mcr.prompts.control_tokens import OWN_TAGS
from mcr.prompts.settings import PromptSettings
from mcr.runs.command_line import CommandParser

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORD_PATTERN = r" ?[A-Za-z'-]+| ?\[(?:[1-9]00|0)(?!\d)|\d00(?!\d)|1000(?!\d)|\d|, | ?[^\sA-Za-z\d]+|\s+"
FAMILIES = ("qwen3_vl", "qwen2_5_vl", "llava")
WEIGHT_STD = 0.05


@dataclass(frozen=True, slots=True)
class TinySize:
    """The sizes of a tiny model.

    `position_std` is the standard deviation of Qwen3-VL's learned positions of patches. With that of the other weights,
    positions are 30 times smaller than the embedding of an empty patch, and the model learns places late.
    """

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    head_dim: int = 64
    feed_forward: int = 384
    vision_hidden: int = 64
    vision_layers: int = 2
    vision_heads: int = 4
    patch: int = 16
    image_px: int = 160
    vocab: int = 700
    position_std: float = WEIGHT_STD


def build_tokenizer(texts: Iterable[str], vocab_size: int, *, words: str = WORD_PATTERN) -> Any:
    """Return a byte-level BPE tokenizer trained on `texts`: the tags of answers are whole, no token is longer than a word.

    Args:
        texts: to train on.
        vocab_size: tokens, the tags not counted.
        words: the pattern of a word; with the default a digit is a word, and so are the coordinates of a grid of 200.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(words), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.add_tokens([AddedToken(tag, normalized=False) for tag in OWN_TAGS])  # as Qwen3's are added
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT_TEMPLATE, padding_side="left"
    )


def build_processor(tokenizer: Any, family: str, size: TinySize) -> Any:
    """Return the family's processor with patches of the tiny model's size."""
    if family == "llava":
        return build_llava_processor(tokenizer, size)
    from transformers import (
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    settings = {
        "patch_size": size.patch,
        "merge_size": 2,
        "size": {"shortest_edge": (2 * size.patch) ** 2, "longest_edge": size.image_px**2},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    image_processor = Qwen2VLImageProcessor(**settings)
    if family == "qwen3_vl":
        video = Qwen3VLVideoProcessor(patch_size=size.patch, merge_size=2)
        return Qwen3VLProcessor(image_processor, tokenizer, video, chat_template=CHAT_TEMPLATE)
    video = Qwen2VLVideoProcessor(patch_size=size.patch, merge_size=2)
    return Qwen2_5_VLProcessor(image_processor, tokenizer, video, chat_template=CHAT_TEMPLATE)


def build_model(tokenizer: Any, family: str, size: TinySize, seed: int) -> Any:
    """Return the family's model with random weights drawn from `seed`.

    Raises:
        ConfigError: a family that has no tiny form.
    """
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    if family not in FAMILIES:
        raise ConfigError(f"family: got {family!r}, expected one of {FAMILIES}. Choose one of these.")
    torch.manual_seed(seed)
    if family == "llava":
        return build_llava_model(tokenizer, size)
    if family == "qwen3_vl":
        model = Qwen3VLForConditionalGeneration(
            Qwen3VLConfig(
                text_config=_text_config(tokenizer, size, family), vision_config=_qwen3_vision(size), **_token_ids(tokenizer)
            )
        )
        with torch.no_grad():
            model.model.visual.pos_embed.weight.mul_(size.position_std / WEIGHT_STD)
        return model
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=_text_config(tokenizer, size, family), vision_config=_qwen2_5_vision(size), **_token_ids(tokenizer)
        )
    )


def _text_config(tokenizer: Any, size: TinySize, family: str) -> dict[str, Any]:
    """Return the language model's sizes. Qwen2.5-VL's head dimension is hidden / heads, so there fewer heads keep it."""
    half = size.head_dim // 2
    third = half // 3
    heads = size.heads if family == "qwen3_vl" else size.hidden // size.head_dim
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * third, third, third]}
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": size.hidden,
        "intermediate_size": size.feed_forward,
        "num_hidden_layers": size.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": size.head_dim,
        "max_position_embeddings": 4096,
        "initializer_range": WEIGHT_STD,
        "tie_word_embeddings": True,
        "rope_parameters": rope | ({"mrope_interleaved": True} if family == "qwen3_vl" else {}),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _qwen3_vision(size: TinySize) -> dict[str, Any]:
    side = size.image_px // size.patch
    return {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "intermediate_size": 2 * size.vision_hidden,
        "num_heads": size.vision_heads,
        "patch_size": size.patch,
        "out_hidden_size": size.hidden,
        "num_position_embeddings": side * side,
        "deepstack_visual_indexes": list(range(size.vision_layers)),
        "initializer_range": WEIGHT_STD,
    }


def _qwen2_5_vision(size: TinySize) -> dict[str, Any]:
    return {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "intermediate_size": 2 * size.vision_hidden,
        "num_heads": size.vision_heads,
        "patch_size": size.patch,
        "spatial_patch_size": size.patch,
        "window_size": 4 * size.patch,
        "out_hidden_size": size.hidden,
        "fullatt_block_indexes": list(range(size.vision_layers)),
        "initializer_range": WEIGHT_STD,
    }


def _token_ids(tokenizer: Any) -> dict[str, Any]:
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>"}
    names |= {"vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}
    ids = {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}
    return ids | {"tie_word_embeddings": True}


def make_tiny(out: Path, texts: Iterable[str], *, family: str = "qwen3_vl", size: TinySize | None = None, seed: int = 0) -> None:
    """Build a tiny model and its processor and save both to `out`."""
    size = size or TinySize()
    tokenizer = build_tokenizer(texts, size.vocab)
    model = build_model(tokenizer, family, size, seed)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(out)
    build_processor(tokenizer, family, size).save_pretrained(out)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and save a tiny model."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--texts", type=Path, required=True, help="a training set (Parquet) of mcr write-schemas: its texts train the tokenizer"
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the saved model")
    parser.add_argument("--family", choices=FAMILIES, default="qwen3_vl")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    from datasets import Dataset

    rows: Any = Dataset.from_parquet(str(args.texts)).select_columns(["prompt", "completion"])
    texts = [part["text"] or "" for row in rows for part in row["prompt"][0]["content"]]
    texts += [row["completion"][0]["content"] for row in rows]
    make_tiny(args.output_dir, texts, family=args.family, seed=args.seed)
    PromptSettings.load(args.texts.parent).save(args.output_dir)
    print(f"saved a tiny {args.family} to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
