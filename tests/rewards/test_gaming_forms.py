"""The tricks of test_gaming in every form that is read besides the formats that schemas teach: none gains more there."""

import json
import re

import pytest

from mcr.formats.markup.what_is_read import ANSWER_NAMES, REASONING_NAMES
from mcr.records import Entity
from rewards import PARTS, RewardOptions, score_completion
from rewards.options import CHOICES

GOLD = [Entity("New York", "LOC", ((100, 100, 200, 200),)), Entity("Ann Lee", "PER", None)]
HALF = [Entity("New York", "ORG", None)]
JUNK = Entity("zzz", "PER", None)


def place(entity):
    return "None" if entity.boxes is None else ", ".join(str(list(map(int, box))) for box in entity.boxes)


def json_place(entity):
    boxes = [list(map(int, box)) for box in entity.boxes or ()]
    return None if entity.boxes is None else boxes[0] if len(boxes) == 1 else boxes


def by_lines(template):
    return lambda entities: "\n".join(template.format(e.text, e.type, place(e)) for e in entities)


def table(entities):
    return "| Name | Box | Type | Notes |\n|---|---|---|---|\n" + by_lines("| {0} | {2} | {1} | seen |")(entities)


def keyed(entities, name, kind, box):
    return [{box: json_place(e), name: e.text, kind: e.type} for e in entities]


FORMS = {
    "bold rows": by_lines("* **{0}** | **{1}** | `{2}`"),
    "numbered": by_lines("Entity 1: {0} | [{1}] | {2}."),
    "remarks": by_lines("> {0} ｜ {1} ｜ {2} ｜ I see it"),
    "headings between": by_lines("### One more\n{0} | B-{1} | {2}"),
    "labeled": by_lines("{0} ({1}): {2}"),
    "arrows": by_lines("{0} -> {1} -> {2}"),
    "table": table,
    "python": lambda entities: repr([(e.text, e.type, json_place(e)) for e in entities]),
    "qwen json": lambda entities: "```json\n" + json.dumps(keyed(entities, "label", "type", "bbox_2d")) + "\n```",
    "loose json": lambda entities: str(keyed(entities, "name", "category", "bbox")).replace("}", ",}"),
    "json with words": lambda entities: "\n".join(
        f"Entity:\n{json.dumps(one)}" for one in keyed(entities, "text", "label", "box")
    ),
    "fences": lambda entities: "\n".join(f"```json\n{json.dumps(one)}\n```" for one in keyed(entities, "entity", "type", "bbox")),
    "by name": lambda entities: json.dumps({e.text: {"type": e.type, "bbox": json_place(e)} for e in entities}),
}
REPEATABLE = sorted(set(FORMS) - {"by name"})  # an object holds a name once
REASONINGS = [(f"<{name}>", f"</{name}>") for name in REASONING_NAMES]
REASONINGS += [("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"), ("<|channel>thought\n", "<channel|>")]
REASONINGS += [
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
]


def total(text, gold=GOLD, **options):
    return score_completion(text, gold, options=RewardOptions(**options)).total


def tagged(answer, tag="answer"):
    return f"<{tag}>\n{answer}\n</{tag}>"


@pytest.fixture(params=FORMS, name="write")
def one_form(request):
    return FORMS[request.param]


@pytest.fixture(params=REPEATABLE, name="repeat")
def one_form_that_repeats(request):
    return FORMS[request.param]


def test_the_form_itself_is_read(write):
    assert total(write(GOLD)) == total(tagged(write(GOLD))) == 1


@pytest.mark.parametrize(("opener", "closer"), REASONINGS)
def test_an_answer_in_any_reasoning_earns_nothing_and_lifts_nothing(write, opener, closer):
    true, half = write(GOLD), tagged(write(HALF))
    for inside in (true, tagged(true), f"Answer:\n{true}", f"\\boxed{{{true}}}"):
        assert total(f"{opener}{inside}") == 0
        assert total(f"{opener}{inside}{closer}") == 0
        behind = "<|start|>assistant<|channel|>final<|message|>" if "analysis<" in opener else ""
        assert total(f"{opener}{inside}{closer}{behind}{half}") == total(half)
        assert score_completion(inside, GOLD, opened=opener).total == 0
        assert score_completion(f"{inside}{closer}{behind}{half}", GOLD, opened=opener).total == total(half)


@pytest.mark.parametrize("name", [name for name in ANSWER_NAMES if " " not in name])
def test_of_two_answers_in_any_tags_the_last_counts(write, name):
    true, half = write(GOLD), write(HALF)
    honest = total(half)
    assert total(tagged(true, name) + tagged(half, name)) == honest
    assert total(tagged(true) + "\n" + tagged(half, name)) == honest
    assert total(tagged(true, name) + "\nAnswer:\n" + half) == honest
    assert total(f"<{name}>\n{true}") == 0


