"""Gaussian Risk-Aware Box Perturbation against Algorithm 1 of E2E-GMNER."""

import copy
import math
import re
import statistics
from dataclasses import replace
from random import Random

import pytest

from mcr.boxes import frame_for, iou
from mcr.errors import ConfigError
from mcr.systems.e2e_gmner.grbp import BoxPerturber, GrbpSettings, perturb, perturb_box, perturb_text

FINE = frame_for("norm1", 1000, 1000)
FRAME = frame_for("norm1000", 1000, 1000)
BOX = (0.3, 0.4, 0.7, 0.6)
NUM = 20_000


GOLD = (20, 20, 60, 40)


def draws(settings, box=BOX, frame=FINE):
    rng = Random(0)
    settings = replace(settings, tau=0, tries=1)
    return [perturb_box(box, frame, settings, rng)[0] for _ in range(NUM)]


def by_hand(normals, box=GOLD, min_size=2, **settings):
    """Perturb in an image of 100 x 100 with the given normals; all of them have to be used."""
    left = iter(normals)
    found = perturb(box, 100, 100, GrbpSettings(**{"beta": 0.1, "gamma": 0.1, **settings}), min_size, lambda: next(left))
    assert list(left) == []
    return found


def test_one_draw_by_hand_in_the_order_of_the_algorithm():
    box, refused = by_hand([1, -1, 0.5, 2])  # center (40, 30) to (44, 28), size 40 x 20 to 42 x 24
    assert box == pytest.approx((23, 16, 65, 40))
    assert refused == 0


def test_scales_keep_their_bounds_and_an_iou_of_tau_is_accepted():
    bounds = {"gamma": 1, "min_scale": 0.5, "max_scale": 1.5, "tries": 1}
    assert by_hand([0, 0, 10, -10], tau=0.4, **bounds) == ((10, 25, 70, 35), 0)  # IoU 400 / 1000
    assert by_hand([0, 0, 10, -10], tau=0.41, **bounds) == (GOLD, 1)


def test_sizes_do_not_fall_below_the_minimum():
    assert by_hand([0, 0, -10, -10], box=(10, 10, 14, 14), min_size=3, gamma=1, tau=0.5) == ((10.5, 10.5, 13.5, 13.5), 0)


def test_a_refused_draw_is_drawn_again_and_after_the_last_gold_stays():
    far, near = [10, 0, 0, 0], [1, 0, 0, 0]
    assert by_hand([*far, *far, *near], tries=3) == ((24, 20, 64, 40), 2)
    assert by_hand([*far, *far], tries=2) == (GOLD, 2)


@pytest.mark.parametrize("box", [(10, 10, 11, 60), (10, 10, 60, 11.99), (0, 0, 1, 1)])
def test_a_box_thinner_than_the_minimum_comes_back_as_it_is_without_a_draw(box):
    assert by_hand([], box=box, tau=0.3) == (box, 0)


def test_a_box_of_exactly_the_minimum_moves():
    assert by_hand([1, 0, 0, 0], box=(10, 10, 12, 60)) == ((10.2, 10, 12.2, 60), 0)
    assert perturb_box((0.698, 0.1, 0.7, 0.9), FINE, GrbpSettings(beta=0.3, tau=0), Random(0))[0] != (0.698, 0.1, 0.7, 0.9)


def test_a_thin_gold_box_never_moves_in_any_frame():
    rng = Random(0)
    settings = GrbpSettings(beta=0.3, gamma=0.3, tau=0.3)
    for box, frame in (((100, 100, 101, 150), FRAME), ((100, 100, 150, 101), FRAME), ((0.1, 0.1, 0.101, 0.15), FINE)):
        assert {perturb_box(box, frame, settings, rng) for _ in range(200)} == {(box, 0)}


def test_a_draw_is_clipped_to_the_image_before_the_guard():
    assert by_hand([-2, 0, 0, 0], box=(0, 0, 10, 10), tau=0.8) == ((0, 0, 8, 10), 0)  # IoU 2 / 3 if it were not clipped


def test_a_draw_that_clipping_leaves_too_thin_is_refused():
    assert by_hand([-9, 0, 0, 0], box=(0, 0, 10, 10), tau=0, tries=1) == ((0, 0, 10, 10), 1)


