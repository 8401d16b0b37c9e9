"""The measures beyond GMNER, MNER and EEG, each by hand, and the conventions in which papers differ."""

import itertools
import random

import pytest

from mcr.errors import DataError
from mcr.labels import FMNERG_FINE, TWITTER_FMNERG
from mcr.masks import mask_iou, read_mask
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.metrics.evaluate import score_rows
from mcr.records import Entity, ScoredSample, collapse_space

BOX, NEAR, HALF, FAR = ((0, 0, 10, 10),), ((0, 0, 10, 6),), ((0, 0, 10, 5),), ((50, 50, 60, 60),)


def one(gold, pred, sentence="Ann met Bob at Acme in Rome", **more):
    return ScoredSample(sentence, tuple(gold), tuple(pred), **more)


def f1(gold, pred, **conventions):
    return score_rows([one(gold, pred)], Conventions(**conventions)).gmner.f1


def test_iou_at_or_above_the_threshold():
    gold, pred = [Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", HALF)]
    assert f1(gold, pred) == 1
    assert f1(gold, pred, iou_must_exceed=True) == 0
    assert f1(gold, pred, iou_threshold=0.6) == 0


def test_any_or_the_largest_gold_box():
    gold, pred = [Entity("Ann", "PER", ((0, 0, 5, 5), (20, 20, 40, 40)))], [Entity("Ann", "PER", ((0, 0, 5, 5),))]
    assert f1(gold, pred) == 1
    assert f1(gold, pred, gold_boxes="largest") == 0


def test_repeated_predictions_cost_or_are_dropped():
    gold, pred = [Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", BOX)] * 3
    assert f1(gold, pred) == 0.5
    assert f1(gold, pred, duplicates="drop") == 1
    row = Conventions(duplicates="drop").unify(one(gold, [*pred, Entity("Bob", "PER")], uncertainties=(0.1, 0.2, 0.3, 0.4)))
    assert row.uncertainties == (0.1, 0.4)


@pytest.mark.parametrize("empty", [(0, 0, 0, 0), (-1, -1, -1, -1)])
def test_empty_boxes_are_none_by_default_or_wrong(empty):
    gold, pred = [Entity("Ann", "PER", None)], [Entity("Ann", "PER", (empty,))]
    assert f1(gold, pred) == 1
    assert f1(gold, pred, empty_boxes="wrong") == 0


def test_case():
    gold, pred = [Entity("Ann", "PER", None)], [Entity("ANN", "PER", None)]
    assert score_rows([one(gold, pred)]).n_count == 1
    relaxed = score_rows([one(gold, pred)], Conventions(is_case_sensitive=False))
    assert (relaxed.gmner.f1, relaxed.n_count) == (1, 0)


def test_no_target_with_and_without_type():
    gold, pred = [Entity("Ann", "PER", None)], [Entity("Ann", "LOC", None)]
    assert score_rows([one(gold, pred)]).no_target.f1 == 1
    assert score_rows([one(gold, pred)], Conventions(no_target_by_type=True)).no_target.f1 == 0


def test_f1_over_iou_thresholds():
    curve = score_rows([one([Entity("Ann", "PER", BOX)], [Entity("Ann", "PER", NEAR)])]).iou_curve
    assert list(curve) == [f"{0.1 * step:.1f}" for step in range(1, 11)]
    assert [curve[key] for key in ("0.1", "0.6", "0.7", "1.0")] == [1, 1, 0, 0]


def test_fine_types_fold_to_coarse_ones():
    gold = [Entity("Ann", "athlete", BOX), Entity("Acme", "sports_team", None)]
    pred = [Entity("Ann", "coach", BOX), Entity("Acme", "sports_team", BOX)]
    got = score_rows([one(gold, pred)])
    assert got.fmnerg.fine.num_correct == 0
    assert got.fmnerg.coarse.num_correct == 1
    assert got.fmner.fine.num_correct == 1
    assert got.fmner.coarse.num_correct == 2
    assert got.per_coarse_type["PER"].num_gold == 1
    assert score_rows([one([Entity("Ann", "PER", BOX)], [])]).fmnerg is None


def test_the_fine_types_are_those_of_the_real_labels(shared_data):
    import gzip

    pairs = set()
    for split in ("train", "dev", "test"):
        with gzip.open(shared_data / f"fmnerg_txt_fine_{split}.txt.gz", "rt", encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        pairs |= {(row[2][2:], row[1][2:]) for row in rows if len(row) == 3 and row[1] != "O"}
    assert dict(pairs) == TWITTER_FMNERG.coarse
    assert (len(FMNERG_FINE), len(TWITTER_FMNERG.labels)) == (8, 51)
    assert TWITTER_FMNERG.coarse_of("politician") == TWITTER_FMNERG.coarse_of("PERSON") == "PER"


def square(x, y, side, canvas=20):
    pytest.importorskip("pycocotools")
    return read_mask([[x, y, x + side, y, x + side, y + side, x, y + side]], height=canvas, width=canvas)


def test_masks_are_compared_by_area():
    assert mask_iou(square(0, 0, 10), square(0, 0, 10)) == 1
    assert mask_iou(square(0, 0, 10), square(5, 0, 10)) == pytest.approx(1 / 3)
    assert mask_iou(square(0, 0, 4), square(10, 10, 4)) == 0
    assert mask_iou(square(0, 0, 4), square(0, 0, 4, canvas=30)) == 0


def test_run_lengths_plain_or_compressed_and_polygons_are_the_same_mask():
    mask = square(0, 0, 10)
    runs = [0] + [10, 10] * 10 + [200]
    assert read_mask({"size": [20, 20], "counts": [*runs[:-2], runs[-2] + 200]}) == mask
    assert read_mask(mask.to_dict()) == mask


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        [],
        [[1, 2]],
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2], "counts": "1"},
        {"size": [2, 2], "counts": None},
        {"size": [10, 10], "counts": "zzzz"},
        {"size": [2, 2], "counts": "z\u00e9"},
        {"size": [0, 0], "counts": ""},
    ],
)
def test_what_is_no_mask_is_told(wrong):
    pytest.importorskip("pycocotools")
    with pytest.raises(DataError, match="mask: got"):
        read_mask(wrong, height=2, width=2)


