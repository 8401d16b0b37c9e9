import random
from dataclasses import replace

import numpy as np
import pytest
from recipes_path import load_recipe

from mcr.masks import Mask
from mcr.metrics.conventions import DEFAULT, Conventions
from mcr.metrics.counts import count_rows
from mcr.metrics.evaluate import score_rows
from mcr.metrics.intervals import (
    Estimate,
    SeedsEstimate,
    as_matrix,
    difference,
    difference_over_seeds,
    estimate,
    estimate_over_seeds,
    keys_of,
    mean_with_interval,
    resampled_sums,
    scores_of,
)
from mcr.metrics.scores import MEASURES, N_COUNT, f1_of
from mcr.records import Entity, ScoredSample

BOXES = (None, ((0, 0, 10, 10),), ((0, 0, 10, 8),), ((40, 40, 50, 50),))


def random_rows(seed, num=60, noise=0.3):
    rng, rows = random.Random(seed), []
    for _ in range(num):
        gold = [Entity(f"name{i}", rng.choice(["PER", "LOC"]), rng.choice(BOXES)) for i in range(rng.randint(0, 3))]
        pred = [e if rng.random() > noise else Entity(e.text, "ORG", rng.choice(BOXES)) for e in gold if rng.random() > noise / 2]
        pred += [Entity("nobody", "PER")] * (rng.random() < noise / 3)
        rows.append(ScoredSample(" ".join(e.text for e in gold), tuple(gold), tuple(pred)))
    return rows


@pytest.mark.parametrize("conventions", [DEFAULT, Conventions(grounding_by_type=False, no_target_by_type=True)])
def test_scores_equal_the_metrics(conventions):
    for seed in range(20):
        rows = random_rows(seed)
        metrics = score_rows(rows, conventions)
        found = {name: one.value for name, one in estimate(count_rows(rows, conventions), num_resamples=10).items()}
        expected = {
            "GMNER F1": metrics.gmner.f1,
            "GMNER precision": metrics.gmner.precision,
            "GMNER recall": metrics.gmner.recall,
            "MNER F1": metrics.mner.f1,
            "MNER precision": metrics.mner.precision,
            "MNER recall": metrics.mner.recall,
            "EEG F1": metrics.eeg.f1,
            "EEG precision": metrics.eeg.precision,
            "EEG recall": metrics.eeg.recall,
            "N-Rate": metrics.n_rate,
            "N-Pre": metrics.no_target.precision,
            "N-Rec": metrics.no_target.recall,
            "N-F1": metrics.no_target.f1,
            "Acc@0.5": metrics.grounding.acc_50,
            "Acc@0.75": metrics.grounding.acc_75,
            "mean IoU": metrics.grounding.mean_iou,
        }
        assert found == pytest.approx(expected)
        assert metrics.measures == pytest.approx(expected | {"N-Count": metrics.n_count})


def test_measures_of_fine_types_masks_seen_entities_and_phrases_have_intervals_and_equal_the_metrics():
    mask = Mask(20, 20, "0")
    gold = [Entity("Ann", "athlete", BOXES[1], (mask,)), Entity("Rome", "city"), Entity("Bob", "coach", BOXES[1])]
    wrong = [Entity("Ann", "coach", BOXES[1]), Entity("Rome", "city"), Entity("Bob", "coach", BOXES[3])]
    rows = [ScoredSample("Ann met Bob in Rome", tuple(gold), tuple(some)) for some in (wrong, wrong[1:], [])]
    phrase = Entity("the man", "", BOXES[1])
    rows += [ScoredSample("the man", (phrase,), some, task="vg") for some in ((phrase,), (), (replace(phrase, boxes=None),))]
    rows.append(ScoredSample("the man", (replace(phrase, boxes=None),), (), task="vg"))
    metrics = score_rows(rows, seen_texts=frozenset({"Ann", "Rome"}))
    found = {name: one.value for name, one in estimate(count_rows(rows, seen_texts=frozenset({"Ann", "Rome"}))).items()}
    expected = {
        "FMNERG F1": metrics.fmnerg.fine.f1,
        "FMNERG F1, coarse types": metrics.fmnerg.coarse.f1,
        "FMNER F1": metrics.fmner.fine.f1,
        "FMNER F1, coarse types": metrics.fmner.coarse.f1,
        "SMNER F1": metrics.smner.f1,
        "SMNER precision": metrics.smner.precision,
        "SMNER recall": metrics.smner.recall,
        "mean mask IoU": 0.0,
        "EES F1": metrics.ees.f1,
        "EES precision": metrics.ees.precision,
        "EES recall": metrics.ees.recall,
        "GMNER F1, seen": metrics.seen.seen.f1,
        "GMNER F1, unseen": metrics.seen.unseen.f1,
        "MNER F1, seen": 4 / 9,  # of 3 predictions 2 are right, Rome twice; gold has Ann and Rome three times
        "MNER F1, unseen": 4 / 5,  # Bob twice, of three times in gold
        "GREC N-acc": metrics.grec.n_acc,
        "GREC T-acc": metrics.grec.t_acc,
        "GREC precision": metrics.grec.precision,
        "GREC Pr@(F1=1)": metrics.grec.exact,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert len(set(expected.values())) > 6
    assert set(found) == {*MEASURES, *expected}
    assert metrics.measures == pytest.approx(found | {"N-Count": 0})


def test_a_measure_that_one_system_lacks_is_compared_all_the_same():
    coarse, fine = (count_rows([ScoredSample("Ann", (), (Entity("Ann", label),))]) for label in ("PER", "athlete"))
    assert "FMNERG F1" not in estimate(coarse, num_resamples=10)
    assert difference(coarse, fine, num_resamples=10)["FMNERG F1"].value == 0


def test_phrases_have_no_measure_of_names_and_names_none_of_phrases():
    phrase = ScoredSample("the man", (Entity("the man", "", BOXES[1]),), (), task="vg")
    assert list(estimate(count_rows([phrase]), num_resamples=10)) == ["GREC precision", "GREC T-acc", "GREC Pr@(F1=1)"]
    named = ScoredSample("Ann", (Entity("Ann", "PER"),), (), task="mner")
    assert list(estimate(count_rows([named]), num_resamples=10)) == ["MNER F1", "MNER precision", "MNER recall", "N-Rate"]
    assert estimate(count_rows([named]), num_resamples=0) == {}


@pytest.mark.parametrize("num", [2, 3, 5, 40])
def test_the_interval_of_a_mean_over_seeds_is_students(num):
    stats = pytest.importorskip("scipy.stats")
    values = [random.Random(seed).random() for seed in range(num)]
    low, high = stats.t.interval(0.95, num - 1, loc=np.mean(values), scale=stats.sem(values))
    found = mean_with_interval(values)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(values), low, high), abs=2e-4)


