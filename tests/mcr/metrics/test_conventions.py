"""The conventions say what they are, come from flags, and refuse what is none."""

from argparse import ArgumentParser
from dataclasses import fields

import pytest

from mcr.errors import ConfigError
from mcr.metrics.conventions import DEFAULT, Conventions, add_convention_flags, read_conventions

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
}


def test_the_default_in_words():
    words = DEFAULT.in_words()
    for part in (
        "IoU >= 0.5 of the first predicted box with any of gold's boxes",
        "compared case-sensitive",
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
        "Repeated predictions are dropped.",
        "N-scores compare text and type.",
        "the mean IoU pair entities by text.",
        "A tie counts nothing in the AUROC of uncertainty.",
        "GREC's Pr@(F1=1) compares boxes by GIoU, pairing the highest first.",
    ):
        assert part in words


def test_each_convention_changes_the_words_and_the_record():
    assert set(OTHERS) == {one.name for one in fields(Conventions)} == set(DEFAULT.to_dict())
    for name, value in OTHERS.items():
        changed = Conventions(**{name: value})
        assert changed.in_words() != DEFAULT.in_words()
        assert changed.to_dict() == {**DEFAULT.to_dict(), name: value}
        assert Conventions(**changed.to_dict()) == changed


def test_each_convention_is_a_flag():
    parser = ArgumentParser()
    add_convention_flags(parser)
    assert read_conventions(parser.parse_args([])) == DEFAULT
    flags = [piece for name, value in OTHERS.items() for piece in (f"--{name}", str(value))]
    assert read_conventions(parser.parse_args(flags)) == Conventions(**OTHERS)
    assert "grec_overlap" in parser.format_help()


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
