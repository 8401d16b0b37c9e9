"""Stored vectors: made once, and anew for other samples, another model or other images."""

import numpy as np
import pytest

pytest.importorskip("torch")

from mcr.embedding.stored import StoredEmbedder
from mcr.records import ImageRef, Sample

SAMPLES = [
    Sample(str(number), "mine", "gmner", text, (ImageRef("a.png", 9, 9),), ()) for number, text in enumerate(("one", "two"))
]


class Lengths:
    """A fake embedder: the length of a sentence, and how often it was asked."""

    def __init__(self):
        self.num_asked = 0

    def embed(self, samples):
        self.num_asked += 1
        return np.array([[len(one.sentence), 1.0] for one in samples], dtype=np.float32)


@pytest.fixture
def image_root(tmp_path):
    (tmp_path / "a.png").write_bytes(b"1")
    return tmp_path


def stored(embedder, folder, image_root=None, model="tiny"):
    return StoredEmbedder(lambda: embedder, ("text", model), image_root, folder)


def test_the_same_samples_are_looked_at_once(tmp_path):
    embedder = Lengths()
    first = stored(embedder, tmp_path).embed(SAMPLES)
    again = stored(embedder, tmp_path).embed(SAMPLES)
    assert embedder.num_asked == 1
    assert np.array_equal(first, again)
    assert first.dtype == again.dtype == np.float32


def test_other_samples_models_and_images_are_looked_at_anew(tmp_path, image_root):
    embedder, folder = Lengths(), tmp_path / "vectors"
    stored(embedder, folder, image_root).embed(SAMPLES)
    stored(embedder, folder, image_root).embed(SAMPLES[:1])
    stored(embedder, folder, image_root, model="other").embed(SAMPLES)
    (image_root / "a.png").write_bytes(b"22")
    stored(embedder, folder, image_root).embed(SAMPLES)
    assert embedder.num_asked == 4
    assert len(list(folder.glob("*.safetensors"))) == 4
