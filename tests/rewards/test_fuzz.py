import random
from concurrent.futures import ProcessPoolExecutor

from bench_path import load_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from mcr.formats.answers import ANSWER_FORMATS, ORDERS, write_answer
from mcr.records import Entity
from rewards import score_completion
from rewards.score import PARTS

FUZZ, TEXTS = load_bench("fuzz_rewards"), load_bench("fuzz_texts")

texts = st.one_of(st.sampled_from(TEXTS.WORDS), st.text(max_size=20))
answers = st.builds(
    lambda items, form, order: write_answer(items, form, order=order),
    st.lists(
        st.builds(Entity, texts, st.sampled_from(TEXTS.TYPES), st.sampled_from([None, ((1.0, 2.0, 3.0, 4.0),)])), max_size=4
    ),
    st.sampled_from(list(ANSWER_FORMATS)),
    st.sampled_from(ORDERS),
)
pieces = st.one_of(answers, st.sampled_from(TEXTS.PIECES), st.sampled_from(TEXTS.NUMBERS), st.text(max_size=30))
completions = st.lists(pieces, max_size=8).map("".join)
gold_boxes = st.sampled_from([None, ((1.0, 2.0, 3.0, 4.0),), ((0.0, 0.0, 9.0, 9.0), (5.0, 5.0, 7.0, 7.0))])
gold_texts = texts.filter(str.strip)
gold_lists = st.lists(st.builds(Entity, gold_texts, st.sampled_from(TEXTS.TYPES), gold_boxes), max_size=4)


def values(score):
    return [getattr(score, part) for part in PARTS] + [score.total]


@settings(max_examples=300, deadline=None)
@given(completions, gold_lists)
def test_no_completion_raises_or_leaves_the_range(completion, gold):
    assert all(0 <= value <= 1 for value in values(score_completion(completion, gold)))


@settings(max_examples=100, deadline=None)
@given(answers, gold_lists)
def test_every_truncation_is_scored(answer, gold):
    text = f"<think>x</think><answer>\n{answer}\n</answer>"
    for end in range(len(text)):
        assert all(0 <= value <= 1 for value in values(score_completion(text[:end], gold)))


@settings(max_examples=100, deadline=None)
@given(completions, gold_lists, st.randoms(use_true_random=False))
def test_the_order_of_gold_never_changes_a_score(completion, gold, rng):
    shuffled = rng.sample(gold, len(gold))
    for got, expected in zip(
        values(score_completion(completion, shuffled)), values(score_completion(completion, gold)), strict=True
    ):
        assert abs(got - expected) < 1e-9


def test_seeded_mutations_find_no_fault():
    tallies = FUZZ.fuzz(4000, seed=1, slow_s=float("inf"))
    assert sum(tally.num for tally in tallies.values()) == 4000
    assert set(TEXTS.MUTATIONS) <= set(tallies)


def test_big_completions_are_scored():
    assert len(FUZZ.time_big(50_000)) == len(TEXTS.BIG)


def test_ten_thousand_entities():
    text = "<answer>\n" + "\n".join(f"name {i} | PER | [1, 2, 3, 4]" for i in range(10_000)) + "\n</answer>"
    gold = [Entity(f"name {i}", "PER", ((1, 2, 3, 4),)) for i in range(3)]
    score = score_completion(text, gold)
    assert len(score.entities) == 10_000
    assert [(p, g) for p, g, _ in score.matches] == [(0, 0), (1, 1), (2, 2)]
    assert score.span == 1


def test_scoring_is_the_same_alone_in_a_batch_and_in_other_processes():
    cases = [(text, gold) for _, text, gold in TEXTS.completions(random.Random(3), 120)]
    alone = [values(score_completion(*case)) for case in cases]
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(score_values, cases, chunksize=17)) == alone
    assert [score_values(case) for case in reversed(cases)] == alone[::-1]


def score_values(case):
    return values(score_completion(*case))
