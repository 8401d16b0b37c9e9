"""What turns samples into vectors, by the names that configs spell. A new kind is a class and a line in `EMBEDDERS`.

The paper takes the fusion features of a trained UMT; any embedder of text and image replaces it ("Differs:").
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from mcr.errors import ConfigError, closest
from mcr.io.images import open_image
from mcr.models.load import check_weights_are_safe
from mcr.records import Sample

MAX_TOKENS = 256


class Embedder(Protocol):
    """Anything that gives each sample a vector."""

    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return float32 [N, D], in the order of the samples."""
        ...


class TextEmbedder:
    """The mean of a text encoder's states over sentence and first caption.

    Args:
        name_or_path: of an encoder of transformers.
        image_root: not used.
        batch_size: samples at a time.
    """

    def __init__(self, name_or_path: str, image_root: Path | None, batch_size: int = 32) -> None:
        from transformers import AutoModel, AutoTokenizer

        check_weights_are_safe(name_or_path)
        self.tokenizer = AutoTokenizer.from_pretrained(name_or_path)  # the user names it # nosec B615
        settings = {"dtype": torch.float32, "use_safetensors": True}
        self.model = AutoModel.from_pretrained(name_or_path, **settings).eval()  # likewise # nosec B615
        self.batch_size = batch_size

    @torch.no_grad()
    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return float32 [N, D]."""
        rows = []
        for start in range(0, len(samples), self.batch_size):
            texts = [described(sample) for sample in samples[start : start + self.batch_size]]
            limit = {"truncation": True, "max_length": MAX_TOKENS, "split_special_tokens": True}
            inputs = self.tokenizer(texts, padding=True, return_tensors="pt", **limit)
            states = self.model(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None].float()
            rows.append((states * mask).sum(1) / mask.sum(1).clamp(min=1))
        return torch.cat(rows).numpy() if rows else np.zeros((0, int(self.model.config.hidden_size)), np.float32)


class ClipEmbedder:
    """The text's vector and the first image's, one behind the other, each of length 1; without an image the second half is zero.

    Args:
        name_or_path: of a CLIP of transformers.
        image_root: the folder that image paths start from; None: images are not at hand.
        batch_size: samples at a time.
    """

    def __init__(self, name_or_path: str, image_root: Path | None, batch_size: int = 32) -> None:
        from transformers import CLIPModel, CLIPProcessor

        check_weights_are_safe(name_or_path)
        self.processor = CLIPProcessor.from_pretrained(name_or_path)  # the user names it # nosec B615
        settings = {"dtype": torch.float32, "use_safetensors": True}
        self.model = CLIPModel.from_pretrained(name_or_path, **settings).eval()  # likewise # nosec B615
        self.image_root, self.batch_size = image_root, batch_size

    @torch.no_grad()
    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return float32 [N, 2 D]."""
        found = []
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            found.append(torch.cat([self.texts([sample.sentence for sample in batch]), self._images(batch)], dim=1))
        return torch.cat(found).numpy() if found else np.zeros((0, 2 * int(self.model.config.projection_dim or 0)), np.float32)

    @torch.no_grad()
    def texts(self, sentences: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts, float32 [N, D], of length 1; a text that is too long is cut."""
        limit = {"truncation": True, "split_special_tokens": True}
        inputs = self.processor.tokenizer(list(sentences), padding=True, return_tensors="pt", **limit)
        states = self.model.text_model(**inputs).pooler_output
        return torch.nn.functional.normalize(self.model.text_projection(states), dim=-1)

    def _images(self, samples: Sequence[Sample]) -> torch.Tensor:
        found = torch.zeros(len(samples), int(self.model.config.projection_dim or 0))
        shown = [row for row, sample in enumerate(samples) if sample.images and not sample.images[0].is_missing]
        if self.image_root is None or not shown:
            return found
        found[shown] = self.pictures([open_image(self.image_root, samples[row].images[0].path) for row in shown])
        return found

    @torch.no_grad()
    def pictures(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """Return the vectors of pictures, float32 [N, D], of length 1."""
        pixels = self.processor.image_processor(list(pictures), return_tensors="pt")["pixel_values"]
        states = self.model.visual_projection(self.model.vision_model(pixel_values=pixels).pooler_output)
        return torch.nn.functional.normalize(states, dim=-1)


Maker = Callable[[str, Path | None], Any]
EMBEDDERS: Mapping[str, Maker] = {"text": TextEmbedder, "clip": ClipEmbedder}


def make_embedder(kind: str, name_or_path: str, image_root: Path | None = None) -> Embedder:
    """Return an embedder.

    Args:
        kind: a key of EMBEDDERS.
        name_or_path: of its model: a folder or a name of the hub.
        image_root: the folder that image paths start from, for kinds that see images.

    Raises:
        ConfigError: no such kind.
    """
    if kind not in EMBEDDERS:
        raise ConfigError(f"embedder: got {kind!r}{closest(kind, EMBEDDERS)}, expected one of {', '.join(EMBEDDERS)}.")
    return EMBEDDERS[kind](name_or_path, image_root)


def described(sample: Sample) -> str:
    """Return the sentence, and the first caption behind it where there is one."""
    return "\n".join([sample.sentence, *sample.captions[:1]])