def test_smner_and_ees_by_hand():
    half, whole = (square(0, 0, 5),), (square(0, 0, 10),)
    gold = [Entity("Ann", "PER", BOX, whole), Entity("Bob", "PER", BOX, whole), Entity("Rome", "LOC", None)]
    pred = [Entity("Ann", "ORG", FAR, whole), Entity("Bob", "PER", BOX, half), Entity("Rome", "LOC", None)]
    got = score_rows([one(gold, pred)])
    assert got.smner.num_correct == 1
    assert got.ees.num_correct == 2
    assert Entity.from_dict(gold[0].to_dict()) == gold[0]


def test_repeats_are_told_by_what_they_say():
    gold = [Entity("Ann Lee", "PER")]
    pred = [Entity("Ann Lee", "PER"), Entity("Ann  Lee", "person")]
    assert f1(gold, pred, duplicates="drop") == 1


def test_without_a_mask_a_grounded_entity_is_no_hit():
    mask = (square(0, 0, 5),)
    gold = [Entity("Ann", "PER", BOX), Entity("Bob", "PER", BOX, mask)]
    got = score_rows([one(gold, [Entity("Ann", "PER", FAR), Entity("Bob", "PER", BOX, mask)])])
    assert got.smner.num_correct == 1


def test_samples_without_boxes_asked_count_for_names_alone():
    rows = [one([Entity("Ann", "PER")], [Entity("Ann", "PER", BOX)], task="mner")]
    got = score_rows(rows)
    assert (got.mner.f1, got.gmner.num_gold) == (1, 0)


def test_seen_and_unseen_entities_by_hand():
    gold = [Entity("Ann", "PER", BOX), Entity("Bob", "PER", None)]
    pred = [Entity("Ann", "PER", BOX), Entity("Rome", "LOC", None)]
    got = score_rows([one(gold, pred)], seen_texts=frozenset({"Ann", "Rome"})).seen
    assert (got.seen.num_correct, got.seen.num_predicted, got.seen.num_gold) == (1, 2, 1)
    assert (got.unseen.num_correct, got.unseen.num_predicted, got.unseen.num_gold) == (0, 0, 1)


def brute_force(pred, gold, is_hit):
    """The largest number of pairs over all injections."""
    best = 0
    small, large = (pred, gold) if len(pred) <= len(gold) else (gold, pred)
    for chosen in itertools.permutations(range(len(large)), len(small)):
        pairs = zip(small, (large[index] for index in chosen), strict=True)
        pairs = pairs if small is pred else ((g, p) for p, g in pairs)
        best = max(best, sum(collapse_space(p.text) == collapse_space(g.text) and is_hit(p, g) for p, g in pairs))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_scores_equal_brute_force_matching(seed):
    rng = random.Random(seed)

    def some():
        boxes = [None, BOX, NEAR, HALF, FAR, BOX + FAR]
        return [
            Entity(rng.choice(["Ann", "Bob"]), rng.choice(["PER", "LOC"]), rng.choice(boxes)) for _ in range(rng.randint(0, 5))
        ]

    gold, pred = some(), some()
    for conventions in (DEFAULT, Conventions(iou_must_exceed=True), Conventions(gold_boxes="largest", iou_threshold=0.3)):
        row = conventions.unify(one(gold, pred))
        hit = conventions.agrees_on_type_and_location
        assert score_rows([row], conventions).gmner.num_correct == brute_force(list(row.predicted), list(row.gold), hit)
