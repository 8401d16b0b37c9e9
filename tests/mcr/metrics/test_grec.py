"""GREC's measures by hand, and against the rule of the official evaluation code."""

import random

import pytest

from mcr.boxes import giou
from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import score_rows
from mcr.records import Entity, ScoredSample

BOX, FAR = ((0, 0, 10, 10),), ((50, 50, 60, 60),)
OFFICIAL = Conventions(grec_overlap="giou")


def vg(gold, pred):
    return ScoredSample("the man", (Entity("the man", "", gold),), (Entity("the man", "", pred),), task="vg")


def test_grec_by_hand():
    rows = [
        vg(BOX, BOX),  # exact
        vg(BOX, BOX + FAR),  # first box right, one too many
        vg(BOX, None),  # target missed
        vg(None, None),  # rightly none
        vg(None, BOX),  # wrongly one
        vg(None, ()),  # a place that could not be read is not none
    ]
    got = score_rows(rows).grec
    assert got.n_acc == pytest.approx(1 / 3)
    assert got.t_acc == pytest.approx(2 / 3)
    assert got.precision == pytest.approx(2 / 3)
    assert got.exact == pytest.approx(2 / 6)
    assert score_rows(rows).gmner.num_gold == 0


def test_grec_credits_nothing_to_who_says_nothing():
    silent = ScoredSample("the man", (Entity("the man", ""),), (), task="vg", is_answered=False)
    said = ScoredSample("the man", (Entity("the man", ""),), (), task="vg")
    assert score_rows([silent]).grec.n_acc == score_rows([silent]).grec.exact == 0
    assert score_rows([said]).grec.n_acc == score_rows([said]).grec.exact == 1


def test_the_largest_gold_box_is_no_rule_for_phrases_with_several_targets():
    row = vg(BOX + FAR, BOX + FAR)
    assert score_rows([row], Conventions(gold_boxes="largest")).grec.exact == 1


def exact(gold, pred, **conventions):
    return score_rows([vg(gold, pred)], Conventions(**conventions)).grec.exact


def test_a_box_can_hit_by_iou_and_miss_by_giou():
    gold, pred = ((0, 0, 50, 50),), ((9, 9, 59, 59),)  # IoU 1681 / 3319 = 0.506, GIoU 0.460
    assert exact(gold, pred) == 1
    assert exact(gold, pred, grec_overlap="giou") == 0
    assert exact(gold, pred, grec_overlap="giou", iou_threshold=0.45) == 1


def test_giou_decides_exact_samples_alone():
    got = score_rows([vg(((0, 0, 50, 50),), ((9, 9, 59, 59),)), vg(None, None)], OFFICIAL).grec
    assert (got.precision, got.t_acc, got.n_acc, got.exact) == (1, 1, 1, 0.5)


def test_the_official_code_pairs_the_highest_first_even_where_that_costs_a_pair():
    gold = ((10, 0, 20, 10), (13, 0, 23, 10))
    pred = ((11, 0, 21, 10), (8, 0, 18, 10))  # the first takes gold's first (9 / 11), the second hits no other (5 / 15)
    assert exact(gold, pred) == exact(gold, pred[::-1]) == 1
    assert exact(gold, pred, grec_overlap="giou") == exact(gold, pred[::-1], grec_overlap="giou") == 0


def official(gold, pred):
    """The rule of henghuiding/gRefCOCO for one sample, after its threshold on scores."""
    if not gold:
        return float(not pred)
    table = {(p, g): giou(a, b) for p, a in enumerate(pred) for g, b in enumerate(gold)}
    num_correct = 0
    for _ in range(min(len(pred), len(gold))):
        top = max(table, key=table.get)
        if table[top] < 0.5:
            break
        num_correct += 1
        table = {pair: 0.0 if pair[0] == top[0] or pair[1] == top[1] else value for pair, value in table.items()}
    return float(2 * num_correct / (len(pred) + len(gold)) >= 1)


@pytest.mark.parametrize("seed", range(20))
def test_giou_is_the_official_rule(seed):
    rng = random.Random(seed)

    def some():
        corners = [(rng.randint(0, 6), rng.randint(0, 2)) for _ in range(rng.randint(0, 3))]
        return tuple((x, y, x + rng.randint(8, 12), y + 10) for x, y in corners)

    cases = [(some(), some()) for _ in range(100)]
    rows = [vg(gold or None, pred or None) for gold, pred in cases]
    expected = sum(official(gold, pred) for gold, pred in cases) / len(cases)
    assert score_rows(rows, OFFICIAL).grec.exact == pytest.approx(expected)
