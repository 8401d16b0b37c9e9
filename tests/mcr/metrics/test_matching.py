import itertools
import random

import pytest

from mcr.metrics.matching import assign_spans, longest_overlap, match_exact, span_f1
from mcr.records import Entity
from rewards.parts import grounding_score

WORDS = ["New", "York", "Times", "the", "Post"]


def ground(p, g):
    return grounding_score(p, g, 0.5)


def random_entities(rng, size):
    entities = []
    for _ in range(size):
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
        boxes = rng.choice([None, ((0, 0, 10, 10),), ((0, 0, 10, 8),), ((50, 50, 60, 60),)])
        entities.append(Entity(text, rng.choice(["PER", "LOC"]), boxes))
    return entities


def test_longest_overlap_is_contiguous():
    assert longest_overlap(["a", "b", "c", "d"], ["a", "b", "x", "c", "d", "e"]) == 2
    assert longest_overlap(["b", "c"], ["a", "b", "c", "d"]) == 2
    assert longest_overlap([], ["a"]) == 0


def test_span_f1_by_hand():
    assert span_f1("New York", "New York Times") == pytest.approx(2 * 2 / 5)
    assert span_f1("York Times", "New York Post") == pytest.approx(2 * 1 / 5)
    assert span_f1("", "x") == span_f1("x", "y") == 0


def test_assignment_equals_the_best_over_all_permutations():
    rng = random.Random(7)
    for _ in range(150):
        pred, gold = random_entities(rng, rng.randint(1, 6)), random_entities(rng, rng.randint(1, 6))
        got = sum(f1 for _, _, f1 in assign_spans(pred, gold, ground))
        few, many = sorted((pred, gold), key=len)
        best = max(
            sum(span_f1(a.text, b.text) for a, b in zip(few, order, strict=True))
            for order in itertools.permutations(many, len(few))
        )
        assert got == pytest.approx(best, abs=1e-9)


def test_ties_go_to_type_then_location():
    gold = [Entity("Ann", "PER", ((0, 0, 10, 10),)), Entity("Ann", "ORG", None)]
    pred = [Entity("Ann", "ORG", None), Entity("Ann", "PER", ((0, 0, 10, 10),))]
    assert [(p, g) for p, g, _ in assign_spans(pred, gold, ground)] == [(0, 1), (1, 0)]
    same_type = [Entity("Ann", "PER", ((0, 0, 10, 10),)), Entity("Ann", "PER", None)]
    assert [(p, g) for p, g, _ in assign_spans(same_type[::-1], same_type, ground)] == [(0, 1), (1, 0)]


def test_exact_match_is_one_to_one_and_largest():
    gold = [Entity("a", "PER", ((0, 0, 10, 10),)), Entity("a", "PER", ((0, 0, 10, 9),))]
    pred = [Entity("a", "PER", ((0, 0, 10, 10),)), Entity("a", "PER", ((0, 0, 10, 10),)), Entity("a", "PER", None)]
    hits = match_exact(pred, gold, lambda p, g: p.boxes is not None)
    assert len(hits) == 2
    assert len({p for p, _ in hits}) == len({g for _, g in hits}) == 2
