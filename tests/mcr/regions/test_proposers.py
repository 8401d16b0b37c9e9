"""Proposers from pixels to pixels: components, published files, detectors with random weights; and the command."""

import json
import shutil
from random import Random

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tiny_detectors import make_owlv2, make_rt_detr

from data_prep import make_sandbox
from data_prep.sandbox.drawing import draw_pixels
from data_prep.sandbox.looks import COLORS, Look
from mcr.errors import ConfigError, DataError
from mcr.io.samples import load_samples
from mcr.records import ImageRef, Sample
from mcr.regions.color_names import color_in, color_name
from mcr.regions.components import components, propose
from mcr.regions.detectors import MAX_IOU, best_apart
from mcr.regions.proposed import Proposal, read_regions
from mcr.regions.proposers import make_proposer
from recipes.propose import main

IMAGE = ImageRef("7.jpg", 100, 80)
SAMPLE = Sample("7", "mine", "gmner", "hello", (IMAGE,), ())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a small world of the sandbox."""
    folder = tmp_path_factory.mktemp("world")
    make_sandbox.main(["--output_dir", str(folder), "--train", "1", "--dev", "1", "--test", "12"])
    return folder


def write_npz(path, **changed):
    """Write a file as VinVL's regions are published."""
    arrays = {
        "num_boxes": np.array(3),
        "image_h": np.array(80),
        "image_w": np.array(100),
        "bounding_boxes": np.array([[0, 0, 10, 10], [20, 20, 120, 60], [90, 5, 90, 9]], dtype=np.float32),
        "box_features": np.zeros((3, 4), dtype=np.float32),
        "scores": np.array([0.2, 0.9, 0.5], dtype=np.float32),
        "objects": np.array(["dog", "man", "sign"]),
    }
    np.savez(path, **{name: value for name, value in (arrays | changed).items() if value is not None})


def test_components_of_the_sandbox_cover_every_gold_box(world, tmp_path, capsys):
    flags = ["--samples", str(world / "test.jsonl"), "--image_root", str(world), "--proposer", "components"]
    main([*flags, "--output", str(tmp_path / "regions.jsonl")])
    assert "| 28 | 100.00 |" in capsys.readouterr().out


def test_what_the_sandbox_shows_is_called_by_its_color():
    disc, ring = (4.0, 4.0, 68.0, 68.0), (72.0, 72.0, 120.0, 120.0)
    pixels = draw_pixels(((Look("purple", "disc"), disc), (Look("yellow", "ring"), ring)), (238, 236, 228), 128)
    assert [color_in(pixels, box) for box in components(pixels)] == ["purple", "yellow"]
    whole, nothing, outside = (0.0, 0.0, 128.0, 128.0), (100.0, 0.0, 128.0, 30.0), (-9.0, -9.0, -1.0, -1.0)
    assert [color_in(pixels, box) for box in (whole, nothing)] == ["purple", "white"]
    assert color_in(pixels, outside) == "white"
    found = propose(pixels, Random(0))
    assert {one.label for one in found if one.score > 0.7} == {"purple", "yellow"}
    assert all(color_name(*COLORS[name]) == name for name in COLORS)


