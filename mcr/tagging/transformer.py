"""A pretrained text encoder of transformers over [sentence; knowledge]. A word's vector is that of its first sub-word."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mcr.errors import DataError, raise_faults
from mcr.models.load import check_weights_are_safe
from mcr.tagging.encoders import EncoderKind, Inputs
from mcr.tagging.texts import TaggedText


class TransformerEncoder(torch.nn.Module):
    """An encoder (`mcr.tagging.encoders.TextEncoder`).

    Args:
        model: of transformers, whose last hidden states are taken.
        tokenizer: of the model; a fast one, since words are found again among its tokens.
        max_tokens: of sentence and knowledge together; knowledge is cut to fit, a sentence may be longer where the model has
            room for it.
    """

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int) -> None:
        super().__init__()
        self.model, self.tokenizer, self.max_tokens = model, tokenizer, max_tokens
        self.width = int(model.config.hidden_size)

    def read(self, texts: Sequence[TaggedText]) -> Inputs:
        """Return ids, mask and, for each word, the column of its first sub-word."""
        rows = [self._row(text) for text in texts]
        room = self.room()
        faults = [f"sample {text.id}: {len(row['input_ids'])} tokens" for text, row in zip(texts, rows, strict=True)
                  if len(row["input_ids"]) > room]  # fmt: skip
        raise_faults(f"sentences that are longer than the {room} tokens that the encoder can read", faults)
        padded = self.tokenizer.pad(
            [{key: row[key] for key in self.tokenizer.model_input_names if key in row} for row in rows], return_tensors="pt"
        )
        first = torch.zeros(len(texts), max(len(text.words) for text in texts), dtype=torch.long)
        for number, (text, row) in enumerate(zip(texts, rows, strict=True)):
            first[number, : len(text.words)] = torch.tensor(self._first_columns(text, row))
        return {**padded, "first": first}

    def room(self) -> int:
        """Return how many tokens the model has positions for."""
        known = getattr(self.model.config, "max_position_embeddings", None)
        reserved = (self.model.config.pad_token_id or 0) + 1 if "roberta" in self.model.config.model_type else 0
        return min(self.tokenizer.model_max_length, known - reserved if known else self.tokenizer.model_max_length)

    def _row(self, text: TaggedText) -> Any:
        asked = {"is_split_into_words": True, "split_special_tokens": True}
        words, alone = list(text.words), self.tokenizer(list(text.words), **asked)
        read = set(alone.word_ids())
        if not read.issuperset(range(len(words))):  # of some characters a tokenizer leaves nothing
            words = [word if number in read else self.tokenizer.unk_token for number, word in enumerate(words)]
            alone = self.tokenizer(words, **asked)
        if not text.knowledge:
            return alone
        special = self.tokenizer.num_special_tokens_to_add
        least = len(alone["input_ids"]) - special(pair=False) + special(pair=True)
        limit = min(self.max_tokens, self.room())
        if least >= limit:
            return alone  # no room for any of it
        return self.tokenizer(words, list(text.knowledge), truncation="only_second", max_length=limit, **asked)

    def _first_columns(self, text: TaggedText, row: Any) -> list[int]:
        columns: dict[int, int] = {}
        for column, (word, sequence) in enumerate(zip(row.word_ids(), row.sequence_ids(), strict=True)):
            if sequence == 0 and word is not None:
                columns.setdefault(word, column)
        if len(columns) != len(text.words):
            raise DataError(f"tagger: sample {text.id} has {len(text.words)} words, {len(columns)} of them with tokens.")
        return [columns[word] for word in range(len(text.words))]

    def forward(self, first: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """Return the words' vectors [B, K, width]."""
        states = self.model(**inputs).last_hidden_state
        return states.gather(1, first[..., None].expand(-1, -1, states.shape[-1]))

    def save(self, folder: Path) -> None:
        """Write config and tokenizer."""
        self.model.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def make(name_or_path: str, texts: Sequence[TaggedText], max_tokens: int) -> TransformerEncoder:
    """Return a pretrained encoder with its tokenizer."""
    from transformers import AutoModel, AutoTokenizer

    check_weights_are_safe(name_or_path)
    tokenizer = AutoTokenizer.from_pretrained(name_or_path, add_prefix_space=True)  # the user names it # nosec B615
    settings = {"dtype": torch.float32, "use_safetensors": True}
    model = AutoModel.from_pretrained(name_or_path, **settings)  # likewise # nosec B615
    return TransformerEncoder(without_pooler(model), tokenizer, max_tokens)


def load(folder: Path, max_tokens: int) -> TransformerEncoder:
    """Return an encoder of a saved config, its weights still to be read."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)  # a folder # nosec B615
    config = AutoConfig.from_pretrained(folder)  # a folder # nosec B615
    return TransformerEncoder(without_pooler(AutoModel.from_config(config)), tokenizer, max_tokens)


def without_pooler(model: Any) -> Any:
    """Return a model without the layer over its first token that some classes have: it is not used, so it would not learn."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


ENCODER = EncoderKind(make, load)
