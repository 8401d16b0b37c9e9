import itertools
import random

import pytest

from mcr.boxes import frame_for
from mcr.errors import DataError
from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.records import Entity
from mcr.tasks import TASKS
from rewards import RewardOptions, score_completion, score_entities
from rewards.parts import count_reward
from rewards.score import for_task

BOX = ((0, 0, 10, 10),)
GOLD = [Entity("New York", "LOC", BOX), Entity("Ann Lee", "PER", None)]
PARTS = ("count", "span", "type", "entailment", "grounding")


def answer(entities):
    return f"<think>x</think><answer>\n{write_answer(entities, 'rows')}\n</answer>"


def parts_of(score):
    return tuple(getattr(score, part) for part in PARTS)


def test_an_empty_reply_scores_nothing_and_what_is_no_text_is_told():
    gold = [Entity("Ann", "PER")]
    assert score_completion(None, gold).total == 0
    with pytest.raises(DataError, match="got int, expected text"):
        score_completion(7, gold)


def test_gold_earns_one_exactly():
    score = score_completion(answer(GOLD), GOLD)
    assert parts_of(score) == (1, 1, 1, 1, 1)
    assert score.total == 1.0
    assert score.matches == ((0, 0, 1.0), (1, 1, 1.0))


def test_every_part_by_hand():
    pred = [Entity("New York Times", "ORG", ((0, 0, 10, 8),)), Entity("Ann Lee", "PER", BOX), Entity("Zed", "PER", None)]
    score = score_completion(answer(pred), GOLD)
    assert score.count == 0.6
    assert score.span == pytest.approx((0.8 + 1.0) / 2)
    assert score.type == 0.5
    assert score.entailment == 0.5
    assert score.grounding == pytest.approx(((0.8 - 0.5) / 0.5 + 0) / 2)
    assert score.total == pytest.approx(0.2 * (0.6 + 0.9 + 0.5 + 0.5 + 0.3))


COUNTS = [
    ((1, 3), 0),
    ((2, 3), 0.5),
    ((4, 2), 0.2),
    ((3, 4), 0.7),
    ((6, 5), 0.9),
    ((5, 6), 0.8),
    ((7, 1), 0),
    ((0, 2), 0),
    ((2, 0), 0),
    ((0, 0), 1),
    ((3, 3), 1),
    ((4, 3), 0.8),
    ((2, 1), 0.6),
    ((1, 2), 0.5),
    ((12, 5), 0.3),
]


def numbered(num):
    return [Entity(f"name{index}", "PER") for index in range(num)]


@pytest.mark.parametrize(("counts", "expected"), COUNTS)
def test_the_count_reward_is_the_stepwise_rule_of_equations_13_to_15(counts, expected):
    assert count_reward(*counts) == expected
    predicted, gold = map(numbered, counts)
    assert score_completion(answer(predicted), gold).count == expected


@pytest.mark.parametrize(("counts", "expected"), [((1, 3), 0.5), ((3, 1), 0.5), ((4, 2), 2 / 3), ((0, 2), 0), ((0, 0), 1)])
def test_the_count_reward_as_an_f1_is_an_option(counts, expected):
    predicted, gold = map(numbered, counts)
    assert score_completion(answer(predicted), gold, options=RewardOptions(count="f1")).count == pytest.approx(expected)


def test_two_nones_by_hand():
    gold = [Entity("New York", "LOC", BOX), Entity("Ann Lee", "PER", None), Entity("Bob", "PER", None)]
    predicted = answer([Entity("New York", "LOC", ((0, 0, 10, 8),)), Entity("Ann Lee", "PER", None), Entity("Bob", "PER", BOX)])
    grounding = {rule: score_completion(predicted, gold, options=RewardOptions(two_nones=rule)).grounding for rule in RULES}
    assert grounding == pytest.approx({"one": 1.6 / 3, "zero": 0.6 / 3, "left_out": 0.6 / 2})


RULES = ("one", "zero", "left_out")


def test_two_nones_with_nothing_else_to_ground_and_with_larger_count():
    gold = [Entity("Ann", "PER"), Entity("Bob", "PER")]
    for rule, expected in (("one", 1), ("zero", 0), ("left_out", 1)):
        assert score_entities(gold, gold, options=RewardOptions(two_nones=rule)).grounding == expected
        assert score_entities([], [], options=RewardOptions(two_nones=rule)).grounding == 1
        assert score_entities([Entity("Zed", "PER")], gold, options=RewardOptions(two_nones=rule)).grounding == 0
    half = {
        rule: score_entities(gold[:1], gold, options=RewardOptions(normalization="larger_count", two_nones=rule)).grounding
        for rule in RULES
    }
    assert half == {"one": 0.5, "zero": 0, "left_out": 0}


