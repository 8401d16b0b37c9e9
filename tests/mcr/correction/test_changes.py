"""Changes by hand: what was wrong and is right, what was right and is wrong, what stayed wrong."""

from mcr.correction.changes import changes_of
from mcr.io.predictions import Prediction
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

BOX, OTHER = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
GOLD = {
    "1": Sample(
        "1", "mine", GMNER, "Ann in Rome", (ImageRef("a.png", 90, 90),), (Entity("Ann", "PER", (BOX,)), Entity("Rome", "LOC"))
    )
}


def predicted(*entities):
    return [Prediction("1", "Ann in Rome", entities)]


def test_each_part_is_judged_by_itself():
    before = predicted(Entity("Ann in", "LOC", (OTHER,)), Entity("Rome", "LOC"))
    after = predicted(Entity("Ann", "PER", (BOX,)), Entity("Rome", "ORG", (OTHER,)))
    assert changes_of(before, after, GOLD) == {
        "span": {"changed": 1, "to_right": 1, "to_wrong": 0},
        "type": {"changed": 2, "to_right": 1, "to_wrong": 1},
        "region": {"changed": 2, "to_right": 1, "to_wrong": 1},
    }


def test_what_stays_wrong_is_changed_alone():
    found = changes_of(predicted(Entity("Ann", "LOC", (BOX,))), predicted(Entity("Ann", "ORG", (BOX,))), GOLD)
    assert found["type"] == {"changed": 1, "to_right": 0, "to_wrong": 0}
    assert found["span"] == found["region"] == {"changed": 0, "to_right": 0, "to_wrong": 0}