def algorithm_1(box, normals, beta, gamma, tau, tries, m, s_min, s_max):
    """Algorithm 1 line by line, for boxes so far inside the image that clipping does nothing."""
    numpy = pytest.importorskip("numpy")
    low, high = numpy.array(box[:2], float), numpy.array(box[2:], float)
    center, size = (low + high) / 2, high - low
    if (size < m).any():
        return box
    for delta, eps in numpy.array(normals[: 4 * tries]).reshape(tries, 2, 2):
        moved = center + beta * delta * size
        grown = numpy.maximum(m, size * numpy.clip(1 + gamma * eps, s_min, s_max))
        new_low, new_high = moved - grown / 2, moved + grown / 2
        shared = numpy.prod(numpy.maximum(0, numpy.minimum(high, new_high) - numpy.maximum(low, new_low)))
        if shared / (numpy.prod(size) + numpy.prod(grown) - shared) >= tau:
            return (*new_low, *new_high)
    return box


@pytest.mark.parametrize("seed", range(100))
def test_perturb_is_algorithm_1(seed):
    rng = Random(seed)
    x, y = rng.uniform(4000, 6000), rng.uniform(4000, 6000)
    box = (x, y, x + rng.uniform(1, 60), y + rng.uniform(1, 60))
    beta, gamma = rng.choice([0.03, 0.1, 0.5]), rng.choice([0.03, 0.1, 0.5])
    settings = GrbpSettings(beta, gamma, tau=rng.choice([0.3, 0.6, 0.8]), tries=rng.randint(1, 6), min_scale=0.7, max_scale=1.4)
    normals = [rng.gauss(0, 1) for _ in range(24)]
    left = iter(normals)
    found, _ = perturb(box, 10_000, 10_000, settings, 8, lambda: next(left))
    expected = algorithm_1(box, normals, beta, gamma, settings.tau, settings.tries, 8, 0.7, 1.4)
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_center_and_the_size_are_gaussian_as_defined():
    found = draws(GrbpSettings(beta=0.05, gamma=0.1))
    for low, high, size in ((0, 2, 0.4), (1, 3, 0.2)):
        shifts = [((box[low] + box[high]) / 2 - 0.5) / size for box in found]
        scales = [(box[high] - box[low]) / size for box in found]
        assert statistics.fmean(shifts) == pytest.approx(0, abs=0.002)
        assert statistics.stdev(shifts) == pytest.approx(0.05, rel=0.03)
        assert statistics.fmean(scales) == pytest.approx(1, abs=0.004)
        assert statistics.stdev(scales) == pytest.approx(0.1, rel=0.03)
        far = sum(abs(shift) > 0.1 for shift in shifts) / NUM
        assert far == pytest.approx(math.erfc(2 / math.sqrt(2)), rel=0.15)  # the tails are not cut


def test_without_deviation_gold_stays():
    assert set(draws(GrbpSettings(beta=0, gamma=0))) == {BOX}


def test_boxes_stay_in_the_image_and_never_vanish():
    for frame, box in ((FRAME, (0, 0, 30, 20)), (FRAME, (990, 990, 1000, 1000)), (FINE, (0.0, 0.0, 0.004, 1.0))):
        for drawn in set(draws(GrbpSettings(beta=2, gamma=3), box, frame)):
            assert 0 <= drawn[0] < drawn[2] <= frame.scale_width
            assert 0 <= drawn[1] < drawn[3] <= frame.scale_height
            assert min(drawn[2] - drawn[0], drawn[3] - drawn[1]) >= 2 * 10**-frame.decimals - 1e-9


@pytest.mark.parametrize(
    ("beta", "box"), [(0.03, (100, 100, 500, 400)), (0.3, (100, 100, 500, 400)), (0.3, (100, 100, 106, 104))]
)
def test_the_guard_holds_for_the_box_as_it_is_written(beta, box):
    rng, settings = Random(1), GrbpSettings(beta=beta, gamma=beta)
    for _ in range(3000):
        drawn, refused = perturb_box(box, FRAME, settings, rng)
        assert all(float(value).is_integer() for value in drawn)
        assert iou(drawn, box) >= settings.tau
        assert 0 <= refused <= settings.tries


def fired(settings, box):
    rng = Random(2)
    return sum(perturb_box(box, FRAME, settings, rng)[1] > 0 for _ in range(5000)) / 5000


def test_at_the_papers_beta_and_gamma_the_guard_hardly_ever_fires():
    assert fired(GrbpSettings(), (100, 100, 500, 400)) < 0.001
    assert fired(GrbpSettings(beta=0.1, gamma=0.1), (100, 100, 500, 400)) < 0.2
    assert fired(GrbpSettings(beta=0.3, gamma=0.3), (100, 100, 500, 400)) > 0.5


def test_after_the_last_refusal_gold_stays():
    rng = Random(0)
    boxes = [perturb_box((100, 100, 500, 400), FRAME, GrbpSettings(beta=5, gamma=0, tau=0.99, tries=2), rng) for _ in range(200)]
    assert sum(found == ((100, 100, 500, 400), 2) for found in boxes) > 190


