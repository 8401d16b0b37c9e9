"""Known ways to earn a reward without the work: each must gain nothing here."""

import random

import pytest
from bench_path import load_bench

from mcr.formats.answers import ANSWER_FORMATS, write_answer
from mcr.records import Entity
from rewards import PARTS, RewardOptions, score_completion, score_entities
from rewards.options import CHOICES

GOLD = [Entity("New York", "LOC", ((100, 100, 200, 200),)), Entity("Ann Lee", "PER", None)]
TRUE = "New York | LOC | [100, 100, 200, 200]\nAnn Lee | PER | None"
HALF = "New York | ORG | None"
FUZZ = load_bench("fuzz_texts")


def total(answer, gold=GOLD, **options):
    return score_completion(answer, gold, options=RewardOptions(**options)).total


def tagged(answer, think=""):
    return f"<think>{think}</think>\n<answer>\n{answer}\n</answer>"


HONEST = total(tagged(HALF))


def test_an_answer_only_inside_the_reasoning_earns_nothing():
    assert total(f"<think><answer>\n{TRUE}\n</answer></think>") == 0
    assert total(f"<think>\n{TRUE}\n</think>") == 0
    assert total(f"<think>\n{TRUE}") == 0


def test_an_answer_inside_the_reasoning_does_not_lift_the_real_one():
    assert total(tagged(HALF, think=f"<answer>\n{TRUE}\n</answer>")) == HONEST


@pytest.mark.parametrize("tag", ["think", "thinking", "Thought", "reasoning", "think ", 'think step="1"'])
def test_reasoning_by_other_tags_is_reasoning(tag):
    name = tag.split()[0]
    assert total(f"<{tag}>\n<answer>\n{TRUE}\n</answer>\n</{name}>") == 0
    assert total(f"<{tag}>\n{TRUE}\n</{name} >") == 0


JSON_TRUE = write_answer(GOLD, "json")
SENTENCES_TRUE = write_answer(GOLD, "sentences")


@pytest.mark.parametrize(
    "text",
    [
        f"{JSON_TRUE}\nhmm, no. Final:\n{HALF}",
        f"Thinking: {SENTENCES_TRUE}\n\nSo:\n{HALF}",
        f"{SENTENCES_TRUE}\nNo wait.\nNew York is a(an) ORG, whose bounding boxes are None.",
        f"<answer>\n{TRUE}\n</answer>\nAnswer:\n{HALF}",
    ],
)
def test_of_answers_in_several_formats_the_last_counts(text):
    assert total(text) == HONEST


def test_junk_in_another_format_behind_the_answer_costs_as_in_the_same():
    junk = "zzz | PER | None\n" * 5
    same = total(tagged(TRUE + "\n" + junk))
    for answer in (JSON_TRUE, SENTENCES_TRUE):
        assert total(tagged(answer + "\n" + junk)) == pytest.approx(same)


@pytest.mark.parametrize("depth", [33, 100, 400, 990, 5000])
@pytest.mark.parametrize(
    "template",
    ["{}", '[{{"text":"Ann","type":"PER","bbox_2d":{}}}]', '[["Ann","PER",{}]]', '[{{"text":{},"type":"PER"}}]', '{{"a":{}}}'],
)
def test_deep_nesting_does_not_crash(template, depth):
    nested = "[" * depth + "1" + "]" * depth

    def call_from_below(levels):
        return call_from_below(levels - 1) if levels else total(tagged(template.format(nested)), GOLD[:1])

    assert call_from_below(600) == total(template.format(nested), GOLD[:1]) == 0


def test_numbers_in_json_text_are_read_as_in_rows():
    boxes = '["\u0661\u0660\u0660", "1_00", "2_0_0", " 200 "]'
    assert score_completion(tagged(f'[{{"text": "New York", "type": "LOC", "bbox_2d": {boxes}}}]'), GOLD[:1]).grounding == 0


def test_hedging_by_repeats_pays_in_the_papers_rule_and_not_in_the_stricter_one():
    gold = [Entity("Ann", "PER")]
    both = tagged("Ann | PER | None\nAnn | PER | [0, 0, 9, 9]")
    assert total(both, gold) == pytest.approx(0.8 + 0.2 * 0.6)
    assert total(both, gold, normalization="larger_count") == pytest.approx(0.8 / 2 + 0.2 * 0.6)
    wrong, right = tagged("Ann | PER | [0, 0, 9, 9]"), tagged("Ann | PER | None")
    assert total(wrong, gold, normalization="larger_count") == pytest.approx(0.6)
    assert total(right, gold, normalization="larger_count") == 1


