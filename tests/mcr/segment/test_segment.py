"""Masks for boxes: by color on the sandbox's pictures, by a tiny SAM, and for any system's predictions by one command."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pycocotools")

from pycocotools import mask as coco

from data_prep import make_sandbox
from data_prep.sandbox.drawing import draw_pixels
from data_prep.sandbox.looks import Look
from mcr.errors import ConfigError
from mcr.io.predictions import Prediction, load_predictions, write_prediction
from mcr.io.samples import load_samples
from mcr.masks import mask_iou
from mcr.metrics.evaluate import evaluate
from mcr.segment.segmenters import make_segmenter, mask_of_pixels
from recipes import segment

DISC, BOX = Look("red", "disc"), (32.0, 32.0, 96.0, 96.0)
PIXELS = draw_pixels(((DISC, BOX),), (238, 236, 228), 128)


def gold_mask():
    return mask_of_pixels(np.any(np.array((238, 236, 228)) != PIXELS, axis=2))


def test_a_mask_of_pixels_is_what_pycocotools_makes_of_them():
    rng = np.random.default_rng(0)
    for pixels in (rng.random((5, 7)) > 0.5, np.ones((3, 2), bool), np.zeros((3, 2), bool)):
        wanted = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
        assert mask_of_pixels(pixels).counts == wanted["counts"].decode()


def test_the_whole_box_on_a_disc_covers_pi_over_four_of_it():
    (found,) = make_segmenter("box").segment(Image.fromarray(PIXELS), [BOX])
    assert mask_iou(found, gold_mask()) == pytest.approx(math.pi / 4, abs=0.02)


def test_the_color_segmenter_finds_the_disc():
    (found,) = make_segmenter("color").segment(Image.fromarray(PIXELS), [BOX])
    assert mask_iou(found, gold_mask()) >= 0.9


@pytest.fixture(scope="module")
def tiny_sam(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 64, "patch_size": 16}
    vision |= {"output_channels": 8, "mlp_dim": 16, "global_attn_indexes": [0], "num_pos_feats": 4, "window_size": 2}
    prompt = {"hidden_size": 8, "image_size": 64, "patch_size": 16, "image_embedding_size": 4, "mask_input_channels": 4}
    decoder = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16, "iou_head_hidden_dim": 8}
    config = transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    folder = tmp_path_factory.mktemp("sam")
    transformers.SamModel(config).save_pretrained(folder)
    size = {"size": {"longest_edge": 64}, "pad_size": {"height": 64, "width": 64}}
    size |= {"mask_size": {"longest_edge": 16}, "mask_pad_size": {"height": 16, "width": 16}}
    transformers.SamProcessor(transformers.SamImageProcessor(**size)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_sam_2(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    backbone = {"model_type": "sam2_hiera_det_model", "hidden_size": 8, "image_size": [64, 64], "blocks_per_stage": [1, 1, 2, 1]}
    backbone |= {"embed_dim_per_stage": [8, 16, 32, 64], "num_attention_heads_per_stage": [1, 1, 2, 2]}
    backbone |= {"window_size_per_stage": [4] * 4, "global_attention_blocks": [3]}
    backbone |= {"window_positional_embedding_background_size": [4, 4]}
    vision = {"backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 32}
    vision |= {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}
    prompt = {"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 4}
    decoder = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16, "iou_head_hidden_dim": 8}
    config = transformers.Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    folder = tmp_path_factory.mktemp("sam_2")
    transformers.Sam2Model(config).save_pretrained(folder)
    size = {"size": {"height": 64, "width": 64}, "mask_size": {"height": 16, "width": 16}}
    transformers.Sam2Processor(transformers.Sam2ImageProcessor(**size), target_size=64).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("model", ["tiny_sam", "tiny_sam_2"])
def test_a_tiny_model_gives_a_mask_of_the_image_for_each_box(model, request):
    segmenter = make_segmenter("sam", str(request.getfixturevalue(model)))
    image = Image.fromarray(PIXELS).resize((100, 60))
    masks = segmenter.segment(image, [(1, 2, 50, 40), (10, 10, 99, 59)])
    assert [(one.height, one.width) for one in masks] == [(60, 100)] * 2
    assert segmenter.segment(image, []) == []


@pytest.mark.parametrize("model", ["tiny_sam", "tiny_sam_2"])
def test_boxes_reach_a_model_in_the_pixels_that_it_sees(model, request):
    segmenter, seen = make_segmenter("sam", str(request.getfixturevalue(model))), []
    segmenter.model.register_forward_pre_hook(lambda _, args, inputs: seen.append(inputs["input_boxes"]), with_kwargs=True)
    segmenter.segment(Image.fromarray(PIXELS).resize((100, 50)), [(10, 5, 50, 40), (20, 10, 90, 50)])
    tall = 0.64 if model == "tiny_sam" else 1.28  # SAM keeps the shape, 64 x 32; SAM 2 makes it a square of 64
    wanted = [[[6.4, 5 * tall, 32.0, 40 * tall], [12.8, 10 * tall, 57.6, 50 * tall]]]
    np.testing.assert_allclose(np.asarray(seen[0]), wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["color", "box"])
def test_boxes_outside_the_image_or_without_area_have_empty_masks(name):
    outside = [(-40.0, -40.0, -1.0, -1.0), (200.0, 200.0, 300.0, 300.0), (90.0, 90.0, 40.0, 40.0), (50.0, 50.0, 50.0, 50.0)]
    found = make_segmenter(name).segment(Image.fromarray(PIXELS), outside)
    assert [(one.height, one.width, one.area) for one in found] == [(128, 128, 0)] * 4
    (crossing,) = make_segmenter(name).segment(Image.fromarray(PIXELS), [(32.0, 32.0, 500.0, 96.0)])
    assert 0 < crossing.area <= 96 * 64


def test_a_segmenter_that_cannot_be_made_is_refused():
    with pytest.raises(ConfigError, match=r"did you mean color\?"):
        make_segmenter("colour")
    with pytest.raises(ConfigError, match="expected a model"):
        make_segmenter("sam")


@pytest.fixture
def world(tmp_path):
    make_sandbox.main(["--output_dir", str(tmp_path), "--train", "1", "--dev", "1", "--test", "12", "--masks"])
    samples = load_samples(tmp_path / "test.jsonl")
    with (tmp_path / "predictions.jsonl").open("w") as file:
        for sample in samples:
            boxes_alone = tuple(replace(entity, masks=None) for entity in sample.entities)
            write_prediction(file, Prediction(sample.id, sample.sentence, boxes_alone))
    return tmp_path, samples


def flags(folder, *more):
    files = {"--predictions": "predictions.jsonl", "--gold": "test.jsonl", "--image_root": ".", "--output": "masks.jsonl"}
    named = [word for flag, name in files.items() for word in (flag, str(folder / name))]
    return [*named, "--segmenter", "color", *more]


def test_masks_for_right_boxes_give_a_high_smner(world, capsys):
    folder, samples = world
    segment.main(flags(folder))
    metrics = evaluate(samples, load_predictions(folder / "masks.jsonl"))
    assert metrics.smner is not None
    assert metrics.smner.f1 >= 0.95
    assert "masks for 12 predictions (0 were there)" in capsys.readouterr().out


def test_a_stopped_run_goes_on_behind_its_last_line(world, capsys):
    folder, _ = world
    segment.main(flags(folder))
    whole = (folder / "masks.jsonl").read_text()
    (folder / "masks.jsonl").write_text("".join(whole.splitlines(keepends=True)[:5]))
    segment.main(flags(folder))
    assert (folder / "masks.jsonl").read_text() == whole
    assert "for 7 predictions (5 were there)" in capsys.readouterr().out


def test_an_output_of_another_segmenter_is_refused(world, tiny_sam):
    folder, _ = world
    segment.main(flags(folder))
    with pytest.raises(ConfigError, match="masks made with other settings"):
        segment.main([*flags(folder)[:-1], "sam", "--model", str(tiny_sam)])


def test_predictions_of_other_samples_are_refused(world):
    folder, _ = world
    with (folder / "predictions.jsonl").open("a") as file:
        write_prediction(file, Prediction("stranger", "x"))
    with pytest.raises(ConfigError, match="are of no sample"):
        segment.main(flags(folder))
