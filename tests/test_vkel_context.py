"""bench/vkel_context.py: what tells a place, what was told, and which places are right, on hand-made names."""

import pytest
from bench_path import load_bench

from mcr.records import Entity

bench = load_bench("vkel_context")
SHOWN, ABSENT = Entity("Brenna", "author", ((0.0, 0.0, 32.0, 32.0),)), Entity("Brenna", "author", None)
LOOKS = ["red-disc", "green-disc"]


@pytest.mark.parametrize(
    ("gold", "shown", "needs"),
    [
        (SHOWN, ["red-disc", "blue-house"], "type"),
        (SHOWN, ["red-disc", "blue-ring"], "look"),  # two of persons
        (ABSENT, ["blue-house"], "type"),
        (ABSENT, ["blue-disc"], "look"),  # another person's
    ],
)
def test_the_type_tells_a_place_unless_the_image_has_another_object_of_the_type(gold, shown, needs):
    assert bench.what_tells(LOOKS, shown, gold) == needs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Brenna is an author and looks like green-disc.", "right"),
        ("Brenna is an author and looks like red-ring.", "wrong"),
        ("Brenna is an author.", "nothing"),
        (None, "nothing"),
    ],
)
def test_what_was_told_is_judged_by_the_look(text, told):
    assert bench.what_was_told(LOOKS, text) == told


def test_a_place_is_right_if_its_iou_exceeds_a_half_or_both_have_none():
    half, more = Entity("Brenna", "author", ((0.0, 0.0, 32.0, 16.0),)), Entity("Brenna", "author", ((0.0, 0.0, 32.0, 17.0),))
    assert [bench.is_placed(one, SHOWN) for one in (SHOWN, more, half, ABSENT)] == [True, True, False, False]
    assert bench.is_placed(ABSENT, ABSENT)
    assert not bench.is_placed(SHOWN, ABSENT)


def test_cells_count_by_need_and_by_what_was_told():
    placed = [bench.Placed("type", "wrong", True), bench.Placed("type", "right", False), bench.Placed("look", "right", True)]
    assert bench.cells(placed) == ["1 of 2 (50)", "1 of 1 (100)", "-", "-"]