def test_many_entities_that_share_words_are_matched_in_any_order():
    rng = random.Random(1)
    gold = []
    for number in range(25):
        text = "the " + " ".join(f"w{rng.randint(0, 99)}" for _ in range(number))
        gold += [Entity(text, "PER"), Entity(text, "ORG", ((number, 0, number + 9, 9),))]
    assert score_entities(gold, gold).total == score_entities(rng.sample(gold, len(gold)), gold).total == 1


def test_of_two_answers_the_last_counts():
    first_true = f"<answer>\n{TRUE}\n</answer>\n<answer>\n{HALF}\n</answer>"
    assert total(first_true) == HONEST
    assert total(f"Answer:\n{TRUE}\nAnswer:\n{HALF}") == HONEST


def test_hedging_with_many_answers_earns_what_the_last_one_does():
    guesses = "".join(
        f"<answer>\nNew York | LOC | [{x}, 100, {x + 100}, 200]\nAnn Lee | PER | None\n</answer>" for x in range(0, 300, 20)
    )
    assert total(guesses) == total(tagged("New York | LOC | [280, 100, 380, 200]\nAnn Lee | PER | None"))


@pytest.mark.parametrize("normalization", CHOICES["normalization"])
def test_the_same_entity_repeated_never_pays_once_there_are_as_many_as_gold(normalization):
    scores = [total(tagged(TRUE + "\nAnn Lee | PER | None" * num), normalization=normalization) for num in range(6)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == (4 if normalization == "matched" else 6)  # from three too many on, R_c is 0


@pytest.mark.parametrize("normalization", CHOICES["normalization"])
def test_junk_behind_the_true_answer_costs(normalization):
    scores = [total(tagged(TRUE + "\nzzz | PER | None" * num), normalization=normalization) for num in (0, 1, 5, 200)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == (3 if normalization == "matched" else 4)
    assert scores[0] == 1


def test_junk_beyond_a_count_reward_of_zero_is_free_in_the_papers_rule_and_costs_in_the_stricter_one():
    few, many = (tagged(TRUE + "\nzzz | PER | None" * num) for num in (3, 200))
    assert total(few) == total(many) == pytest.approx(0.8)
    assert total(many, normalization="larger_count") < total(few, normalization="larger_count") == pytest.approx(0.8 * 2 / 5)


def test_two_hundred_junk_entities_alone_earn_nothing():
    assert total(tagged("zzz | PER | None\n" * 200)) == 0


def test_several_boxes_are_no_lottery():
    many = ", ".join(f"[{x}, 100, {x + 100}, 200]" for x in range(0, 300, 20))
    first = total(tagged("New York | LOC | [0, 100, 100, 200]\nAnn Lee | PER | None"))
    assert total(tagged(f"New York | LOC | {many}\nAnn Lee | PER | None")) == first


def test_a_box_over_the_whole_image_earns_no_grounding():
    score = score_completion(tagged("New York | LOC | [0, 0, 640, 480]\nAnn Lee | PER | [0, 0, 640, 480]"), GOLD)
    assert score.grounding == 0
    assert score.entailment == 0.5


@pytest.mark.parametrize(
    "box",
    [
        *(
            "[0, 0, 1e300, 1e300]",
            "[-1e300, -1e300, 1e300, 1e300]",
            "[200, 200, 100, 100]",
            "[100, 100, 100, 200]",
            "[1e999, 0, 1, 1]",
        ),
        *("[nan, nan, nan, nan]", "[inf, inf, inf, inf]", "[-inf, -inf, inf, inf]", "[1, 2, 3]", "[1, 2, 3, 4, 5]", "[]x"),
        *("[100 100 200]", "[true, true, true, true]", "[\u0661\u0660\u0660, 100, 200, 200]", "[" + "9" * 5000 + ", 1, 2, 3]"),
    ],
)
@pytest.mark.parametrize("template", ["New York | LOC | {}", '[{{"text": "New York", "type": "LOC", "bbox_2d": {}}}]'])
def test_odd_boxes_earn_no_grounding_and_do_not_crash(box, template):
    score = score_completion(tagged(template.format(box)), GOLD[:1])
    assert score.grounding == 0
    assert all(0 <= getattr(score, part) <= 1 for part in PARTS)


def test_full_width_digits_are_read_as_digits():
    assert total(tagged("New York | LOC | [\uff11\uff10\uff10, 100, 200, 200]\nAnn Lee | PER | None")) == 1


@pytest.mark.parametrize("text", ["New York at 100 100 200 200", "There are 4 people, 3 dogs, 2 cats and 1 bird in New York."])
def test_digits_in_prose_are_no_box(text):
    assert total(text) == 0
    assert total(tagged(text)) == 0


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"<answer>\n{TRUE}",
            f"<answer><answer>\n{TRUE}",
            f"<think></think><think>\n<answer>\n{TRUE}\n</answer>",
            "</answer>" * 50,
        ),
        *("<answer></think></answer>", f"<think><think>a</think><answer>\n{TRUE}\n</answer>", "<" * 1000),
    ],
)
def test_unclosed_and_nested_tags_earn_nothing(text):
    assert total(text) == 0


