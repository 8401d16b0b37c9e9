"""Embedders: CLIP's vectors of length 1 whatever a checkpoint's precision, and images that are missing."""

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from mcr.embedding.embedders import make_embedder
from mcr.errors import ConfigError
from mcr.records import ImageRef, Sample
from mcr.systems.datasets import SANDBOX_CLIP
from mcr.tasks import MNER


def sample(sample_id, *images):
    return Sample(sample_id, "x", MNER, f"a red-disc {sample_id}", tuple(images), ())


def test_clip_of_half_precision_gives_both_halves_or_zeros(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    image, missing = ImageRef("a.png", 40, 40), ImageRef("b.png", None, None, is_missing=True)
    vectors = make_embedder("clip", str(SANDBOX_CLIP), tmp_path).embed([sample("1", image), sample("2", missing), sample("3")])
    half = vectors.shape[1] // 2
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors[:, :half], axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(vectors[:, half:], axis=1) == pytest.approx([1, 0, 0], abs=1e-5)
    assert not make_embedder("clip", str(SANDBOX_CLIP)).embed([sample("1", image)])[:, half:].any()


def test_text_vectors_do_not_depend_on_the_batch(tiny_text_encoder):
    embedder = make_embedder("text", str(tiny_text_encoder))
    together = embedder.embed([sample("1"), sample("a much longer one than the others"), sample("3")])
    assert embedder.embed([sample("1")])[0] == pytest.approx(together[0], abs=1e-5)


def test_an_unknown_embedder_is_refused():
    with pytest.raises(ConfigError, match=r"did you mean clip\?"):
        make_embedder("clips", "x")
