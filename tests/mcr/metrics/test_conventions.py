"""The conventions say what they are, come from flags, and refuse what is none."""

from argparse import ArgumentParser
from dataclasses import fields, replace

import pytest

from mcr.errors import ConfigError
from mcr.labels import DEFAULT_LABELS
from mcr.metrics.conventions import DEFAULT, ConventionFlags, Conventions, add_convention_flags, read_conventions
from mcr.records import Entity, ScoredSample
from mcr.tasks import task_named

OTHERS = {
    "iou_threshold": 0.75,
    "iou_must_exceed": True,
    "gold_boxes": "largest",
    "duplicates": "drop",
    "is_case_sensitive": False,
    "no_target_by_type": True,
    "grounding_by_type": False,
    "auroc_ties": "none",
    "grec_overlap": "giou",
    "empty_boxes": "wrong",
    "type_aliases": False,
}


def test_the_default_in_words():
    words = DEFAULT.in_words()
    for part in (
        "IoU >= 0.5 of the first predicted box with any of gold's boxes",
        "compared case-sensitive",
        "types by the aliases of label set twitter.",
        "Repeated predictions count.",
        "N-scores compare text.",
        "the mean IoU pair entities by text and type.",
        "A tie counts one half in the AUROC of uncertainty.",
        "GREC's Pr@(F1=1) compares boxes by IoU.",
    ):
        assert part in words


def test_all_others_in_words():
    words = Conventions(**OTHERS).in_words()
    for part in (
        "IoU > 0.75 of the first predicted box with gold's largest box",
        "compared in lower case",
        "types as they are written, without the aliases of label set twitter.",
        "Repeated predictions are dropped.",
        "N-scores compare text and type.",
        "the mean IoU pair entities by text.",
        "A tie counts nothing in the AUROC of uncertainty.",
        "GREC's Pr@(F1=1) compares boxes by GIoU, pairing the highest first.",
    ):
        assert part in words


def test_each_convention_changes_the_words_and_the_record():
    assert set(OTHERS) == {one.name for one in fields(ConventionFlags)} == set(DEFAULT.to_dict()) - {"labels"}
    for name, value in OTHERS.items():
        changed = Conventions(**{name: value})
        assert changed.in_words() != DEFAULT.in_words()
        assert changed.to_dict() == {**DEFAULT.to_dict(), name: value}
        assert ConventionFlags(**{name: value}).with_labels(DEFAULT_LABELS) == changed


def test_each_convention_is_a_flag():
    parser = ArgumentParser()
    add_convention_flags(parser)
    assert read_conventions(parser.parse_args([])) == DEFAULT
    flags = [piece for name, value in OTHERS.items() for piece in (f"--{name}", str(value))]
    assert read_conventions(parser.parse_args(flags)) == Conventions(**OTHERS)
    assert "grec_overlap" in parser.format_help()


def test_switches_are_on_and_off_or_true_and_false():
    parser = ArgumentParser()
    add_convention_flags(parser)
    for off, on in (("off", "on"), ("false", "true"), ("OFF", "On")):
        assert not read_conventions(parser.parse_args(["--type_aliases", off])).type_aliases
        assert read_conventions(parser.parse_args(["--type_aliases", on])).type_aliases
    with pytest.raises(SystemExit):
        parser.parse_args(["--type_aliases", "maybe"])


def test_each_box_as_a_row_in_words():
    words = Conventions(gold_boxes="each").in_words()
    assert "the first predicted box with the one gold box of a row, or None for None. Each box is a row of its own" in words


def test_boxes_become_rows_with_their_uncertainties():
    two, none = Entity("Ann", "PER", ((0, 0, 9, 9), (20, 0, 29, 9))), Entity("Bob", "PER")
    row = ScoredSample("Ann Bob", (two, none), (none, two, Entity("Bob", "PER", ())), uncertainties=(0.1, 0.2, None))
    assert DEFAULT.by_box(row) is row
    by_box = Conventions(gold_boxes="each").by_box(row)
    assert [entity.boxes for entity in by_box.gold] == [((0, 0, 9, 9),), ((20, 0, 29, 9),), None]
    assert [entity.boxes for entity in by_box.predicted] == [None, ((0, 0, 9, 9),), ((20, 0, 29, 9),), ()]
    assert by_box.uncertainties == (0.1, 0.2, 0.2, None)
    assert Conventions(gold_boxes="each").by_box(by_box) == by_box
    phrase = replace(row, task=task_named("vg"))
    assert Conventions(gold_boxes="each").by_box(phrase) is phrase


def test_the_label_set_is_named_by_a_flag(tmp_path):
    (tmp_path / "food.yaml").write_text("name: food\nlabels: [DISH]\naliases: {meal: DISH}")
    parser = ArgumentParser()
    add_convention_flags(parser)
    conventions = read_conventions(parser.parse_args(["--labels", str(tmp_path / "food.yaml")]))
    meal, dish = Entity("Ramen", "meal"), Entity("Ramen", "DISH")
    assert conventions.agrees_on_type(meal, dish)
    assert not DEFAULT.agrees_on_type(meal, dish)
    assert conventions.to_dict()["labels"] == "food"
    assert "label set food" in conventions.in_words()
    exact = read_conventions(parser.parse_args(["--labels", str(tmp_path / "food.yaml"), "--type_aliases", "false"]))
    assert not exact.agrees_on_type(meal, dish)
    assert not replace(exact, iou_threshold=0.3).agrees_on_type(meal, dish)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iou_threshold": 0},
        {"iou_threshold": 1.5},
        {"gold_boxes": "all"},
        {"duplicates": "some"},
        {"auroc_ties": "all"},
        {"grec_overlap": "diou"},
    ],
)
def test_what_is_no_convention_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"expected an IoU threshold .* auroc_ties half or none, grec_overlap iou or giou"):
        Conventions(**wrong)