def test_one_seed_has_no_interval():
    assert mean_with_interval([0.5]) == Estimate(0.5, 0.5, 0.5)


def test_resamples_equal_a_slow_loop():
    counts = np.arange(12, dtype=float).reshape(4, 3)
    picks = np.random.default_rng(5).integers(0, 4, size=(7, 4))
    assert np.allclose(resampled_sums(counts, 7, seed=5), [counts[row].sum(0) for row in picks])


def test_the_interval_of_a_mean_has_the_width_of_theory():
    """One entity a sample, right or wrong: recall is a mean of coin flips."""
    rng = random.Random(0)
    gold, wrong = (Entity("a", "PER"),), (Entity("a", "LOC"),)
    rows = [ScoredSample("a", gold, gold if rng.random() < 0.7 else wrong) for _ in range(400)]
    found = estimate(count_rows(rows))["GMNER recall"]
    sigma = (found.value * (1 - found.value) / 400) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * sigma, rel=0.08)
    assert found.low < found.value < found.high


def test_same_seed_same_numbers_and_no_samples_no_numbers():
    counts, keys = count_rows(random_rows(1)), keys_of(MEASURES)
    assert estimate(counts, num_resamples=50) == estimate(counts, num_resamples=50) != estimate(counts, num_resamples=50, seed=1)
    assert estimate([]) == difference([], []) == {}
    assert (scores_of(np.zeros(len(keys)), keys, MEASURES) == 0).all()
    assert as_matrix([], keys).shape == (0, len(keys))


def test_a_system_against_itself_differs_by_nothing():
    counts = count_rows(random_rows(2))
    for one in difference(counts, counts, num_resamples=200).values():
        assert (one.value, one.low, one.high, one.p) == (0, 0, 0, 1)


def test_a_real_difference_is_found_and_a_turned_comparison_turns_it():
    good, bad = random_rows(3, 200, noise=0.05), random_rows(3, 200, noise=0.05)
    bad = [ScoredSample(row.sentence, row.gold, row.predicted if index % 3 else ()) for index, row in enumerate(bad)]
    good, bad = count_rows(good), count_rows(bad)
    there, back = difference(bad, good, num_resamples=500), difference(good, bad, num_resamples=500)
    assert there["GMNER F1"].low > 0.05
    assert there["GMNER F1"].p < 0.01
    assert back["GMNER F1"].value == pytest.approx(-there["GMNER F1"].value)
    assert back["GMNER F1"].high == pytest.approx(-there["GMNER F1"].low)


def test_compare_writes_the_table_and_who_is_right_alone(tmp_path, capsys):
    import json

    gold = [{"text": "Ann", "type": "PER", "boxes": None}]
    with (tmp_path / "gold.jsonl").open("w") as file:
        for index in range(4):
            row = {"id": f"s{index}", "dataset": "d", "task": "gmner", "sentence": "Ann <script>", "images": [], "entities": gold}
            file.write(json.dumps(row) + "\n")
    for name, right in (("a", {0, 1}), ("b", {1, 2})):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            for index in range(3):
                entities = gold if index in right else []
                file.write(json.dumps({"id": f"s{index}", "sentence": "Ann <script>", "entities": entities}) + "\n")
    flags = [
        str(tmp_path / "a.jsonl"),
        str(tmp_path / "b.jsonl"),
        "--gold",
        str(tmp_path / "gold.jsonl"),
        "--output_dir",
        str(tmp_path / "out"),
    ]
    load_recipe("compare").main([*flags, "--num_resamples", "100"])
    assert "| GMNER F1 |" in capsys.readouterr().out
    found = json.loads((tmp_path / "out/compare.json").read_text())
    assert found["right_in_a_alone"] == ["s0"]
    assert found["right_in_b_alone"] == ["s2"]
    assert found["num_missing"] == {"a": 1, "b": 1}
    assert found["measures"]["GMNER F1"]["difference"]["value"] == 0
    assert "<script>" not in (tmp_path / "out/compare.md").read_text()


