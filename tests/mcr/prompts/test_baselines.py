"""The prompting baselines."""

from dataclasses import replace

import pytest

from mcr.errors import ConfigError
from mcr.families import frame_settings
from mcr.labels import load_labels
from mcr.prompts.baselines import Demonstration, PromptingBaseline, draw_demonstrations
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

FRAME = frame_settings("qwen3_vl")
LABELS = load_labels("PER,LOC")


def make(name, sentence=None, is_missing=False):
    image = ImageRef(f"{name}.jpg", 10, 10, is_missing)
    return Sample(name, "d", "gmner", sentence or f"Ann {name}", (image,), (Entity("Ann", "PER", None),))


def text_of(message):
    return " ".join(part.get("text", "") for part in message["content"])


def test_direct_asks_for_the_answer_alone_and_chain_of_thought_for_steps():
    direct = PromptingBaseline("direct", LABELS, FRAME)
    cot = PromptingBaseline("cot", LABELS, FRAME)
    assert "without any reasoning" in text_of(direct.prompt_for(make("a"))[0])
    assert "step by step" in text_of(cot.prompt_for(make("a"))[0])
    for prompt in (direct, cot):
        assert "text | type | box" in prompt.instruction(GMNER)
        assert "Types: PER, LOC." in prompt.instruction(GMNER)
        assert "0 to 1000" in prompt.instruction(GMNER)


@pytest.mark.parametrize("style", ["direct", "cot"])
def test_each_task_is_asked_for_what_it_has(style):
    baseline = PromptingBaseline(style, LABELS, FRAME)
    names, place = (text_of(baseline.prompt_for(replace(make("a"), task=task))[0]) for task in ("mner", "vg"))
    assert "text | type" in names
    assert "box" not in names
    assert "0 to 1000" in place
    assert "PER" not in place
    assert "type" not in place


def test_demonstrations_are_turns_with_their_images_first():
    shown = (Demonstration(make("x"), "<answer>X</answer>"), Demonstration(make("y"), "<answer>Y</answer>"))
    prompt = PromptingBaseline("cot_demonstrations", LABELS, FRAME, shown)
    turns = prompt.prompt_for(make("a"))
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert text_of(turns[1]) == "<answer>X</answer>"
    assert [image.path for image in prompt.images_of(make("a"))] == ["x.jpg", "y.jpg", "a.jpg"]
    assert sum(part["type"] == "image" for turn in turns for part in turn["content"]) == 3


def test_demonstrations_are_never_evaluated_samples():
    evaluated = [make("a"), make("b")]
    pool = [make("a"), make("other", sentence="Ann b"), make("gone", is_missing=True), make("p"), make("q")]
    for seed in range(10):
        drawn = draw_demonstrations(pool, evaluated, num=2, seed=seed)
        assert {sample.id for sample in drawn} == {"p", "q"}
    assert draw_demonstrations(pool, evaluated, num=1, seed=3) == draw_demonstrations(pool, evaluated, num=1, seed=3)
    with pytest.raises(ConfigError, match="3 to draw from 2"):
        draw_demonstrations(pool, evaluated, num=3, seed=0)


def test_wrong_settings_are_refused():
    for style, shown in (("shout", ()), ("cot_demonstrations", ()), ("direct", (Demonstration(make("x"), ""),))):
        with pytest.raises(ConfigError, match="prompting: got"):
            PromptingBaseline(style, LABELS, FRAME, shown)
    with pytest.raises(ConfigError, match=r"'co' \(did you mean cot\?\), expected one of"):
        PromptingBaseline("co", LABELS, FRAME)