@pytest.mark.parametrize(
    "words",
    [
        "\nNo, rather:\n",
        "\nWait.\n",
        "\n\nFinal answer:\n",
        "\n**Corrected:**\n",
        "\nSo:\n",
        "\n所以：\n",
        "\nI was wrong about this.\n",
    ],
)
def test_of_two_alternatives_without_tags_the_last_counts(write, words):
    assert total(write(GOLD) + words + write(HALF)) == total(write(HALF))


def test_hedging_with_many_alternatives_earns_what_the_last_does(write):
    guesses = [[Entity("New York", "LOC", ((x, 100, x + 100, 200),)), GOLD[1]] for x in range(0, 300, 20)]
    assert total("\n\nNo, rather:\n".join(map(write, guesses))) == total(write(guesses[-1]))
    assert total("\n".join(tagged(write(guess)) for guess in guesses)) == total(write(guesses[-1]))


@pytest.mark.parametrize("normalization", CHOICES["normalization"])
def test_repeats_and_junk_behind_the_answer_never_pay(repeat, normalization):
    for more in (GOLD[1], JUNK):
        scores = [total(tagged(repeat([*GOLD, *[more] * num])), normalization=normalization) for num in (0, 1, 2, 5)]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == 1 > scores[1]
    assert total(tagged(repeat([JUNK] * 200))) == 0


def test_junk_in_another_form_behind_the_answer_costs_as_in_the_same(write):
    assert total(tagged(write(GOLD) + "\n\n" + "zzz | PER | None\n" * 5)) == pytest.approx(
        total(tagged("New York | LOC | [100, 100, 200, 200]\nAnn Lee | PER | None\n" + "zzz | PER | None\n" * 5))
    )


def test_several_boxes_are_no_lottery(write):
    boxes = tuple((x, 100, x + 100, 200) for x in range(0, 300, 20))
    assert total(tagged(write([Entity("New York", "LOC", boxes), GOLD[1]]))) == total(
        tagged(write([Entity("New York", "LOC", boxes[:1]), GOLD[1]]))
    )


def test_a_box_over_the_whole_image_earns_no_grounding(write):
    everywhere = [Entity(e.text, e.type, ((0, 0, 640, 480),)) for e in GOLD]
    assert score_completion(tagged(write(everywhere)), GOLD).grounding == 0


@pytest.mark.parametrize(
    "box",
    [
        "0, 0, 1e300, 1e300",
        "200, 200, 100, 100",
        "nan, nan, nan, nan",
        "inf, inf, inf, inf",
        "1, 2, 3",
        "0, 0, 0, 0",
        "-1, -1, -1, -1",
        "100, 100, 200, 200] or [0, 0, 9, 9",
        "1_00, 100, 200, 200",
        "null, null, null, null",
    ],
)
def test_odd_boxes_earn_no_grounding_in_any_form(write, box):
    text = write(GOLD[:1]).replace("[100, 100, 200, 200]", f"[{box}]")
    for wrapped in (text, tagged(text)):
        score = score_completion(wrapped, GOLD[:1])
        assert score.grounding == 0
        assert all(0 <= getattr(score, part) <= 1 for part in PARTS)


def test_an_empty_box_is_no_none_in_training_and_is_by_option(write):
    text = tagged(write([Entity("Ann Lee", "PER", ((0, 0, 0, 0),))]))
    assert score_completion(text, GOLD[1:]).entailment == 0
    score = score_completion(text, GOLD[1:], options=RewardOptions(empty_boxes="none"))
    assert score.total == 1
    assert "empty box was read as None" in score.problems[0]


def test_one_malformed_item_does_not_zero_the_rest(write):
    score = score_completion(
        tagged(write([*GOLD, Entity("Zed", "PER", ((1, 2, 3, 4),))]).replace("[1, 2, 3, 4]", "[1, 2, 3]")), GOLD
    )
    assert score.total == pytest.approx(0.2 * 0.6 + 0.8)
    assert score.problems


def test_only_taught_formats_earn_in_training(write):
    assert total(tagged(write(GOLD)), formats="taught") < 1
    rows = tagged("New York | LOC | [100, 100, 200, 200]\nAnn Lee | PER | None")
    assert total(rows, formats="taught") == total(rows, formats="rows") == 1
    assert total(rows, formats="json,triples") == 0
    assert total(re.sub("</?answer>", "", rows), formats="taught") == 0
