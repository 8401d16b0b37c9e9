"""The measures against equations derived anew from MCR E.3, E2E-GMNER and UnCo, on 2,000 random sets of samples."""

import random

import paper_equations as paper
import pytest
from test_paper_rewards import NUM_CASES, TEXTS, random_box, random_entities, records

from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import score_rows
from mcr.records import ScoredSample

SENTENCES = [" ".join(TEXTS[:3]), "Ann Lee of York", "the New York Times", "nobody"]


def random_samples(rng):
    samples = []
    for _ in range(rng.randint(1, 4)):
        gold = random_entities(rng)
        samples.append((random_entities(rng, gold), gold, rng.choice(SENTENCES)))
    return samples


def scored(samples):
    return [ScoredSample(sentence, tuple(records(gold)), tuple(records(predicted))) for predicted, gold, sentence in samples]


def test_gmner_mner_eeg_no_target_visual_bias_and_grounding_agree():
    rng = random.Random(30)
    for _ in range(NUM_CASES):
        samples = random_samples(rng)
        pairs = [(predicted, gold) for predicted, gold, _ in samples]
        by_type = rng.random() < 0.5
        metrics = score_rows(scored(samples), Conventions(grounding_by_type=by_type))
        for kind in ("gmner", "mner", "eeg"):
            scores = getattr(metrics, kind)
            got = (scores.precision, scores.recall, scores.f1)
            assert got == pytest.approx(paper.gmner_scores(pairs, kind), abs=1e-12)
        no_target = (metrics.no_target.precision, metrics.no_target.recall, metrics.no_target.f1)
        assert no_target == pytest.approx(paper.no_target_scores(pairs), abs=1e-12)
        bias = paper.visual_bias([(sentence, predicted) for predicted, _, sentence in samples])
        assert (metrics.n_count, metrics.n_rate) == pytest.approx(bias)
        assert metrics.grounding.mean_iou == pytest.approx(paper.e2e_grounding(pairs, by_type)[2], abs=1e-8)


def test_grec_agrees():
    rng = random.Random(31)
    for _ in range(NUM_CASES):
        boxes = [(rng.choice([None, random_box(rng)]), rng.choice([None, random_box(rng)])) for _ in range(rng.randint(1, 6))]
        rows = [
            ScoredSample("it", tuple(records([("it", "", gold)])), tuple(records([("it", "", predicted)])), task="vg")
            for predicted, gold in boxes
        ]
        metrics = score_rows(rows).grec
        assert {"n_acc": metrics.n_acc, "precision": metrics.precision} == pytest.approx(paper.grec_scores(boxes))
