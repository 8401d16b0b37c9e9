"""Regions on disk: written and read back, with every faulty line in one error; they have to fit their samples."""

import pytest

from mcr.errors import DataError
from mcr.records import Entity, ImageRef, Sample
from mcr.regions.proposed import Proposal, read_regions, regions_of, write_regions
from mcr.regions.recall import recall_at

IMAGE = ImageRef("a.png", 100, 100)
ANN = Entity("Ann", "PER", ((10, 10, 50, 50), (60, 60, 90, 90)))
SAMPLE = Sample("1", "mine", "gmner", "Ann in Rome", (IMAGE,), (ANN, Entity("Rome", "LOC")))
FAR, NEAR, EXACT = Proposal((0, 60, 20, 90), 0.9), Proposal((10, 10, 50, 90), 0.8), Proposal((60, 60, 90, 90), 0.7, "face")


def test_regions_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "regions" / "test.jsonl"
    write_regions(path, [("1", (FAR, NEAR, EXACT)), ("2", ())])
    assert read_regions(path) == {"1": (FAR, NEAR, EXACT), "2": ()}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[]", "expected an object"),
        ('{"id": "1"}', "expected an id and a list of regions"),
        ('{"id": "1", "regions": [{"box": [5, 5, 1, 9]}]}', "x1 < x2"),
        ('{"id": "1", "regions": [{"box": [1, 1, 5, 9], "score": true}]}', "score True"),
        ('{"id": "1", "regions": [{"label": "face"}]}', "an object with a box"),
        ('{"id": "1", "regions": []}\n{"id": "1", "regions": []}', "occurs twice"),
    ],
)
def test_a_faulty_line_is_named(tmp_path, line, told):
    path = tmp_path / "regions.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read_regions(path)


def test_the_best_regions_of_a_sample_are_kept():
    ((sample, kept),) = regions_of([SAMPLE], {"1": (NEAR, EXACT, FAR)}, top_k=2)
    assert (sample, kept) == (SAMPLE, (FAR, NEAR))


def test_a_sample_without_an_image_needs_no_regions():
    sample = Sample("2", "mine", "gmner", "Rome", (), (Entity("Rome", "LOC"),))
    assert list(regions_of([sample], {}, 5)) == [(sample, ())]


@pytest.mark.parametrize(
    ("regions", "told"), [({}, "has no regions"), ({"1": (Proposal((90, 90, 101, 99), 1.0),)}, "inside the image")]
)
def test_regions_that_do_not_fit_are_refused(regions, told):
    with pytest.raises(DataError, match=told):
        list(regions_of([SAMPLE], regions, 5))


def test_recall_counts_the_gold_boxes_that_a_region_covers():
    pairs = [(SAMPLE, (FAR, NEAR, EXACT))]
    assert recall_at(pairs, (1, 2, 3)) == {1: 0.0, 2: 0.5, 3: 1.0}
    assert recall_at(pairs, (3,), min_iou=0.51) == {3: 0.5}
    assert recall_at([], (3,)) == {3: 0.0}
