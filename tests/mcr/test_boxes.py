import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcr.boxes import Frame, area, frame_for, giou, iou, smart_resize
from mcr.errors import ConfigError

coordinate = st.floats(-1e3, 1e3)
boxes = st.tuples(coordinate, coordinate, coordinate, coordinate)


def test_iou_by_hand():
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert iou((0, 0, 10, 10), (2, 2, 4, 4)) == pytest.approx(4 / 100)


def test_iou_of_touching_boxes_is_zero():
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


@pytest.mark.parametrize("bad", [(5, 5, 5, 9), (9, 9, 1, 1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)])
def test_iou_of_a_box_that_is_none_is_zero(bad):
    assert iou(bad, (0, 0, 10, 10)) == 0
    assert iou(bad, bad) == 0
    assert area(bad) == 0


@given(boxes, boxes)
def test_iou_is_symmetric_and_bounded(a, b):
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1


def test_giou_by_hand():
    assert giou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert giou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7 - 2 / 9)  # union 7, enclosing box 9
    assert giou((0, 0, 10, 10), (2, 2, 4, 4)) == pytest.approx(4 / 100)  # inside: nothing of the enclosing box is left over
    assert giou((0, 0, 50, 50), (9, 9, 59, 59)) == pytest.approx(1681 / 3319 - 162 / 3481)


def test_giou_of_disjoint_boxes_is_negative_and_of_touching_ones_zero():
    assert giou((0, 0, 1, 1), (1, 0, 2, 1)) == 0
    assert giou((0, 0, 1, 1), (2, 0, 3, 1)) == pytest.approx(-1 / 3)
    assert giou((0, 0, 1, 1), (1, 1, 2, 2)) == pytest.approx(-1 / 2)
    assert giou((0, 0, 1, 1), (99, 0, 100, 1)) == pytest.approx(-98 / 100)


@pytest.mark.parametrize("bad", [(5, 5, 5, 9), (9, 9, 1, 1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)])
def test_giou_of_a_box_that_is_none_is_minus_one(bad):
    assert giou(bad, (0, 0, 10, 10)) == giou((0, 0, 10, 10), bad) == giou(bad, bad) == -1


@given(boxes, boxes)
def test_giou_is_symmetric_and_at_most_iou(a, b):
    assert giou(a, b) == giou(b, a)
    assert -1 <= giou(a, b) <= iou(a, b)


@given(st.integers(60, 2000), st.integers(60, 2000), st.sampled_from(["absolute", "norm1000", "norm1"]), st.data())
def test_round_trips_stay_within_one_unit(width, height, kind, data):
    frame = frame_for(kind, width, height)
    x1, y1 = data.draw(st.integers(0, width - 20)), data.draw(st.integers(0, height - 20))
    box_px = (x1, y1, data.draw(st.integers(x1 + 15, width)), data.draw(st.integers(y1 + 15, height)))
    written = frame.from_px(box_px)
    again = frame.from_px(frame.to_px(written))
    assert again == written
    unit = 10.0**-frame.decimals
    back = frame.to_px(written)
    for got, want, axis in zip(back, box_px, (0, 1, 0, 1), strict=True):
        factor = (frame.scale_width / width, frame.scale_height / height)[axis]
        assert abs(got - want) * factor <= unit


def test_a_sliver_keeps_one_unit_and_stays_inside():
    frame = frame_for("norm1000", 10_000, 10_000)
    assert frame.from_px((9999, 9999, 10_000, 10_000)) == (999, 999, 1000, 1000)


def test_smart_resize_by_hand():
    assert smart_resize(706, 500, factor=28, min_pixels=3136, max_pixels=12845056) == (700, 504)
    assert smart_resize(10, 10, factor=28, min_pixels=3136, max_pixels=12845056) == (56, 56)
    rows, cols = smart_resize(4000, 3000, factor=28, min_pixels=3136, max_pixels=1_000_000)
    assert rows * cols <= 1_000_000
    assert rows % 28 == cols % 28 == 0


def test_smart_resize_equals_the_processors():
    pytest.importorskip("torch")
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize as theirs

    for height, width in [(706, 500), (33, 1200), (4000, 3000), (10, 10), (160, 160)]:
        bounds = {"factor": 28, "min_pixels": 3136, "max_pixels": 1_003_520}
        assert smart_resize(height, width, **bounds) == theirs(height, width, **bounds)


def test_an_aspect_ratio_that_processors_refuse_is_told():
    with pytest.raises(ConfigError, match="aspect ratio"):
        smart_resize(1, 500, factor=28, min_pixels=1, max_pixels=10)


def test_an_unknown_frame_is_refused():
    with pytest.raises(ConfigError, match="norm1000"):
        Frame("norm7", 1, 1, 1, 1)


def test_a_frame_can_write_y_before_x():
    frame = frame_for("norm1000", 200, 100, axes="yxyx")
    assert frame.from_px((20, 10, 100, 60)) == (100, 100, 600, 500)
    assert frame.to_px((100, 100, 600, 500)) == (20, 10, 100, 60)
    assert Frame.from_dict(frame.to_dict()) == frame
    assert "axes" not in frame_for("norm1", 200, 100).to_dict()
    with pytest.raises(ConfigError, match="axes 'yx'"):
        frame_for("norm1", 200, 100, axes="yx")
