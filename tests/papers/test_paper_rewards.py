"""Rewards, the filter's rule and GRPO's advantage against equations derived anew from MCR's text, on 2,000 random cases."""

import itertools
import random

import paper_equations as paper
import pytest

from data_prep.filter_rule import FilterRule, apply_rule, summarise
from mcr.formats.answers import write_answer
from mcr.metrics.matching import span_f1
from mcr.records import Entity
from rewards import RewardOptions, count_reward, score_completion, score_entities

NUM_CASES = 2000
TEXTS = ["New York", "York", "New York Times", "Ann", "Ann Lee", "Lee", "the Lee of York", "York York", "Times New York"]
TYPES = ["PER", "LOC", "ORG"]


def random_box(rng):
    x, y = rng.randint(0, 30), rng.randint(0, 30)
    return (x, y, x + rng.randint(1, 30), y + rng.randint(1, 30))


def random_entity(rng):
    return (rng.choice(TEXTS), rng.choice(TYPES), rng.choice([None, random_box(rng)]))


def random_entities(rng, like=()):
    """Return up to four entities; some near those of `like`, so that pairs match."""
    entities = [random_entity(rng) for _ in range(rng.randint(0, 3))]
    for text, kind, box in like:
        if rng.random() < 0.7:
            near = None if box is None or rng.random() < 0.2 else (box[0], box[1], box[2] + rng.randint(0, 5), box[3])
            entities.append((text, kind if rng.random() < 0.7 else rng.choice(TYPES), near))
    rng.shuffle(entities)
    return entities[:4]


def records(entities):
    return [Entity(text, kind, None if box is None else (box,)) for text, kind, box in entities]


def cases(num=NUM_CASES, seed=14):
    rng = random.Random(seed)
    for _ in range(num):
        gold = random_entities(rng)
        yield rng, random_entities(rng, gold), gold


def test_the_count_reward_agrees_for_every_pair_of_counts():
    for p, q in itertools.product(range(50), range(50)):
        assert count_reward(p, q) == paper.count_reward(p, q), (p, q)


def test_token_f1_agrees():
    rng = random.Random(3)
    for _ in range(NUM_CASES):
        a, b = (" ".join(rng.choice("ab c d".split()) for _ in range(rng.randint(1, 6))) for _ in range(2))
        assert span_f1(a, b) == pytest.approx(paper.token_f1(a, b), abs=1e-12), (a, b)


def test_every_part_and_the_total_are_those_of_a_best_matching():
    """The paper breaks no ties between matchings; ours is one of them, and the one with the most agreement."""
    for rng, predicted, gold in cases():
        sigma, two_nones = rng.choice([0.0, 0.3, 0.5, 0.7]), rng.choice(["one", "zero", "left_out"])
        weights = {part: rng.random() for part in paper.PARTS}
        score = score_entities(
            records(predicted), records(gold), options=RewardOptions(weights, sigma=sigma, two_nones=two_nones)
        )
        matchings = paper.best_matchings(predicted, gold)
        pairs = sorted((p, g) for p, g, _ in score.matches)
        assert pairs in matchings, (predicted, gold)
        expected = paper.part_rewards(predicted, gold, pairs, sigma, two_nones)
        assert {part: score.parts[part] for part in paper.PARTS} == pytest.approx(expected, abs=1e-12), (predicted, gold)
        assert score.total == pytest.approx(paper.total_reward(expected, weights), abs=1e-12)
        agreeing = max(sum(predicted[p][1] == gold[g][1] for p, g in one) for one in matchings)
        assert sum(predicted[p][1] == gold[g][1] for p, g in pairs) == agreeing


def test_completions_score_as_their_entities():
    for _, predicted, gold in cases(300, seed=15):
        text = f"<answer>\n{write_answer(records(predicted), 'rows') if predicted else 'None'}\n</answer>"
        assert score_completion(text, records(gold)) == score_entities(records(predicted), records(gold))


def test_the_filter_keeps_what_the_papers_rule_keeps():
    rng, num_kept = random.Random(4), 0
    for _ in range(NUM_CASES):
        middle = rng.random()
        rewards = [min(1.0, max(0.0, rng.gauss(middle, 0.3))) for _ in range(rng.randint(2, 9))]
        if rng.random() < 0.3:
            rewards = [rng.choice([0.0, 0.08, 0.1, 0.6, 0.8, 1.0]) for _ in rewards]
        kept = apply_rule(summarise(rewards), FilterRule()) == "kept"
        assert kept == paper.keep_for_cvo(rewards, ddof=1), rewards
        num_kept += kept
    assert 100 < num_kept < NUM_CASES - 100