def test_the_best_of_several_gold_boxes_counts():
    gold = [Entity("Ann", "PER", ((50, 50, 60, 60), (0, 0, 10, 10)))]
    assert score_entities([Entity("Ann", "PER", BOX)], gold).grounding == 1


def test_iou_at_sigma_earns_nothing_and_sigma_can_be_set():
    gold, pred = [Entity("Ann", "PER", BOX)], answer([Entity("Ann", "PER", ((0, 0, 10, 5),))])
    assert score_completion(pred, gold).grounding == 0
    assert score_completion(pred, gold, options=RewardOptions(sigma=0.0)).grounding == 0.5


def test_empty_answer_for_empty_gold_and_for_full_gold():
    assert score_completion("<answer></answer>", []).total == 1
    assert score_completion("<answer>None</answer>", GOLD).total == 0
    assert parts_of(score_completion(answer(GOLD), [])) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("text", ["", "no answer here", "<think>never ends", "<answer>Ann"])
def test_what_cannot_be_parsed_earns_zero_for_everything(text):
    score = score_completion(text, [])
    assert parts_of(score) == (0, 0, 0, 0, 0)
    assert score.problems


def test_boxes_are_converted_by_the_frame():
    frame = frame_for("norm1000", 200, 100)
    gold = [Entity("Ann", "PER", ((20, 10, 100, 60),))]
    pred = answer([Entity("Ann", "PER", ((100, 100, 500, 600),))])
    assert score_completion(pred, gold, frame=frame).total == 1
    assert score_completion(pred, gold, frame=frame.to_dict()).total == 1
    assert score_completion(pred, gold).grounding == 0


def test_weights_are_used():
    pred = answer([Entity("New York", "ORG", BOX), Entity("Ann Lee", "PER", None)])
    assert score_completion(pred, GOLD, options=RewardOptions(weights={"type": 1.0})).total == 0.5


def test_a_reward_of_your_own_moves_no_other_part():
    parts = {"count": 1.0, "span": 0.5, "type": 0.0, "entailment": 1.0, "grounding": 1.0}
    for task in TASKS.values():
        assert for_task({**parts, "own": 0.1}, task) == {**for_task(parts, task), "own": 0.1}


def test_a_part_is_an_attribute_and_nothing_else_is():
    score = score_entities(GOLD, GOLD)
    assert score.span == score.parts["span"] == 1
    with pytest.raises(AttributeError, match="no 'spam'"):
        _ = score.spam


@pytest.mark.parametrize(
    "gold",
    [
        [{"text": "a"}],
        [{"text": "a", "type": "PER", "boxes": []}],
        [{"text": "a", "type": "PER", "boxes": [[1, 1, 0, 0]]}],
        ["a"],
    ],
)
def test_wrong_gold_raises(gold):
    with pytest.raises(DataError):
        score_completion("<answer></answer>", gold)


@pytest.mark.parametrize("answer_format", list(ANSWER_FORMATS))
@pytest.mark.parametrize("order", ORDERS)
def test_gold_earns_one_in_every_format(answer_format, order):
    text = f"<answer>\n{write_answer(GOLD, answer_format, order=order)}\n</answer>"
    assert score_completion(text, GOLD).total == 1.0


def random_entities(rng, size):
    texts = ["New York", "York", "New York Times", "Ann", "Ann Lee", "Lee"]
    return [
        Entity(rng.choice(texts), rng.choice(["PER", "LOC"]), rng.choice([None, BOX, ((0, 0, 10, 7),), ((40, 40, 50, 50),), ()]))
        for _ in range(size)
    ]


def test_order_never_changes_a_score():
    rng = random.Random(5)
    for _ in range(300):
        pred = random_entities(rng, rng.randint(0, 4))
        gold = [e for e in random_entities(rng, rng.randint(0, 4)) if e.boxes != ()]
        scores = {
            tuple(round(value, 9) for value in (*parts_of(s), s.total))
            for p in list(itertools.permutations(pred))[:6]
            for g in list(itertools.permutations(gold))[:6]
            for s in [score_entities(p, g)]
        }
        assert len(scores) == 1, (pred, gold, scores)
        assert all(0 <= value <= 1 for value in next(iter(scores)))
