"""The encoder-decoders of pointer models: BART by its name or folder, or a tiny one from scratch for a small world."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.models.load import check_weights_are_safe

PAD, UNKNOWN, BEGIN, FINISH = "<pad>", "<unk>", "<s>", "</s>"
MIN_COUNT = 2
TINY: dict[str, Any] = {
    "d_model": 128,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 256,
    "decoder_ffn_dim": 256,
    "max_position_embeddings": 256,
    "dropout": 0.1,
}
BART = "bart"


@dataclass(frozen=True, slots=True)
class Backbone:
    """A model and its tokenizer.

    Attributes:
        model: a BartModel.
        tokenizer: a fast tokenizer that takes words.
    """

    model: Any
    tokenizer: Any

    def save(self, folder: Path) -> None:
        """Write configuration and tokenizer; the weights are saved with the whole model."""
        self.model.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def pretrained_backbone(name_or_path: str) -> Backbone:
    """Return a pretrained encoder-decoder.

    Raises:
        ConfigError: it is no BART, or weights that are no safetensors.
    """
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    check_weights_are_safe(name_or_path)
    kind = AutoConfig.from_pretrained(name_or_path).model_type  # the user names it # nosec B615
    if kind != BART:
        raise ConfigError(f"backbone: {name_or_path} is a {kind}, expected a {BART}. Name another model.")
    tokenizer = AutoTokenizer.from_pretrained(name_or_path, add_prefix_space=True)  # likewise # nosec B615
    return Backbone(AutoModel.from_pretrained(name_or_path, use_safetensors=True), tokenizer)  # likewise # nosec B615


def tiny_backbone(sentences: Sequence[Sequence[str]]) -> Backbone:
    """Return an encoder-decoder with random weights; it knows the words, lowercased, of at least MIN_COUNT sentences.

    Args:
        sentences: their words.
    """
    from tokenizers import Tokenizer, models, normalizers
    from transformers import BartConfig, BartModel, PreTrainedTokenizerFast

    counts = Counter(word for words in sentences for word in {one.lower() for one in words})
    known = sorted(word for word, num in counts.items() if num >= MIN_COUNT)
    marks = (PAD, UNKNOWN, BEGIN, FINISH)
    vocabulary = {word: number for number, word in enumerate((*marks, *known))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    backend.normalizer = normalizers.Lowercase()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, unk_token=UNKNOWN, bos_token=BEGIN, eos_token=FINISH
    )
    ids: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
    return Backbone(BartModel(BartConfig(vocab_size=len(vocabulary), **TINY, **ids)), tokenizer)


def saved_backbone(folder: Path) -> Backbone:
    """Return the backbone of a saved model, its weights still to be read."""
    from transformers import AutoTokenizer, BartConfig, BartModel

    config = BartConfig.from_pretrained(folder)  # a folder of ours # nosec B615
    return Backbone(BartModel(config), AutoTokenizer.from_pretrained(folder))  # likewise # nosec B615
