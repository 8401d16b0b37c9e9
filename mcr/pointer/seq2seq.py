"""The model: an encoder-decoder that points at the words of a sentence and at the regions of its image (UnCo 2.2).

B samples, N tokens, W words, K+1 regions (the last one: the whole image), L steps, C = special tokens + W, D width, M entities.
"""

import json
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.nn.utils.rnn import pad_sequence

from mcr.errors import ConfigError, DataError
from mcr.io.atomic_write import write_json
from mcr.pointer.backbones import Backbone, saved_backbone
from mcr.pointer.losses import best_ious, debiasing_loss, region_loss, region_target
from mcr.pointer.sequences import REGION, Grammar, PlacedSample
from mcr.regions.proposed import Proposals

SETTINGS, WEIGHTS = "pointer.json", "model.safetensors"
IGNORED = -100
SHARED = ("bart.encoder.embed_tokens.weight", "bart.decoder.embed_tokens.weight")  # the same as bart.shared.weight


@dataclass(frozen=True, slots=True)
class SeenSample:
    """A sample with the features of the regions of its image.

    Attributes:
        placed: its words and entities.
        proposals: the regions, none without an image.
        features: of the regions and of the whole image, float [K+1, F].
    """

    placed: PlacedSample
    proposals: Proposals
    features: torch.Tensor


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The training objective (UnCo Eqs. 3, 8, 9).

    Attributes:
        gamma: of the debiasing loss.
        margin: lambda of Eq. 8.
        min_iou: up to which an IoU counts nothing in Eq. 3.
        word_dropout: chance of a token of the sentence to be read as unknown, so that a vocabulary of words meets unknown names.
    """

    gamma: float = 0.6
    margin: float = 0.5
    min_iou: float = 0.5
    word_dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What the decoder sees; it is made once a sample.

    Attributes:
        states: [H_T; H_V], float [B, N + K+1, D].
        mask: of them, bool.
        words: a key a word, float [B, W, D].
        word_embeddings: of the words, as the decoder reads them, float [B, W, D].
        word_mask: bool [B, W].
        regions: H_V, float [B, K+1, D].
        region_mask: bool [B, K+1].
        texts: H_T at the words, float [B, W, D].
    """

    states: torch.Tensor
    mask: torch.Tensor
    words: torch.Tensor
    word_embeddings: torch.Tensor
    word_mask: torch.Tensor
    regions: torch.Tensor
    region_mask: torch.Tensor
    texts: torch.Tensor

    def alone(self, number: int) -> "Memory":
        """Return what the decoder sees of one sample, without padding."""
        words, regions = self.word_mask[number], self.region_mask[number]
        return Memory(
            self.states[number, self.mask[number]][None],
            self.mask[number, self.mask[number]][None],
            self.words[number, words][None],
            self.word_embeddings[number, words][None],
            words[words][None],
            self.regions[number, regions][None],
            regions[regions][None],
            self.texts[number, words][None],
        )


