"""Vectors of regions: cut out of the image, looked at by CLIP or SigLIP, kept and found again."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from mcr.records import ImageRef, Sample
from mcr.regions.crops import RegionEncoder, cut, features_of
from mcr.regions.proposed import Proposal
from mcr.systems.datasets import SANDBOX_CLIP

SAMPLE = Sample("1", "mine", "gmner", "hello", (ImageRef("a.png", 100, 80),), ())
MISSING = Sample("2", "mine", "gmner", "hello", (ImageRef("b.png", None, None, is_missing=True),), ())
REGIONS = (Proposal((10, 20, 60, 70), 0.9), Proposal((0, 0, 100, 80), 0.5))


@pytest.fixture
def image_root(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path


def make_siglip(folder):
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vision = {**size, "image_size": 32, "patch_size": 8}
    SiglipModel(SiglipConfig(vision_config=vision, text_config={**size, "vocab_size": 32})).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((10, 20, 60, 70), (50, 50)),
        ((10.4, 20.6, 10.5, 20.7), (1, 1)),  # a region smaller than a pixel
        ((99.9, 79.9, 100, 80), (1, 1)),
    ],
)
def test_a_region_is_cut_out_and_has_at_least_a_pixel(box, size):
    picture = Image.new("RGB", (100, 80))
    assert cut(picture, box).size == size
    picture.putpixel((10, 20), (255, 0, 0))
    assert cut(picture, (10, 20, 60, 70)).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("model", ["clip", "siglip"])
def test_each_region_is_looked_at_as_a_picture_of_its_own_and_the_whole_comes_last(image_root, tmp_path_factory, model):
    path = SANDBOX_CLIP if model == "clip" else make_siglip(tmp_path_factory.mktemp("siglip"))
    encoder = RegionEncoder(str(path), image_root, batch_size=2)
    found = encoder.encode(SAMPLE, REGIONS)
    assert found.shape == (3, encoder.width)
    assert torch.allclose(found[1], found[2], atol=1e-5), "the second region is the whole image"
    assert not torch.allclose(found[0], found[2])
    Image.open(image_root / "a.png").crop((10, 20, 60, 70)).save(image_root / "cut.png")
    alone = Sample("3", "mine", "gmner", "hello", (ImageRef("cut.png", 50, 50),), ())
    assert torch.allclose(encoder.encode(alone, ())[0], found[0], atol=1e-5)
    assert not encoder.encode(MISSING, ()).any()


def test_vectors_are_kept_and_made_anew_where_regions_or_images_differ(image_root, tmp_path):
    encoder, looked = RegionEncoder(str(SANDBOX_CLIP), image_root), []
    encoder.model.register_forward_hook(lambda *_: looked.append(1))
    first = features_of([(SAMPLE, REGIONS), (MISSING, ())], encoder, tmp_path / "kept")
    assert {name: tuple(rows.shape) for name, rows in first.items()} == {"1": (3, encoder.width), "2": (1, encoder.width)}
    again = features_of([(SAMPLE, REGIONS), (MISSING, ())], encoder, tmp_path / "kept")
    assert torch.equal(first["1"], again["1"])
    assert len(looked) == 1
    features_of([(SAMPLE, REGIONS[:1]), (MISSING, ())], encoder, tmp_path / "kept")
    assert len(looked) == 2
    Image.new("RGB", (100, 80)).save(image_root / "a.png")
    features_of([(SAMPLE, REGIONS[:1]), (MISSING, ())], encoder, tmp_path / "kept")
    assert len(looked) == 3