def test_the_command_continues_after_a_torn_line_and_refuses_other_settings(world, tmp_path):
    flags = ["--samples", str(world / "test.jsonl"), "--image_root", str(world), "--proposer", "components"]
    output = tmp_path / "regions.jsonl"
    main([*flags, "--output", str(output)])
    whole = output.read_text(encoding="utf-8")
    output.write_text(whole[: len(whole) // 2], encoding="utf-8")
    main([*flags, "--output", str(output)])
    assert output.read_text(encoding="utf-8") == whole
    with pytest.raises(ConfigError, match="top_k"):
        main([*flags, "--output", str(output), "--top_k", "3"])
    image = tmp_path / "image_root" / load_samples(world / "test.jsonl")[0].images[0].path
    shutil.copytree(world, tmp_path / "image_root")
    image.write_bytes(image.read_bytes() + b"0")
    with pytest.raises(ConfigError, match="images"):
        main([*flags, "--output", str(output), "--image_root", str(tmp_path / "image_root")])


def test_published_regions_are_cut_to_the_image_and_sorted_by_score(tmp_path):
    write_npz(tmp_path / "7.jpg.npz")
    (found,) = make_proposer("vinvl", str(tmp_path), tmp_path, 28).propose([SAMPLE])
    assert [(one.box, one.label) for one in found] == [((20, 20, 100, 60), "man"), ((0, 0, 10, 10), "dog")]


def test_labels_that_are_pickled_objects_are_not_read(tmp_path):
    write_npz(tmp_path / "7.jpg.npz", objects=np.array(["dog", "man", 3], dtype=object))
    (found,) = make_proposer("vinvl", str(tmp_path), tmp_path, 28).propose([SAMPLE])
    assert {one.label for one in found} == {"object"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"image_w": np.array(90)}, "90x80 pixels, expected 100x80"),
        ({"bounding_boxes": None}, "lacks bounding_boxes"),
        ({"scores": np.zeros(2)}, "3 boxes and 2 scores"),
        ({"bounding_boxes": np.array([{}], dtype=object)}, "no archive of plain arrays"),
    ],
)
def test_published_regions_that_cannot_be_right_are_refused(tmp_path, changed, told):
    write_npz(tmp_path / "7.jpg.npz", **changed)
    with pytest.raises(DataError, match=told):
        list(make_proposer("vinvl", str(tmp_path), tmp_path, 28).propose([SAMPLE]))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"7\.jpg\.npz: no such file"):
        list(make_proposer("vinvl", str(tmp_path), tmp_path, 28).propose([SAMPLE]))


@pytest.mark.parametrize("make", [make_rt_detr, make_owlv2])
def test_a_detector_gives_regions_in_pixels_of_the_original_image(tmp_path, make):
    Image.new("RGB", (100, 80), "red").save(tmp_path / "7.jpg")
    folder = make(tmp_path / "model")
    (found,) = make_proposer("detector", str(folder), tmp_path, 4).propose([SAMPLE])
    assert 1 <= len(found) <= 4
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    for one in found:
        x1, y1, x2, y2 = one.box
        assert 0 <= x1 < x2 <= 100
        assert 0 <= y1 < y2 <= 80
    assert all(one.label for one in found)


@pytest.mark.parametrize(
    ("make", "box"),
    [
        (make_rt_detr, (0.0, 32.0, 50.0, 48.0)),  # shares of the image's own sides
        (make_owlv2, (0.0, 40.0, 50.0, 60.0)),  # of the longer side: it pads images to squares
    ],
)
def test_boxes_of_a_detector_are_scaled_to_the_original_image(tmp_path, monkeypatch, make, box):
    Image.new("RGB", (100, 80), "red").save(tmp_path / "7.jpg")
    proposer = make_proposer("detector", str(make(tmp_path / "model")), tmp_path, 1)

    class Out:
        logits = torch.tensor([[[-5.0, -4.0], [-5.0, 2.0]]])
        pred_boxes = torch.tensor([[[0.5, 0.5, 1.0, 1.0], [0.25, 0.5, 0.5, 0.2]]])

    monkeypatch.setattr(type(proposer.model), "forward", lambda self, **_: Out)
    ((found,),) = proposer.propose([SAMPLE])
    assert found.box == pytest.approx(box)


def test_regions_that_cover_a_better_one_are_left_out():
    best, same, other = Proposal((0, 0, 10, 10), 0.9), Proposal((0, 0, 10, 9), 0.8), Proposal((50, 50, 60, 60), 0.1)
    assert MAX_IOU < 0.9
    assert best_apart([other, same, best], 5) == (best, other)
    assert best_apart([other, same, best], 1) == (best,)


def test_unknown_kinds_and_numbers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="vinvl"):
        make_proposer("vinvll", "", tmp_path, 5)
    with pytest.raises(ConfigError, match="expected at least 1"):
        make_proposer("components", "", tmp_path, 0)


def test_the_worlds_own_regions_are_read(world):
    regions = read_regions(world / "regions" / "test.jsonl")
    assert list(regions) == [sample.id for sample in load_samples(world / "test.jsonl")]
    assert all(json.dumps(list(one.box)) for found in regions.values() for one in found)
