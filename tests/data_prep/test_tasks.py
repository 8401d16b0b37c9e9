"""Tasks mner (no place is asked) and vg (one phrase, box or None): prompt, answer, reasoning, rewards, predictions."""

from dataclasses import replace
from random import Random

import pytest

from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.styles import STYLES
from mcr.boxes import frame_for
from mcr.errors import ConfigError, DataError
from mcr.families import frame_settings
from mcr.formats import parse_completion
from mcr.formats.answers import fitting_formats, write_answer
from mcr.io.predictions import predict_from_completion
from mcr.labels import load_labels
from mcr.prompts.settings import DETAILS, write_instruction
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import MNER, TASKS
from rewards import score_completion
from rewards.columns import score_row
from rewards.for_trl import total_reward
from rewards.score import score_entities

IMAGE = (ImageRef("a.png", 200, 100),)
FRAME = frame_for("norm1000", 200, 100)
NAMES = Sample("1", "d", "mner", "Ann | Lee met Bob", IMAGE, (Entity("Ann | Lee", "PER"), Entity("Bob", "OTHER")))
EMPTY = Sample("2", "d", "mner", "nothing here", IMAGE, ())
PLACE = Sample("3", "d", "vg", "the man", IMAGE, (Entity("the man", "", ((20.0, 10.0, 100.0, 60.0),)),))
ABSENT = Sample("4", "d", "vg", "the man", IMAGE, (Entity("the man", "", None),))


@pytest.mark.parametrize("sample", [NAMES, EMPTY, PLACE, ABSENT], ids=lambda sample: sample.id)
@pytest.mark.parametrize("style", STYLES)
def test_schemas_of_every_style_earn_full_reward(sample, style):
    for seed in range(6):
        completion = make_schema(sample, style, FRAME, SchemaOptions((style,)), seed).completion
        assert score_completion(completion, sample.entities, frame=FRAME, task=sample.task).total == 1.0
        reasoning = completion.split("<answer>")[0] if "<answer>" in completion else completion.split("Answer:")[0]
        if not sample.task.has_location:
            assert "[" not in reasoning
            assert "shown" not in reasoning
        if not sample.task.has_text and style != "answer_only":
            assert "PER" not in completion


@pytest.mark.parametrize("answer_format", fitting_formats(["rows", "json", "joined"], MNER))
def test_names_come_back_as_written(answer_format):
    answer = write_answer(NAMES.entities, answer_format, task="mner")
    assert parse_completion(f"<answer>\n{answer}\n</answer>", "mner").entities == NAMES.entities
    assert not parse_completion(f"<answer>\n{answer}\n</answer>").entities or answer_format == "json"


@pytest.mark.parametrize(
    "text",
    [
        "<answer>\nAnn | PER\nBob | LOC\n</answer>",
        "<think>Zed | PER</think>Ann | PER\nBob | LOC",
        "Answer:\n- Ann | PER\n- Bob | LOC",
        "Ann | PER | None\nBob | LOC | [1, 2, 3, 4]",
        '```json\n[{"text": "Ann", "type": "PER"}, {"text": "Bob", "type": "LOC"}]\n```',
        '1. "Ann" | PER\n2. Bob \uff5c LOC',
        "| Text | Type |\n|---|---|\n| Ann | PER |\n| Bob | LOC |",
    ],
)
def test_names_are_read_with_and_without_places(text):
    assert parse_completion(text, "mner").entities == (Entity("Ann", "PER"), Entity("Bob", "LOC"))


@pytest.mark.parametrize(
    ("text", "is_readable"), [("<answer>None</answer>", True), ("<answer>[]</answer>", True), ("who knows", False)]
)
def test_no_names_and_no_answer_differ(text, is_readable):
    parsed = parse_completion(text, "mner")
    assert (parsed.entities, parsed.is_readable) == ((), is_readable)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("<answer>\n[1, 2, 3, 4]\n</answer>", ((1, 2, 3, 4),)),
        ("<think>[9, 9, 9, 9]</think>[1, 2, 3, 4]", ((1, 2, 3, 4),)),
        ("Answer: [1, 2, 3, 4], [5, 6, 7, 8]", ((1, 2, 3, 4), (5, 6, 7, 8))),
        ('```json\n{"bbox_2d": [1, 2, 3, 4]}\n```', ((1, 2, 3, 4),)),
        ("<answer>None</answer>", None),
        ("<answer>not in the image.</answer>", None),
        ("<answer>[1, 2]</answer>", ()),
        ("The man is here: [1, 2, 3, 4].", ((1, 2, 3, 4),)),
        ("The box is [1, 2, 3, 4] for the man.", ((1, 2, 3, 4),)),
        ("[1, 2, 3, 4] (the man)", ((1, 2, 3, 4),)),
        ('<answer>[{"bbox_2d": [1, 2, 3, 4], "label": "the man"}]</answer>', ((1, 2, 3, 4),)),
        ('[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [5, 6, 7, 8]}]', ((1, 2, 3, 4), (5, 6, 7, 8))),
    ],
)
def test_places_are_read(text, boxes):
    assert parse_completion(text, "vg").entities == (Entity("", "", boxes),)