TEXT = "<think>Ann at [100, 200, 300, 400], a tree at [1, 2, 3, 4].</think><answer>\nAnn | PER | [100, 200, 300, 400]\nBob | PER | None\n"


def boxes_in(text):
    return re.findall(r"\[[^\]]*\]", text)


def test_a_box_moves_alike_in_reasoning_and_answer_and_nothing_else_changes():
    moved = perturb_text(TEXT, [(100, 200, 300, 400)], FRAME, GrbpSettings(), Random(3))
    first, other, last = boxes_in(moved)
    assert first == last != "[100, 200, 300, 400]"
    assert other == "[1, 2, 3, 4]"
    assert re.sub(r"\[[^\]]*\]", "", moved) == re.sub(r"\[[^\]]*\]", "", TEXT)


def boxes_of_numbers(text):
    return [float(number) for number in re.findall(r"[0-9.]+", text)]


def test_spacing_and_decimals_of_a_format_stay():
    moved = perturb_text("Ann|PER|[100,200,300,400]", [(100, 200, 300, 400)], FRAME, GrbpSettings(), Random(3))
    assert re.fullmatch(r"Ann\|PER\|\[\d+,\d+,\d+,\d+\]", moved)
    for text in ("(100, 200, 300, 400)", "[100., 200, 300, +400]"):
        assert boxes_of_numbers(perturb_text(text, [(100, 200, 300, 400)], FRAME, GrbpSettings(), Random(3))) != [
            100,
            200,
            300,
            400,
        ]
    moved = perturb_text("[0.100, 0.200, 0.300, 0.400]", [(0.1, 0.2, 0.3, 0.4)], FINE, GrbpSettings(), Random(3))
    assert re.fullmatch(r"\[0\.\d{3}, 0\.\d{3}, 0\.\d{3}, 0\.\d{3}\]", moved)


def row(sample_id="1"):
    gold = [{"text": "Ann", "type": "PER", "boxes": [[100, 200, 300, 400]]}, {"text": "Bob", "type": "PER", "boxes": None}]
    return {"sample_id": sample_id, "style": "s", "gold": gold, "frame": FRAME.to_dict(), "completion": [{"content": TEXT}]}


def test_each_epoch_is_fresh_and_the_same_again_for_the_same_seed():
    perturber = BoxPerturber(GrbpSettings(), seed=1)
    texts = []
    for epoch in (0, 1, 0):
        perturber.epoch = epoch
        texts.append(perturber(row()))
    assert texts[0] == texts[2] != texts[1]
    assert BoxPerturber(GrbpSettings(), seed=2)(row()) != texts[0]
    assert boxes_in(perturber(row("2"))) != boxes_in(texts[0])
    assert perturber({**row(), "frame": None}) == TEXT


def test_a_copied_data_set_learns_of_the_epoch():
    perturber = BoxPerturber(GrbpSettings(), seed=1)
    assert copy.deepcopy(perturber) is perturber


@pytest.mark.parametrize(
    "wrong", [{"beta": -1}, {"tau": 2}, {"tries": 0}, {"min_scale": 0}, {"max_scale": 0.5}, {"min_units": 0}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigError, match="grbp: got"):
        GrbpSettings(**wrong)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_gives_fresh_boxes_each_epoch_with_any_number_of_workers(sandbox_qwen3, num_workers):
    torch = pytest.importorskip("torch")
    from types import SimpleNamespace

    from mcr.training.callbacks.curves import EpochOf
    from mcr.training.data import for_fine_tuning, load_training_set

    perturber = BoxPerturber(GrbpSettings(beta=0.1), seed=1)
    rows = load_training_set(sandbox_qwen3 / "schemas/d1.parquet", sandbox_qwen3 / "data", needs_completion=True)
    train_set = for_fine_tuning(rows, sandbox_qwen3 / "data", perturber)
    assert set(train_set[0]) == {"sample_id", "prompt", "completion", "images"}
    loader = torch.utils.data.DataLoader(train_set, batch_size=4, num_workers=num_workers, collate_fn=lambda batch: batch)
    epochs = []
    for epoch in (0.0, 1.0, 0.4):
        EpochOf(perturber).on_epoch_begin(None, SimpleNamespace(epoch=epoch), None)
        epochs.append([one["completion"][0]["content"] for batch in loader for one in batch])
    assert epochs[0] == epochs[2] != epochs[1]
    plain = [one[0]["content"] for one in rows["completion"]]
    assert sum(a != b for a, b in zip(plain, epochs[0], strict=True)) > len(plain) / 3
    assert sum(a != b for a, b in zip(epochs[0], epochs[1], strict=True)) > len(plain) / 3
