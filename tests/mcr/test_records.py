import pytest

from mcr.errors import DataError
from mcr.records import Entity, ImageRef, Sample

IMAGE = ImageRef("a.jpg", 100, 50)


def make(**changes) -> Sample:
    row = {"id": "1", "dataset": "d", "task": "gmner", "sentence": "Ann sees Bob", "images": (IMAGE,)}
    return Sample(**(row | {"entities": (Entity("Ann", "PER", ((0, 0, 10, 10),)),)} | changes))


def test_a_good_sample_is_built():
    assert make().entities[0].boxes == ((0.0, 0.0, 10.0, 10.0),)


@pytest.mark.parametrize(
    ("entity", "rule"),
    [
        (Entity("ann", "PER"), "part of the sentence"),
        (Entity("", "PER"), "part of the sentence"),
        (Entity("Ann", "PER", ((0, 0, 101, 10),)), "100x50"),
        (Entity("Ann", "PER", ((10, 0, 0, 10),)), "x1 < x2"),
        (Entity("Ann", "PER", ((0, 0, float("nan"), 10),)), "finite"),
        (Entity("Ann", "PER", ()), "empty list"),
    ],
)
def test_a_bad_entity_is_told_with_the_sample(entity, rule):
    with pytest.raises(DataError, match="sample 1") as caught:
        make(entities=(entity,))
    assert rule in str(caught.value)


def test_white_space_in_spans_is_collapsed():
    assert make(sentence="Ann  sees\tBob", entities=(Entity("Ann sees", "PER"),))


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.jpg", "a/../../b.jpg", "..\\a.jpg"])
def test_an_image_path_outside_the_folder_is_refused(path):
    with pytest.raises(DataError, match="inside the data folder"):
        ImageRef(path, 10, 10)


def test_a_size_may_be_unknown_only_for_a_missing_image():
    assert ImageRef("a.jpg", None, None, is_missing=True)
    with pytest.raises(DataError, match="positive pixels"):
        ImageRef("a.jpg", None, None)


def test_a_box_without_an_image_is_refused():
    with pytest.raises(DataError, match="no image to hold it"):
        make(images=())
