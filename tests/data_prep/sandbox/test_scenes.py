"""The sandbox world: names, scenes, exact masks, proposals, and what is written to disk."""

import json
from random import Random

import numpy as np
import pytest

from data_prep.make_sandbox import main
from data_prep.sandbox.drawing import BACKGROUNDS, draw_pixels, mask_of, run_lengths, shape_mask
from data_prep.sandbox.looks import ALL_NAMES, COLORS, KNOWN, OWNER_OF, TAUGHT, TYPE_OF_SHAPE, UNSEEN
from data_prep.sandbox.scenes import UNSEEN_TASK, WorldOptions, make_scene, to_sample
from data_prep.sandbox.task_worlds import world_sample
from mcr.boxes import iou
from mcr.errors import ConfigError
from mcr.io.samples import load_samples
from mcr.labels import FMNERG_FINE
from mcr.masks import mask_iou, read_mask
from mcr.regions.components import components, propose
from mcr.regions.proposed import read_regions
from mcr.segment.color import segment

SCENES = [world_sample(0, "test", index)[1] for index in range(400)]
FINE_TYPES = {name for names in FMNERG_FINE.values() for name in names.split()}


def test_names_are_of_four_types_with_fine_types_and_one_to_three_words():
    assert {name.type for name in KNOWN} == {name.type for name in UNSEEN} == {"PER", "LOC", "ORG", "OTHER"}
    assert {name.fine_type for name in ALL_NAMES} <= FINE_TYPES
    assert {len(name.text.split()) for name in ALL_NAMES} == {1, 2, 3}
    assert len({name.text for name in ALL_NAMES}) == len(ALL_NAMES) == 40


def test_every_look_belongs_to_one_name_and_some_names_have_two():
    assert len(OWNER_OF) == sum(len(name.looks) for name in ALL_NAMES) == len(COLORS) * len(TYPE_OF_SHAPE)
    assert sum(len(name.looks) == 2 for name in KNOWN) == len(TYPE_OF_SHAPE)
    assert all(TYPE_OF_SHAPE[look.shape] == name.type for look, name in OWNER_OF.items())


def test_a_scene_follows_from_seed_split_and_index():
    assert make_scene(1, "dev", 5) == make_scene(1, "dev", 5)
    assert len({make_scene(*key).sentence for key in ((1, "dev", 5), (2, "dev", 5), (1, "test", 5), (1, "dev", 6))}) > 1


def test_both_biases_are_there_and_half_of_the_unnamed_look_like_a_named_one():
    named = [(scene, name) for scene in SCENES for name in scene.named]
    absent = [(scene, name) for scene, name in named if not scene.shown_of(name)]
    assert 0.3 < len(absent) / len(named) < 0.5
    unnamed = [(scene, look) for scene in SCENES for look, _ in scene.drawn if OWNER_OF[look] not in scene.named]
    assert len(unnamed) > 200
    own = [{look for name in scene.named for look in name.looks} for scene, _ in unnamed]
    alike = [
        any(look.color == one.color or look.shape == one.shape for one in looks)
        for (_, look), looks in zip(unnamed, own, strict=True)
    ]
    assert sum(alike) / len(unnamed) > 0.5


def test_an_image_can_show_two_looks_of_one_name():
    assert any(len(scene.shown_of(name)) == 2 for scene in SCENES for name in scene.named)


def test_the_task_has_no_unseen_name_and_no_look_of_one():
    for scene in SCENES:
        assert all(name.is_known for name in scene.named)
        assert all(OWNER_OF[look].is_known for look, _ in scene.drawn)


def test_each_unseen_sentence_with_a_name_has_an_unseen_one():
    for index in range(100):
        scene = make_scene(0, "unseen", index, UNSEEN_TASK)
        assert not scene.named or any(not name.is_known for name in scene.named)