F1 = {"F1": f1_of("mner")}
HIT = {("mner", "correct"): 1, ("mner", "predicted"): 1, ("mner", "gold"): 1}
MISS = {("mner", "predicted"): 1, ("mner", "gold"): 1}


def test_over_seeds_one_seed_is_the_bootstrap_over_samples():
    counts = count_rows(random_rows(3))
    over, alone = estimate_over_seeds([counts], MEASURES, num_resamples=4000), estimate(counts, num_resamples=4000)
    for name in ("GMNER F1", "N-F1", "mean IoU"):
        assert over[name].mean == pytest.approx(alone[name].value, abs=1e-12)
        assert over[name].deviation is None
        assert over[name].low == pytest.approx(alone[name].low, abs=0.02)
        assert over[name].high == pytest.approx(alone[name].high, abs=0.02)


def test_over_seeds_identical_samples_leave_the_seeds_alone():
    """Each seed has samples that are all alike, so only the draw of the seeds varies: 0 and 1 with two seeds of F1 0 and 1."""
    found = estimate_over_seeds([[HIT] * 5, [MISS] * 5], F1, num_resamples=2000)["F1"]
    assert (found.mean, found.low, found.high, found.num_seeds) == (0.5, 0.0, 1.0, 2)
    assert found.deviation == pytest.approx(0.5**0.5)
    drawn = estimate_over_seeds([[HIT] * 5, [HIT] * 5, [MISS] * 5], F1, num_resamples=2000)["F1"]
    assert {round(3 * drawn.low), round(3 * drawn.high)} == {0, 3}, "(2/3)^3 and (1/3)^3 are both above 2.5 %"


def test_over_seeds_identical_seeds_of_identical_samples_have_no_width():
    assert estimate_over_seeds([[HIT] * 4] * 3, F1, num_resamples=100)["F1"] == SeedsEstimate(1.0, 0.0, 1.0, 1.0, 3)


def test_over_seeds_the_interval_covers_seeds_and_samples():
    """Two seeds of one sample each that differ, and many samples: wider than the samples alone, and never outside [0, 1]."""
    mixed = [HIT, MISS] * 50
    inside = estimate_over_seeds([mixed, mixed], F1, num_resamples=2000)["F1"]
    across = estimate_over_seeds([[HIT] * 100, [MISS] * 100], F1, num_resamples=2000)["F1"]
    assert inside.mean == across.mean == 0.5
    assert inside.high - inside.low < 0.2 < across.high - across.low
    expected = 1.96 * (0.25 / 200) ** 0.5  # 200 samples in all, of variance 1/4
    assert inside.high - 0.5 == pytest.approx(expected, abs=0.015)


def test_over_seeds_counts_are_sums_and_not_ratios():
    rows = [{("names", "invented"): 2}, {("names", "invented"): 1}]
    found = estimate_over_seeds([rows, rows[:1] * 2], {"N": N_COUNT}, num_resamples=200)["N"]
    assert found.mean == 3.5
    assert found.deviation == pytest.approx(0.5**0.5)


def test_a_difference_over_seeds_is_paired():
    """B is right wherever A is, and on one sample in ten more: samples drawn together leave little width."""
    a, b = [HIT, MISS] * 45 + [MISS] * 10, [HIT, MISS] * 45 + [HIT] * 10
    found = difference_over_seeds([a, a], [b, b], F1, num_resamples=2000)["F1"]
    apart = estimate_over_seeds([a, a], F1, num_resamples=2000)["F1"]
    assert found.mean == pytest.approx(0.1)
    assert 0 < found.low < found.high < 0.2
    assert found.high - found.low < apart.high - apart.low


def test_a_difference_over_one_seed_is_that_of_the_bootstrap_over_samples():
    a, b = (count_rows(random_rows(seed)) for seed in (3, 4))
    over, alone = difference_over_seeds([a], [b], MEASURES, num_resamples=4000), difference(a, b, num_resamples=4000)
    for name in ("GMNER F1", "N-F1"):
        assert over[name].mean == pytest.approx(alone[name].value, abs=1e-12)
        assert over[name].low == pytest.approx(alone[name].low, abs=0.02)
        assert over[name].high == pytest.approx(alone[name].high, abs=0.02)


def test_a_difference_over_seeds_that_disagree_covers_no_change():
    found = difference_over_seeds([[HIT] * 5, [MISS] * 5], [[MISS] * 5, [HIT] * 5], F1, num_resamples=2000)["F1"]
    assert (found.mean, found.low, found.high) == (0.0, -1.0, 1.0)
