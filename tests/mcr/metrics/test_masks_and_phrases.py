"""SMNER's curve, the mean IoU of masks, of entities and of phrases, and names that were seen in training, by hand."""

import pytest

from mcr.metrics.counts import count_rows, total
from mcr.metrics.scores import MASK_IOU_CURVE, MASK_MEAN_IOU, PHRASE_MASK_IOU, f1_of, has_masks, measures_of
from mcr.records import Entity, ScoredSample
from mcr.segment.segmenters import BoxSegmenter

BOX = (0.0, 0.0, 4.0, 4.0)


def mask(width, height):
    from PIL import Image

    return BoxSegmenter().segment(Image.new("RGB", (10, 10)), [(0, 0, width, height)])[0]


def test_a_sample_without_a_mask_counts_in_the_curve_as_in_the_score():
    shown = Entity("Ann", "PER", (BOX,), (mask(4, 4),))
    absent = Entity("Rome", "LOC")
    half = Entity("Ann", "PER", (BOX,), (mask(4, 3),))  # IoU 12 of 16
    rows = [ScoredSample("Ann", (shown,), (half,)), ScoredSample("Rome", (absent,), (absent,))]
    sums = total(count_rows(rows))
    assert f1_of("smner").of(sums) == 1.0
    assert {name: ratio.of(sums) for name, ratio in MASK_IOU_CURVE.items() if name in ("0.5", "0.7", "0.8", "1.0")} == {
        "0.5": 1.0,
        "0.7": 1.0,
        "0.8": 0.5,
        "1.0": 0.5,
    }
    assert MASK_MEAN_IOU.of(sums) == pytest.approx(0.75)


def test_a_masked_entity_that_is_not_named_has_no_overlap():
    shown = Entity("Ann", "PER", (BOX,), (mask(4, 4),))
    sums = total(count_rows([ScoredSample("Ann", (shown,), (shown,)), ScoredSample("Ann", (shown,), ())]))
    assert MASK_MEAN_IOU.of(sums) == pytest.approx(0.5)


def test_masks_of_phrases_are_averaged_over_phrases_that_have_some():
    gold = Entity("it", "", (BOX,), (mask(4, 4),))
    rows = [
        ScoredSample("it", (gold,), (Entity("it", "", (BOX,), (mask(4, 2),)),), task="vg"),
        ScoredSample("it", (gold,), (), task="vg"),
        ScoredSample("it", (Entity("it", ""),), (Entity("it", ""),), task="vg"),
    ]
    sums = total(count_rows(rows))
    assert PHRASE_MASK_IOU.of(sums) == pytest.approx(0.25)
    assert "mean mask IoU of phrases" in measures_of(sums)
    assert "mean mask IoU of phrases" not in measures_of(total(count_rows(rows[2:])))


def test_masks_of_predictions_alone_give_no_score():
    gold, found = Entity("Ann", "PER", (BOX,)), Entity("Ann", "PER", (BOX,), (mask(4, 4),))
    assert not has_masks(total(count_rows([ScoredSample("Ann", (gold,), (found,))])))
    assert has_masks(total(count_rows([ScoredSample("Ann", (found,), (gold,))])))
