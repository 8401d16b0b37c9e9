"""Vectors of samples on disk: made once for the same samples, embedder and images, then read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from mcr.embedding.embedders import Embedder
from mcr.io.atomic_write import whole_file
from mcr.records import Sample
from mcr.runs.fingerprint import images_hash, text_hash, weights_hash

VECTORS = "vectors"


class StoredEmbedder:
    """An embedder (`mcr.embedding.embedders.Embedder`) whose vectors are saved.

    Args:
        make: returns the embedder; called only for vectors that are not there.
        made_of: what vectors depend on besides samples and images: the kind of embedder, and its model.
        image_root: the folder that image paths start from, where images are looked at.
        folder: of the vectors, a file for each list of samples.
    """

    def __init__(self, make: Callable[[], Embedder], made_of: Sequence[str], image_root: Path | None, folder: Path) -> None:
        self.make, self.image_root, self.folder = make, image_root, folder
        kind, model = made_of
        self.made_of = [kind, weights_hash(model)]
        self.embedder: Embedder | None = None

    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return float32 [N, D], in the order of the samples."""
        path = self.folder / f"{self._name(samples)}.safetensors"
        if path.is_file():
            return load_file(path)[VECTORS]
        self.embedder = self.embedder or self.make()
        vectors = self.embedder.embed(samples)
        with whole_file(path) as unfinished:
            save_file({VECTORS: np.ascontiguousarray(vectors)}, unfinished)
        return vectors

    def _name(self, samples: Sequence[Sample]) -> str:
        """Return a name that follows from everything the vectors depend on."""
        rows = [[one.id, one.sentence, one.captions, [image.path for image in one.images]] for one in samples]
        images = [] if self.image_root is None else [image.path for one in samples for image in one.images]
        seen = "" if self.image_root is None else images_hash(self.image_root, images)
        return text_hash(json.dumps([self.made_of, rows, seen]))