def test_boxes_lie_on_the_grid_and_do_not_overlap():
    for scene in SCENES:
        boxes = [box for _, box in scene.drawn]
        assert all(value % 32 == 0 and 0 <= value <= scene.image_px for box in boxes for value in box)
        assert not any(iou(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_loose_things_lie_off_the_grid_but_inside_the_image():
    scenes = [make_scene(0, "train", index, WorldOptions(loose_px=6)) for index in range(100)]
    values = [value for scene in scenes for _, box in scene.drawn for value in box]
    assert all(0 <= value <= 128 and value == int(value) for value in values)
    assert sum(value % 32 != 0 for value in values) > len(values) / 8
    boxes = [[box for _, box in scene.drawn] for scene in scenes]
    assert not any(iou(a, b) for one in boxes for i, a in enumerate(one) for b in one[:i])


def test_a_larger_grid_makes_a_larger_image():
    assert make_scene(0, "train", 0, WorldOptions(grid=6)).image_px == 192


def inside(shape: str, x: float, y: float, edge: float) -> bool:
    """Whether a pixel with its center at (x, y) of the unit square and its lower edge at `edge` is in a shape."""
    dx, dy = abs(x - 0.5), abs(y - 0.5)
    distance = (dx * dx + dy * dy) ** 0.5
    return {
        "disc": distance <= 0.5,
        "ring": 0.25 < distance <= 0.5,
        "triangle": dx <= edge / 2,
        "house": dx <= edge / 0.4 / 4 if y < 0.4 else True,
        "square": True,
        "frame": dx > 0.25 or dy > 0.25,
        "cross": dx <= 1 / 6 or dy <= 1 / 6,
        "diamond": dx + dy <= 0.5,
    }[shape]


@pytest.mark.parametrize("shape", TYPE_OF_SHAPE)
@pytest.mark.parametrize("side", [32, 64])
def test_masks_equal_a_slow_rasterizer(shape, side):
    slow = [
        [inside(shape, (column + 0.5) / side, (row + 0.5) / side, (row + 1) / side) for column in range(side)]
        for row in range(side)
    ]
    assert (shape_mask(shape, side, side) == np.array(slow)).all()


@pytest.mark.parametrize("shape", TYPE_OF_SHAPE)
def test_a_shape_touches_each_side_of_its_box(shape):
    mask = shape_mask(shape, 32, 32)
    assert all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


def test_a_picture_shows_each_mask_in_its_color_and_nothing_else():
    for scene in SCENES[:60]:
        pixels = draw_pixels(scene.drawn, scene.background, scene.image_px)
        is_drawn = np.zeros(pixels.shape[:2], dtype=bool)
        for look, box in scene.drawn:
            x1, y1, x2, y2 = map(int, box)
            mask = np.zeros_like(is_drawn)
            mask[y1:y2, x1:x2] = shape_mask(look.shape, x2 - x1, y2 - y1)
            assert (pixels[mask] == COLORS[look.color]).all()
            assert mask_of(look, box, scene.image_px).area == mask.sum()
            is_drawn |= mask
        assert (pixels[~is_drawn] == scene.background).all()


def test_run_lengths_of_a_hand_worked_mask():
    assert run_lengths(np.array([[1, 0], [1, 1]], dtype=bool)) == [0, 2, 1, 1]
    assert run_lengths(np.zeros((2, 2), dtype=bool)) == [4]


def has_touching_looks_of_one_color(scene):
    grown = [(look, (x1 - 1, y1 - 1, x2 + 1, y2 + 1)) for look, (x1, y1, x2, y2) in scene.drawn]
    pairs = [(a, b) for i, a in enumerate(grown) for b in grown[:i]]
    return any(a[0].color == b[0].color and iou(a[1], b[1]) for a, b in pairs)


APART = [scene for scene in SCENES if not has_touching_looks_of_one_color(scene)]


def test_components_of_a_picture_are_what_is_drawn_unless_two_of_one_color_touch():
    assert len(APART) > 0.8 * len(SCENES)
    for scene in APART[:60]:
        pixels = draw_pixels(scene.drawn, scene.background, scene.image_px)
        assert sorted(components(pixels)) == sorted(box for _, box in scene.drawn)


def test_proposals_cover_what_is_drawn_inexactly_and_add_distractors():
    for scene in APART[:60]:
        proposals = propose(draw_pixels(scene.drawn, scene.background, scene.image_px), Random(0))
        assert len(proposals) >= 8
        assert [one.score for one in proposals] == sorted((one.score for one in proposals), reverse=True)
        assert all(0.7 < max(iou(box, one.box) for one in proposals) < 1 for _, box in scene.drawn)
        for one in proposals:
            x1, y1, x2, y2 = one.box
            assert 0 <= x1 < x2 <= scene.image_px
            assert 0 <= y1 < y2 <= scene.image_px


def test_a_sample_has_all_that_is_known_and_captions_name_nothing():
    for index, scene in enumerate(SCENES[:50]):
        sample = to_sample(scene, f"s-{index}", "a.png")
        assert [entity.text for entity in sample.entities] == [name.text for name in scene.named]
        assert len(sample.regions) == len(scene.drawn)
        assert not any(name.text in caption for name in ALL_NAMES for caption in sample.captions)


def test_fine_types_and_masks_are_options_of_a_sample():
    scene = next(scene for scene in SCENES if any(map(scene.shown_of, scene.named)))
    sample = to_sample(scene, "s", "a.png", has_fine_types=True, has_masks=True)
    assert {entity.type for entity in sample.entities} <= FINE_TYPES
    assert all(len(entity.masks or ()) == len(entity.boxes or ()) for entity in sample.entities)


def test_a_world_on_disk_is_checked_samples_with_images_regions_and_knowledge(tmp_path):
    sizes = ["--train", "5", "--dev", "2", "--test", "3", "--unseen", "4"]
    main(["--output_dir", str(tmp_path), *sizes, "--masks"])
    for split, size in (("train", 5), ("dev", 2), ("test", 3), ("unseen", 4)):
        samples = load_samples(tmp_path / f"{split}.jsonl")
        assert len(samples) == size
        assert all((tmp_path / sample.images[0].path).is_file() for sample in samples)
        regions = [json.loads(line) for line in (tmp_path / "regions" / f"{split}.jsonl").read_text().splitlines()]
        assert [row["id"] for row in regions] == [sample.id for sample in samples]
        objects = read_regions(tmp_path / "objects" / f"{split}.jsonl")
        drawn = {sample.id: world_sample(0, split, index)[1].in_reading_order() for index, sample in enumerate(samples)}
        assert {key: [(one.label, one.box) for one in found] for key, found in objects.items()} == {
            key: [(look.label, box) for look, box in shown] for key, shown in drawn.items()
        }
    assert len((tmp_path / "knowledge.jsonl").read_text().splitlines()) == len(ALL_NAMES)


def test_other_tasks_refuse_what_they_do_not_have(tmp_path):
    with pytest.raises(ConfigError, match="mner has none"):
        main(["--output_dir", str(tmp_path), "--task", "mner", "--unseen", "3"])


def test_the_training_split_names_half_of_the_known_names_and_tests_name_all():
    named = {
        split: {entity.text for index in range(300) for entity in world_sample(0, split, index)[0].entities}
        for split in ("train", "mner_train", "dev", "test")
    }
    assert named["train"] == named["mner_train"] == {name.text for name in TAUGHT}
    assert named["dev"] == named["test"] == {name.text for name in KNOWN}
    assert len(TAUGHT) == len(KNOWN) / 2


def test_no_phrase_has_fine_types(tmp_path):
    with pytest.raises(ConfigError, match="vg has none"):
        main(["--output_dir", str(tmp_path), "--task", "vg", "--fine_types"])


def test_the_segmenter_finds_what_is_drawn_from_an_inexact_box():
    for index, scene in enumerate(SCENES[:100]):
        pixels, rng = draw_pixels(scene.drawn, scene.background, scene.image_px), Random(index)
        exact = {look: mask_of(look, box, scene.image_px) for look, box in scene.drawn}
        for look, box in scene.drawn:
            reach = 0.06 * (box[2] - box[0])
            moved = tuple(min(max(side + rng.uniform(-reach, reach), 0.0), scene.image_px) for side in box)
            found = segment(pixels, moved)
            mask = read_mask({"size": [*found.shape], "counts": run_lengths(found)})
            assert mask_iou(mask, exact[look]) >= (0.7 if has_touching_looks_of_one_color(scene) else 1.0)


def test_the_segmenter_finds_nothing_where_nothing_is():
    empty = draw_pixels([], BACKGROUNDS[1], 32)
    assert not segment(empty, (4.0, 4.0, 20.0, 20.0)).any()


def test_the_whole_box_of_a_disc_has_a_mask_iou_of_a_quarter_of_pi():
    look, box = next((look, box) for scene in SCENES for look, box in scene.drawn if look.shape == "disc")
    whole = np.zeros((128, 128), dtype=bool)
    x1, y1, x2, y2 = map(int, box)
    whole[y1:y2, x1:x2] = True
    square = read_mask({"size": [128, 128], "counts": run_lengths(whole)})
    assert mask_iou(square, mask_of(look, box, 128)) == pytest.approx(np.pi / 4, abs=0.02)
