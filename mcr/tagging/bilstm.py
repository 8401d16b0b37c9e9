"""A BiLSTM from scratch over [sentence; knowledge]. It knows the words of the training texts, and the letters of all."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from mcr.io.atomic_write import write_json
from mcr.tagging.encoders import EncoderKind, Inputs
from mcr.tagging.texts import TaggedText

VOCABULARY = "vocabulary.json"
PAD, UNKNOWN, BREAK = 0, 1, 2  # ids; BREAK stands between sentence and knowledge
NUM_RESERVED = 3
MIN_COUNT = 2
MAX_LETTERS = 20
WORD_WIDTH, LETTER_WIDTH, LETTER_FILTERS, LETTER_KERNEL, HIDDEN = 128, 32, 64, 3, 192
DROPOUT = 0.5
WORD_DROPOUT = 0.1  # of words in training: names of new samples are mostly unknown, and of training samples seldom


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words, lowercased, and the letters that an encoder knows."""

    words: tuple[str, ...]
    letters: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[TaggedText]) -> "Vocabulary":
        """Return the words of at least MIN_COUNT samples, and all letters of sentences.

        Knowledge repeats the names of its sentence, and several sources repeat the sentence: a word counts once a sample, so that
        a name of one sample alone stays unknown, as most names of new samples are.
        """
        of_samples: dict[str, set[str]] = {}
        for text in texts:
            of_samples.setdefault(text.id, set()).update(map(str.lower, (*text.words, *text.knowledge)))
        words = Counter(word for held in of_samples.values() for word in held)
        letters = Counter(letter for text in texts for word in text.words for letter in word)
        return cls(tuple(sorted(word for word, num in words.items() if num >= MIN_COUNT)), tuple(sorted(letters)))


class BiLstmEncoder(torch.nn.Module):
    """An encoder (`mcr.tagging.encoders.TextEncoder`).

    Args:
        vocabulary: of the training texts.
        max_tokens: of sentence and knowledge together; knowledge is cut to fit.
    """

    def __init__(self, vocabulary: Vocabulary, max_tokens: int) -> None:
        super().__init__()
        self.vocabulary, self.max_tokens = vocabulary, max_tokens
        self.word_ids = {word: number for number, word in enumerate(vocabulary.words, start=NUM_RESERVED)}
        self.letter_ids = {letter: number for number, letter in enumerate(vocabulary.letters, start=NUM_RESERVED)}
        self.width = 2 * HIDDEN
        self.words = torch.nn.Embedding(NUM_RESERVED + len(vocabulary.words), WORD_WIDTH, padding_idx=PAD)
        self.letters = torch.nn.Embedding(NUM_RESERVED + len(vocabulary.letters), LETTER_WIDTH, padding_idx=PAD)
        self.filters = torch.nn.Conv1d(LETTER_WIDTH, LETTER_FILTERS, LETTER_KERNEL, padding=LETTER_KERNEL // 2)
        self.lstm = torch.nn.LSTM(WORD_WIDTH + LETTER_FILTERS, HIDDEN, batch_first=True, bidirectional=True)
        self.dropout = torch.nn.Dropout(DROPOUT)

    def read(self, texts: Sequence[TaggedText]) -> Inputs:
        """Return word ids [B, N], letters [S, MAX_LETTERS] of the S spellings in the batch, which of them each word has [B, N],
        lengths [B], and a tensor whose length is that of the longest sentence.
        """
        rows = [self._tokens(text) for text in texts]
        spellings = {token: number for number, token in enumerate(dict.fromkeys(["", *(t for row in rows for t in row if t)]))}
        ids = [[BREAK if token is None else self.word_ids.get(token.lower(), UNKNOWN) for token in row] for row in rows]
        return {
            "words": _padded(ids),
            "letters": _padded([self._spell(token) for token in spellings]),
            "spelled": _padded([[spellings[token or ""] for token in row] for row in rows]),
            "lengths": torch.tensor([len(row) for row in rows]),
            "num_words": torch.zeros(max(len(text.words) for text in texts), dtype=torch.long),
        }

    def _tokens(self, text: TaggedText) -> list[str | None]:
        tokens: list[str | None] = [*text.words]
        if text.knowledge:
            tokens += [None, *text.knowledge][: max(0, self.max_tokens - len(tokens))]
        return tokens

    def _spell(self, token: str) -> list[int]:
        """Return MAX_LETTERS ids, padded, so that a word's state does not depend on the words beside it."""
        ids = [self.letter_ids.get(letter, UNKNOWN) for letter in token[:MAX_LETTERS]]
        return ids + [PAD] * (MAX_LETTERS - len(ids))

    def forward(
        self,
        words: torch.Tensor,
        letters: torch.Tensor,
        spelled: torch.Tensor,
        lengths: torch.Tensor,
        num_words: torch.Tensor,
    ) -> torch.Tensor:
        """Return the words' vectors [B, K, width]; letters are read once a spelling."""
        if self.training:
            is_dropped = (torch.rand(words.shape, device=words.device) < WORD_DROPOUT) & (words >= NUM_RESERVED)
            words = words.masked_fill(is_dropped, UNKNOWN)
        letter_states = self.filters(self.letters(letters).transpose(1, 2)).amax(dim=2)
        tokens = self.dropout(torch.cat([self.words(words), letter_states[spelled]], dim=2))
        packed = pack_padded_sequence(tokens, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return states[:, : len(num_words)]

    def save(self, folder: Path) -> None:
        """Write the vocabulary."""
        write_json(folder / VOCABULARY, {"words": self.vocabulary.words, "letters": self.vocabulary.letters})


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return rows of ids as one tensor, filled up with PAD, which is also the number of no spelling."""
    return pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True, padding_value=PAD)


def make(name_or_path: str, texts: Sequence[TaggedText], max_tokens: int) -> BiLstmEncoder:
    """Return an encoder with random weights for the words of some texts; it needs no pretrained model."""
    return BiLstmEncoder(Vocabulary.of(texts), max_tokens)


def load(folder: Path, max_tokens: int) -> BiLstmEncoder:
    """Return an encoder of a saved vocabulary, its weights still to be read."""
    saved = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    return BiLstmEncoder(Vocabulary(tuple(saved["words"]), tuple(saved["letters"])), max_tokens)


ENCODER = EncoderKind(make, load)