@pytest.mark.parametrize("answer_format", list(ANSWER_FORMATS))
@pytest.mark.parametrize(
    "span", ["a | b", "x; y", "one, two", '"quoted"', "a (b)", "[c]", "{d}", "it's", "1. first", "None", "PER"]
)
def test_a_mention_that_holds_separators_costs_nothing_where_its_format_can_write_it(span, answer_format):
    gold = [Entity(span, "PER", ((1, 2, 30, 40),)), Entity("Bob", "ORG", None)]
    got = score_completion(tagged(write_answer(gold, answer_format)), gold)
    if answer_format in ("json", "triples"):
        assert got.total == 1
    assert all(0 <= getattr(got, part) <= 1 for part in PARTS)


def test_one_malformed_item_does_not_zero_the_rest():
    broken = tagged(TRUE + "\nZed | PER | [1, 2, 3]\n???")
    assert total(broken) == pytest.approx(0.2 * 0.6 + 0.8)


def test_empty_answer_for_empty_and_for_full_gold():
    for text in ("<answer></answer>", "<answer>None</answer>", "<answer>[]</answer>", "Answer: none"):
        assert total(text, []) == 1
        assert total(text) == 0


def test_text_that_python_would_run_is_only_text(tmp_path):
    trap = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    for text in (code, f"Ann | PER | [{code}, 1, 2, 3]", f'[{{"text": {code}, "type": "PER", "bbox_2d": null}}]'):
        assert total(tagged(text)) < 1
    assert not trap.exists()


@pytest.mark.parametrize("normalization", CHOICES["normalization"])
def test_one_more_wrong_entity_never_raises_the_total(normalization):
    rng = random.Random(2)
    for _ in range(500):
        gold = FUZZ.random_entities(rng, rng.randint(0, 5))
        pred = FUZZ.random_entities(rng, len(gold) + rng.randint(0, 3))
        wrong = Entity("zzz qqq", rng.choice(["PER", "LOC"]), rng.choice([None, ((1, 2, 3, 4),), ()]))
        before = score_entities(pred, gold, options=RewardOptions(normalization=normalization)).total
        assert score_entities([*pred, wrong], gold, options=RewardOptions(normalization=normalization)).total <= before


def test_leaving_out_a_hard_entity_pays_in_the_papers_rule_and_not_in_the_stricter_one():
    gold = [*GOLD, Entity("Acme", "ORG", ((0, 0, 10, 10),))]
    with_a_guess = tagged(TRUE + "\nAcme Corp | LOC | None")
    without = tagged(TRUE)
    assert total(without, gold) > total(with_a_guess, gold)
    assert total(without, gold, normalization="larger_count") < total(with_a_guess, gold, normalization="larger_count")


def test_padding_a_short_list_pays_in_the_papers_rule_and_little_in_the_stricter_one():
    gold = [*GOLD, Entity("Acme", "ORG", ((0, 0, 10, 10),))]
    short, padded = tagged("Ann Lee | PER | None"), tagged("Ann Lee | PER | None" + "\nAnn Lee | PER | None" * 2)
    assert total(short, gold) == pytest.approx(0.8)
    assert total(padded, gold) == 1
    assert total(short, gold, normalization="larger_count") == pytest.approx(0.8 / 3)
    assert total(padded, gold, normalization="larger_count") == pytest.approx(0.2 + 0.8 / 3)


def test_dropping_a_right_or_unrelated_entity_never_pays_in_the_stricter_rule():
    rng = random.Random(4)
    for _ in range(300):
        names = [f"name{i}" for i in range(6)]
        gold = [
            Entity(name, rng.choice(["PER", "LOC"]), rng.choice([None, ((0, 0, 9, 9),)])) for name in names[: rng.randint(1, 5)]
        ]
        pred = [Entity(n, rng.choice(["PER", "LOC"]), rng.choice([None, ((0, 0, 9, 8),)])) for n in rng.sample(names, len(gold))]
        whole = score_entities(pred, gold, options=RewardOptions(normalization="larger_count")).total
        for index in range(len(pred)):
            fewer = score_entities(
                pred[:index] + pred[index + 1 :], gold, options=RewardOptions(normalization="larger_count")
            ).total
            assert fewer <= whole + 1e-12
