"""The tagger: an encoder, a linear layer, and a linear-chain CRF over the sentence's words (RiVEG IV-B)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torchcrf import CRF

from mcr.errors import ConfigError, closest
from mcr.io.atomic_write import write_json
from mcr.tagging.bio import tags_of_types
from mcr.tagging.encoders import Inputs, encoder_kinds
from mcr.tagging.texts import TaggedText

SETTINGS, WEIGHTS = "tagger.json", "model.safetensors"


class Tagger(torch.nn.Module):
    """Tags words. B texts, K the most words of a sentence among them.

    Args:
        kind: of the encoder, a name of `encoder_kinds`.
        encoder: gives each word a vector.
        types: of the entities.
        reads_knowledge: whether it is trained with knowledge behind the sentence.
        dropout: of these vectors.
    """

    is_gradient_checkpointing = False  # which TRL's generation helpers ask any model

    def __init__(self, kind: str, encoder: Any, types: Sequence[str], *, reads_knowledge: bool, dropout: float = 0.1) -> None:
        super().__init__()
        self.kind, self.encoder, self.types, self.reads_knowledge = kind, encoder, tuple(types), reads_knowledge
        self.tags = tags_of_types(self.types)
        self.tag_ids = {tag: number for number, tag in enumerate(self.tags)}
        self.dropout = torch.nn.Dropout(dropout)
        self.emit = torch.nn.Linear(encoder.width, len(self.tags))
        self.crf = CRF(len(self.tags), batch_first=True)

    def read(self, texts: Sequence[TaggedText]) -> dict[str, Any]:
        """Return what `forward` takes: the encoder's inputs, which words there are [B, K], tags [B, K] of tagged texts."""
        num_words = [len(text.words) for text in texts]
        mask = torch.arange(max(num_words))[None] < torch.tensor(num_words)[:, None]
        batch: dict[str, Any] = {"inputs": self.encoder.read(texts), "mask": mask}
        if all(text.tags for text in texts):
            tags = torch.zeros(mask.shape, dtype=torch.long)
            for row, text in zip(tags, texts, strict=True):
                row[: len(text.tags)] = torch.tensor([self.tag_ids[tag] for tag in text.tags])
            batch["tags"] = tags
        return batch

    def forward(self, inputs: Inputs, mask: torch.Tensor, tags: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """Return the emissions [B, K, tags] and, for tagged texts, the loss: the mean negative log-likelihood of a sentence."""
        emissions = self.emit(self.dropout(self.encoder(**inputs)))
        if tags is None:
            return {"emissions": emissions}
        return {"loss": -self.crf(emissions.float(), tags, mask=mask, reduction="mean"), "emissions": emissions}

    @torch.no_grad()
    def tag(self, texts: Sequence[TaggedText]) -> list[tuple[str, ...]]:
        """Return the most likely tags of each text (Viterbi)."""
        batch = self.read(texts)
        device = self.emit.weight.device
        inputs = {key: value.to(device) for key, value in batch["inputs"].items()}
        mask = batch["mask"].to(device)
        paths = self.crf.decode(self(inputs, mask)["emissions"].float(), mask=mask)
        return [tuple(self.tags[one] for one in path) for path in paths]

    def save(self, folder: Path) -> None:
        """Write weights, settings, and what the encoder needs."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS)
        self.encoder.save(folder)
        write_json(
            folder / SETTINGS,
            {
                "encoder": self.kind,
                "types": self.types,
                "reads_knowledge": self.reads_knowledge,
                "dropout": self.dropout.p,
                "max_tokens": self.encoder.max_tokens,
            },
        )


def make_tagger(kind: str, name_or_path: str, texts: Sequence[TaggedText], types: Sequence[str], *, max_tokens: int) -> Tagger:
    """Return a new tagger.

    Args:
        kind: of its encoder.
        name_or_path: of the pretrained model of a transformer; "" where the kind needs none.
        texts: that it will be trained on.
        types: of the entities.
        max_tokens: of sentence and knowledge together.

    Raises:
        ConfigError: no such kind, or a transformer without a name.
    """
    kinds = encoder_kinds()
    if kind not in kinds:
        raise ConfigError(f"encoder: got {kind!r}{closest(kind, kinds)}, expected one of {', '.join(kinds)}.")
    if kind == "transformer" and not name_or_path:
        raise ConfigError("encoder_name_or_path: the encoder transformer needs a folder or a name of the hub. Give one.")
    encoder = kinds[kind].make(name_or_path, texts, max_tokens)
    return Tagger(kind, encoder, types, reads_knowledge=any(text.knowledge for text in texts))


def load_tagger(folder: Path) -> Tagger:
    """Return a saved tagger, ready to tag.

    Raises:
        ConfigError: the folder holds no tagger.
    """
    if not (folder / SETTINGS).is_file():
        raise ConfigError(f"tagger: {folder} holds no {SETTINGS}. Name the folder model/ of a run of mcr train-tagger.")
    saved = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    encoder = encoder_kinds()[saved["encoder"]].load(folder, saved["max_tokens"])
    settings = {name: saved[name] for name in ("reads_knowledge", "dropout")}
    tagger = Tagger(saved["encoder"], encoder, saved["types"], **settings)
    tagger.load_state_dict(load_file(folder / WEIGHTS))
    return tagger.eval()
