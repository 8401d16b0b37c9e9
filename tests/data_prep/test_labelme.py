"""Twitter-SMNER's masks as labelme writes them, one file an image."""

import pytest
from test_readers import twitter_folder, write

pytest.importorskip("pycocotools")
from data_prep.readers.reading import read_all
from data_prep.readers.twitter_smner import TWITTER_SMNER_READER
from mcr.errors import DataError

SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]


def shape(points=SQUARE, label="Ann Lee", **more):
    return {"label": label, "points": points, "shape_type": "polygon", "group_id": None} | more


def folder(root, *shapes, name="train1", **more):
    twitter_folder(root, "txt", [("Ann", "B-PER"), ("Lee", "I-PER"), ("here", "O")])
    write(root / "masks" / f"{name}.json", {"imageHeight": 20, "imageWidth": 20, "shapes": shapes} | more)
    return root


def test_each_shape_is_a_mask_of_its_entity_and_shapes_of_a_group_are_one(tmp_path):
    rectangle = shape([[10, 10], [14, 16]], shape_type="rectangle")
    parts = [shape([[x, 0], [x + 2, 0], [x + 2, 2], [x, 2]], group_id=7) for x in (0, 10)]
    samples, counts = read_all(TWITTER_SMNER_READER, folder(tmp_path, shape(), rectangle, *parts))
    (entity,) = samples["train"][0].entities
    assert [mask.area for mask in entity.masks] == [16, 24, 8]
    assert (counts["train"]["masks"], counts["train"]["boxes without a mask"]) == (3, 0)
    assert samples["dev"][0].entities[0].masks is None


@pytest.mark.parametrize(
    ("shapes", "more", "told"),
    [
        ([shape([[1, 1], [5, 1]])], {}, "at least three points"),
        ([shape([[1, 1], [50, 1], [5, 5]])], {}, "inside the image"),
        ([shape(shape_type="circle")], {}, "shape_type 'circle', expected polygon or rectangle"),
        ([{"points": SQUARE}], {}, "not labelme's"),
        ([3], {}, "not labelme's"),
        ([], {"imageHeight": "tall"}, "not labelme's"),
        ([shape()], {"imageHeight": 21}, "of an image of 20x21, the sample's has 20x20"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_file(tmp_path, shapes, more, told):
    with pytest.raises(DataError, match=rf"(?s)mask: .*{told}"):
        read_all(TWITTER_SMNER_READER, folder(tmp_path, *shapes, **more))


def test_masks_of_no_tweet_are_listed(tmp_path):
    with pytest.raises(DataError, match=r"elsewhere\.json"):
        read_all(TWITTER_SMNER_READER, folder(tmp_path, name="elsewhere"))


def test_a_label_of_no_entity_and_an_entity_of_no_label_are_counted(tmp_path):
    _, counts = read_all(TWITTER_SMNER_READER, folder(tmp_path, shape(label="Bob")))
    assert (counts["train"]["masks without entity"], counts["train"]["boxes without a mask"]) == (1, 1)
