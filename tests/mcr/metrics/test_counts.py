"""What a sample adds to the sums: every score is a function of them, and what the task asks for decides what is counted."""

import random
from dataclasses import replace

import pytest

from mcr.metrics.counts import count_rows, total
from mcr.metrics.evaluate import metrics_of, score_rows
from mcr.metrics.scores import FINE_MEASURES, GREC_MEASURES, IOU_CURVE, MASK_MEASURES, MEASURES, SEEN_MEASURES
from mcr.records import Entity, ScoredSample
from mcr.tasks import GMNER, MNER, VG

BOX, FAR = ((0, 0, 10, 10),), ((50, 50, 60, 60),)
EEG = replace(GMNER, name="eeg", has_type=False)


def random_rows(seed, num=30):
    rng = random.Random(seed)

    def some():
        types = ["PER", "person", "athlete", "LOC"]
        return tuple(
            Entity(rng.choice(["Ann", "Bob", "Zed"]), rng.choice(types), rng.choice([None, BOX, FAR]))
            for _ in range(rng.randint(0, 4))
        )

    def row():
        if rng.random() < 0.2:
            return ScoredSample(
                "it", (Entity("it", "", rng.choice([None, BOX])),), (Entity("it", "", rng.choice([None, BOX])),), task=VG
            )
        return ScoredSample("Ann met Bob", some(), some(), task=rng.choice([GMNER, MNER, EEG]))

    return [row() for _ in range(num)]


@pytest.mark.parametrize("seed", range(10))
def test_sums_of_parts_are_the_sums_of_the_whole(seed):
    rows = random_rows(seed)
    counts = count_rows(rows, seen_texts=frozenset({"Ann"}))
    whole = total(counts)
    assert total([total(counts[:11]), total(counts[11:])]) == pytest.approx(whole)
    assert metrics_of(rows, counts, seen_texts=frozenset({"Ann"})) == score_rows(rows, seen_texts=frozenset({"Ann"}))
    by_type = [
        sum(whole.get(("per_type", name, part), 0) for name in ("PER", "LOC", "athlete"))
        for part in ("correct", "predicted", "gold")
    ]
    assert by_type == [whole.get(("gmner", part), 0) for part in ("correct", "predicted", "gold")]


def test_every_score_is_made_of_counts_that_exist():
    rows = [
        ScoredSample("Ann", (Entity("Ann", "PER"),), (), task=GMNER),
        ScoredSample("it", (Entity("it", ""),), (), task=VG),
    ]
    counted = total(count_rows(rows, seen_texts=frozenset()))
    for measures in (MEASURES, FINE_MEASURES, MASK_MEASURES, SEEN_MEASURES, GREC_MEASURES, IOU_CURVE):
        for ratio in measures.values():
            assert {*ratio.top, *ratio.bottom} <= counted.keys()


@pytest.mark.parametrize(
    ("task", "measures"),
    [
        (GMNER, {"names", "mner", "gmner", "eeg", "no_target", "grounding", "per_type", "iou_curve"}),
        (MNER, {"names", "mner"}),
        (EEG, {"names", "eeg", "no_target", "grounding"}),
        (VG, {"grec"}),
    ],
)
def test_what_a_task_asks_for_decides_what_is_counted(task, measures):
    (counts,) = count_rows([ScoredSample("Ann", (Entity("Ann", ""),), (Entity("Ann", ""),), task=task)])
    assert {key[0] for key in counts} - {"fmnerg", "fmner", "per_coarse_type", "smner", "smner_curve", "ees"} == measures
