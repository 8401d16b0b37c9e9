"""Task ve: is a phrase in the image at all. Its answers, rewards, measures and schemas, by hand."""

import pytest

from data_prep.schemas.build import SchemaOptions, make_schema
from mcr.boxes import Frame
from mcr.families import frame_settings
from mcr.formats import parse_completion
from mcr.formats.answers import write_answer
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS
from mcr.metrics.error_kinds import judge
from mcr.metrics.evaluate import evaluate
from mcr.prompts.settings import PromptSettings
from mcr.records import Entity, ImageRef, Sample, ScoredSample
from mcr.tasks import VE, task_named
from rewards.score import score_completion

BOX = (10.0, 10.0, 60.0, 60.0)
PHRASE = "Brix (PER) - a red disc"


def phrase(sample_id, is_shown):
    entity = Entity(PHRASE, "PER", (BOX,) if is_shown else None)
    return Sample(sample_id, "sandbox", VE, PHRASE, (ImageRef("a.png", 100, 100),), (entity,))


def test_a_verdict_is_asked_for_and_scored_by_entailment_alone():
    assert task_named("ve").asked == ("verdict",)
    assert VE.reward_parts == ("entailment",)
    assert VE.unasked_reward_parts == {"count", "span", "type", "grounding"}


@pytest.mark.parametrize(
    ("said", "boxes"),
    [
        ("yes", ()),
        ("Yes, it does.", ()),
        ("no", None),
        ("No.", None),
        ("**No**", None),
        ("It is not visible in the image.", None),
    ],
)
def test_verdicts_are_read(said, boxes):
    parsed = parse_completion(f"<think>[1, 2, 3, 4]</think><answer>\n{said}\n</answer>", VE)
    assert parsed.is_readable
    assert parsed.entities[0].boxes == boxes


@pytest.mark.parametrize("said", ["perhaps", "", "[1, 2, 3, 4]", "nobody", "yesterday"])
def test_what_is_no_verdict_is_unreadable(said):
    assert not parse_completion(f"<answer>\n{said}\n</answer>", VE).is_readable


@pytest.mark.parametrize("is_shown", [True, False])
def test_what_is_written_is_read_back_and_earns_everything(is_shown):
    sample = phrase("1", is_shown)
    answer = write_answer(sample.entities, "rows", task=VE)
    assert answer == ("yes" if is_shown else "no")
    right, wrong = (f"<answer>\n{said}\n</answer>" for said in (answer, "no" if is_shown else "yes"))
    assert score_completion(right, sample.entities, task=VE).total == pytest.approx(1.0)
    assert score_completion(wrong, sample.entities, task=VE).total == pytest.approx(0.0)
    assert score_completion("hm", sample.entities, task=VE).total == 0.0


def test_accuracy_is_the_share_of_right_verdicts_and_an_unread_one_is_wrong():
    samples = [phrase("1", True), phrase("2", True), phrase("3", False), phrase("4", False)]
    said = [(), None, None, ()]
    predictions = [Prediction(s.id, PHRASE, (Entity(PHRASE, "", boxes),)) for s, boxes in zip(samples, said, strict=True)]
    predictions[2] = Prediction("3", PHRASE, (), "hm", is_readable=False)
    metrics = evaluate(samples, predictions)
    assert metrics.measures == {"verdict accuracy": 0.25}
    assert metrics.grec is None


@pytest.mark.parametrize(("is_shown", "said", "kind"), [(True, (), "right"), (True, None, "should have a box"), (False, None, "right"), (False, (), "should be None")])  # fmt: skip
def test_errors_of_verdicts_are_told_apart(is_shown, said, kind):
    sample = phrase("1", is_shown)
    row = ScoredSample(PHRASE, sample.entities, (Entity(PHRASE, "", said),), task=VE)
    assert [verdict.kind for verdict in judge(row)] == [kind]


def test_the_prompt_asks_for_yes_or_no_and_for_no_box():
    settings = PromptSettings(DEFAULT_LABELS, frame_settings("qwen3_vl"), is_reasoned=False)
    text = settings.prompt_for(phrase("1", True))[0]["content"][-1]["text"]
    assert "yes or no" in text
    assert "A box is" not in text
    assert "Types:" not in text


@pytest.mark.parametrize(
    "style", ["steps_text_first", "steps_image_first", "question_answer", "brief", "narrative", "answer_only"]
)
@pytest.mark.parametrize("is_shown", [True, False])
def test_each_style_reasons_and_answers_with_the_verdict(style, is_shown):
    frame = Frame("norm1000", 100, 100, 1000, 1000)
    options = SchemaOptions((style,), ("rows",), orders=("text type location",), shuffle_entities=False)
    completion = make_schema(phrase("1", is_shown), style, frame, options, 0).completion
    parsed = parse_completion(completion, VE, frame=frame)
    assert parsed.is_readable
    assert not parsed.problems
    assert parsed.entities[0].is_grounded == is_shown