class PointerModel(torch.nn.Module):
    """Writes entities as sequences of `mcr.pointer.sequences`.

    Args:
        backbone: BART with its tokenizer.
        types: of the entities.
        feature_width: F, of the vectors of regions.
        losses: how the training objective is weighed.
    """

    is_gradient_checkpointing = False  # which TRL's generation helpers ask any model

    def __init__(self, backbone: Backbone, types: Sequence[str], feature_width: int, losses: LossWeights = LossWeights()) -> None:
        super().__init__()
        self.backbone, self.grammar, self.feature_width, self.losses = backbone, Grammar(tuple(types)), feature_width, losses
        self.bart = backbone.model
        width = int(self.bart.config.d_model)
        self.special = torch.nn.Embedding(self.grammar.num_special, width)
        torch.nn.init.normal_(self.special.weight, std=float(self.bart.config.init_std))
        self.word_key = torch.nn.Linear(width, width)
        self.adapter = torch.nn.Sequential(  # the paper's visual adaptor
            torch.nn.Linear(feature_width, width), torch.nn.GELU(), torch.nn.Linear(width, width)
        )

    def read(self, samples: Sequence[SeenSample]) -> dict[str, Any]:
        """Return what `forward` takes, on the CPU.

        Raises:
            DataError: a sentence that is longer than the encoder can read.
        """
        words = [list(one.placed.words) for one in samples]
        limit = int(self.bart.config.max_position_embeddings)
        inputs = self.backbone.tokenizer(
            words, is_split_into_words=True, padding=True, return_tensors="pt", split_special_tokens=True
        )
        if inputs["input_ids"].shape[1] > limit:
            raise DataError(
                f"pointer: a sentence of {inputs['input_ids'].shape[1]} tokens, expected at most {limit}. Shorten it."
            )
        starts = [_word_starts(inputs.word_ids(row), len(one)) for row, one in enumerate(words)]
        batch: dict[str, Any] = {
            "input_ids": inputs["input_ids"],
            "attention_mask": inputs["attention_mask"],
            "word_starts": pad_sequence(starts, batch_first=True),
            "word_mask": _mask([len(one) for one in words]),
            "features": pad_sequence([_last_first(one.features) for one in samples], batch_first=True),
            "region_mask": _mask([len(one.features) for one in samples]),
        }
        return batch | self._targets(samples)

    def _targets(self, samples: Sequence[SeenSample]) -> dict[str, Any]:
        """Return the sequences and, a sample, IoUs [M, K] and word spans of the entities."""
        spans = [[(one.start, one.end, one.entity.type) for one in sample.placed.placed] for sample in samples]
        known = set(self.grammar.types)
        spans = [[span for span in row if span[2] in known] for row in spans]
        written = [torch.tensor(self.grammar.write(row)) for row in spans]
        limit, longest = int(self.bart.config.max_position_embeddings), max(len(row) for row in written)
        if longest > limit + 1:
            raise DataError(f"pointer: an answer of {longest} tokens, expected at most {limit + 1}. Divide the sample.")
        ious = [_ious_of(sample, known) for sample in samples]
        return {"written": pad_sequence(written, batch_first=True, padding_value=IGNORED), "ious": ious, "spans": spans}

    def encode(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        word_starts: torch.Tensor,
        word_mask: torch.Tensor,
        features: torch.Tensor,
        region_mask: torch.Tensor,
    ) -> Memory:
        """Return what the decoder sees. Features are [B, K+1, F], the whole image first."""
        texts = self.bart.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        at_words = texts.gather(1, word_starts[..., None].expand(-1, -1, texts.shape[2]))
        embeddings = self.bart.get_input_embeddings()(input_ids.gather(1, word_starts))
        regions = self.adapter(features)
        return Memory(
            torch.cat([texts, regions], dim=1),
            torch.cat([attention_mask.bool(), region_mask], dim=1),
            self.word_key(at_words) + embeddings,
            embeddings,
            word_mask,
            regions,
            region_mask,
            at_words,
        )

    def decode(self, memory: Memory, written: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log-probabilities of the next token [B, L, C] (UnCo Eq. 5) and of the region [B, L, K+1] (Eq. 2).

        Args:
            memory: of `encode`.
            written: numbers so far, long [B, L].
        """
        states = self.bart.decoder(
            inputs_embeds=self._embed(memory, written),
            encoder_hidden_states=memory.states,
            encoder_attention_mask=memory.mask,
            use_cache=False,
        ).last_hidden_state
        scores = torch.cat([states @ self.special.weight.T, states @ memory.words.transpose(1, 2)], dim=2)
        allowed = torch.cat([memory.word_mask.new_ones(len(scores), self.grammar.num_special), memory.word_mask], dim=1)
        regions = states @ memory.regions.transpose(1, 2)
        return _log_softmax(scores, allowed), _log_softmax(regions, memory.region_mask)

    def _embed(self, memory: Memory, written: torch.Tensor) -> torch.Tensor:
        num = self.grammar.num_special
        special = self.special(written.clamp(0, num - 1))
        at = (written - num).clamp_min(0)
        words = memory.word_embeddings.gather(1, at[..., None].expand(-1, -1, special.shape[2]))
        return torch.where((written >= num)[..., None], words, special)

    def forward(self, written: torch.Tensor, ious: Any, spans: Any, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss (UnCo Eq. 9) and its parts."""
        memory = self.encode(self._with_unknown(inputs.pop("input_ids")), **inputs)
        read, wanted = written[:, :-1], written[:, 1:]
        tokens, regions = self.decode(memory, read.clamp_min(0))
        token = torch.nn.functional.nll_loss(tokens.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)  # Eq. 1
        targets = [_whole_first(region_target(row, self.losses.min_iou)) for one in ious for row in one]
        padded = regions.new_zeros(len(targets), regions.shape[2])
        for row, target in zip(padded, targets, strict=True):
            row[: len(target)] = target
        region = region_loss(padded, regions[read == REGION])
        debiasing = self._debias(memory, ious, spans)
        return {
            "loss": token + region + self.losses.gamma * debiasing,
            "token_loss": token.detach(),
            "region_loss": region.detach(),
            "debiasing_loss": debiasing.detach(),
        }

    def _with_unknown(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return token ids, in training with some of the words unknown."""
        if not (self.training and self.losses.word_dropout):
            return input_ids
        tokenizer = self.backbone.tokenizer
        special = torch.tensor(tokenizer.all_special_ids, device=input_ids.device)
        hidden = torch.rand(input_ids.shape, device=input_ids.device) < self.losses.word_dropout
        return input_ids.masked_fill(hidden & ~torch.isin(input_ids, special), tokenizer.unk_token_id)

    def _debias(self, memory: Memory, ious: Any, spans: Any) -> torch.Tensor:
        """Return Eq. 8, the mean over samples."""
        losses = []
        for row, (rates, named) in enumerate(zip(ious, spans, strict=True)):
            if not len(rates) or not rates.shape[1]:
                continue
            anchors = torch.stack([memory.texts[row, start:end].mean(dim=0) for start, end, _ in named])
            seen = memory.regions[row, 1 : 1 + rates.shape[1]]
            losses.append(debiasing_loss(anchors, seen, rates.to(seen.device), self.losses.margin))
        return torch.stack(losses).sum() / len(spans) if losses else memory.regions.new_zeros(())

    def save(self, folder: Path) -> None:
        """Write weights, settings, configuration and tokenizer."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in self._own_state().items()}, folder / WEIGHTS)
        self.backbone.save(folder)
        write_json(
            folder / SETTINGS, {"types": self.grammar.types, "feature_width": self.feature_width, "losses": asdict(self.losses)}
        )

    def load_weights(self, folder: Path) -> None:
        """Read the weights that `save` wrote.

        Raises:
            ConfigError: they are of another model.
        """
        missing, unexpected = self.load_state_dict(load_file(folder / WEIGHTS), strict=False)
        if unexpected or not {*missing} <= {*SHARED}:
            raise ConfigError(f"pointer: the weights of {folder} are of another model. Train it anew.")

    def _own_state(self) -> dict[str, torch.Tensor]:
        """Return the weights, those that encoder and decoder share once."""
        return {name: value for name, value in self.state_dict().items() if name not in SHARED}


def load_pointer(folder: Path) -> PointerModel:
    """Return a saved model, ready to predict.

    Raises:
        ConfigError: the folder holds none.
    """
    if not (folder / SETTINGS).is_file():
        raise ConfigError(f"pointer: {folder} holds no {SETTINGS}. Name the folder model/ of a run of mcr train-pointer.")
    saved = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    losses = LossWeights(**saved["losses"])
    model = PointerModel(saved_backbone(folder), saved["types"], saved["feature_width"], losses)
    model.load_weights(folder)
    return model.eval()


def _ious_of(sample: SeenSample, types: Container[str]) -> torch.Tensor:
    """Return the IoU of each entity of known types with each region, float [M, K]."""
    regions = [one.box for one in sample.proposals]
    rows = [best_ious(regions, one.entity.boxes) for one in sample.placed.placed if one.entity.type in types]
    return torch.tensor(rows).reshape(len(rows), len(regions))


def _word_starts(word_ids: Sequence[int | None], num_words: int) -> torch.Tensor:
    """Return the position of each word's first token."""
    first: dict[int, int] = {}
    for position, word in enumerate(word_ids):
        if word is not None:
            first.setdefault(word, position)
    return torch.tensor([first.get(word, 0) for word in range(num_words)], dtype=torch.long)


def _mask(lengths: Sequence[int]) -> torch.Tensor:
    return torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]


def _last_first(features: torch.Tensor) -> torch.Tensor:
    """Return [K+1, F] with the whole image first: padding then stands behind the regions of all samples."""
    return features.roll(1, dims=0)


def _whole_first(target: torch.Tensor) -> torch.Tensor:
    return target.roll(1)


def _log_softmax(scores: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities [B, L, X] over what is allowed [B, X]."""
    return scores.float().masked_fill(~allowed[:, None], float("-inf")).log_softmax(dim=-1)