def test_what_is_no_place_is_no_answer():
    for text in ("over there", "<answer></answer>", "<answer>{" * 50, "<think>[1, 2, 3, 4]"):
        assert not parse_completion(text, "vg").is_readable


def test_rewards_of_names_do_not_look_at_places():
    gold = [Entity("Ann", "PER"), Entity("Bob", "LOC")]
    assert score_completion("Ann | PER\nBob | LOC", gold, task="mner").total == 1
    assert score_completion("Ann | PER | [1, 2, 3, 4]\nBob | LOC | None", gold, task="mner").total == 1
    half = score_completion("Ann | PER\nBob | PER", gold, task="mner")
    assert (half.count, half.span, half.type) == (1, 1, 0.5)
    assert half.entailment == half.grounding == half.total == pytest.approx(2.5 / 3)


def test_rewards_of_places_do_not_look_at_names():
    gold = PLACE.entities
    assert score_completion("<answer>[100, 100, 500, 600]</answer>", gold, frame=FRAME, task="vg").total == 1
    wrong = score_completion("<answer>None</answer>", gold, frame=FRAME, task="vg")
    assert wrong.total == wrong.count == 0
    off = score_completion("<answer>[0, 0, 50, 50]</answer>", gold, frame=FRAME, task="vg")
    assert (off.entailment, off.grounding, off.total) == (1, 0, pytest.approx(0.5))
    assert score_completion("<answer>[7]</answer>", gold, frame=FRAME, task="vg").total == 0
    assert score_completion("<answer>None</answer>", ABSENT.entities, task="vg").total == 1
    assert score_completion("over there", gold, task="vg").total == 0
    assert score_entities((), ABSENT.entities, task="vg").total == 1
    assert score_entities((), gold, task="vg").total == 0


def test_all_targets_of_a_phrase_are_taught():
    boxes = ((20.0, 10.0, 100.0, 60.0), (0.0, 0.0, 10.0, 10.0))
    sample = replace(PLACE, entities=(Entity("the man", "", boxes),))
    completion = make_schema(sample, "brief", FRAME, SchemaOptions(("brief",)), 0).completion
    (found,) = parse_completion(completion, "vg").entities
    assert len(found.boxes) == 2


def test_a_phrase_is_one_entity():
    for entities in ((), (Entity("the", ""), Entity("man", ""))):
        with pytest.raises(DataError, match="expected one, the phrase"):
            replace(PLACE, entities=entities)


def test_the_task_is_a_column_or_stands_in_gold():
    gold = [entity.to_dict() for entity in ABSENT.entities]
    assert score_row("None", gold, task="vg").total == 1
    assert score_row("None", {"entities": gold, "task": "vg"}).total == 1
    assert total_reward(["None", "Ann | PER"], [gold, [Entity("Ann", "PER").to_dict()]], task=["vg", "mner"]) == [1, 1]
    assert score_row("Ann | PER", [Entity("Ann", "PER")]).total == 0


def test_names_keep_their_spelling_at_the_beginning_of_a_sentence():
    sample = Sample("5", "d", "gmner", "iPhone by rihanna", IMAGE, (Entity("iPhone", "OTHER"), Entity("rihanna", "PER")))
    for style in STYLES:
        for seed in range(10):
            text = make_schema(sample, style, FRAME, SchemaOptions((style,)), seed).completion
            assert "IPhone" not in text
            assert "Rihanna" not in text


def test_unknown_tasks_and_gold_that_does_not_fit_are_told():
    with pytest.raises(ConfigError, match="task: got 'ner'"):
        score_completion("", [], task="ner")
    with pytest.raises(DataError, match="one phrase"):
        score_completion("", [], task="vg")


def test_each_prompt_asks_for_what_its_task_wants():
    for detail in DETAILS:
        asked = {
            task.name: write_instruction(load_labels("PER,LOC"), frame_settings("qwen3_vl"), detail=detail, task=task)
            for task in TASKS.values()
        }
        assert len(set(asked.values())) == len(TASKS)
        if detail != "brief":
            assert "box" not in asked["mner"]
            assert "PER" not in asked["vg"]
            assert "PER" in asked["mner"]


def test_a_prediction_of_a_place_carries_the_phrase_and_pixels():
    prediction = predict_from_completion(PLACE, "<answer>[100, 100, 500, 600]</answer>", FRAME)
    assert prediction.entities == PLACE.entities


def test_junk_never_raises():
    rng = Random(0)
    for _ in range(500):
        text = "".join(rng.choice("|[]{}(),.: \nAnnPER1234None<answer></answer>\"'") for _ in range(rng.randint(0, 80)))
        for task, gold in (("mner", NAMES.entities), ("vg", PLACE.entities)):
            assert 0 <= score_completion(text, gold, task=task).total <= 1
