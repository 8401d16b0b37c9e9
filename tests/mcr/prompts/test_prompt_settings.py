"""The prompt: one order everywhere, an instruction for each route, and settings that travel with a model."""

import json
from dataclasses import replace

import pytest

from data_prep.schemas.styles import TEMPLATES
from mcr.errors import ConfigError
from mcr.families import frame_settings
from mcr.labels import TWITTER_GMNER
from mcr.prompts.baselines import STYLES, Demonstration, PromptingBaseline
from mcr.prompts.routes import CONCLUSIONS, DISTILLED, IMAGE_FIRST, QUESTIONS, TEXT_FIRST
from mcr.prompts.settings import DETAILS, PromptSettings
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import TASKS

ROUTES = (TEXT_FIRST, IMAGE_FIRST, QUESTIONS, CONCLUSIONS, DISTILLED)
SETTINGS = PromptSettings(TWITTER_GMNER, frame_settings("qwen3_vl"), routes=ROUTES)
IMAGES = (ImageRef("a.png", 100, 100), ImageRef("b.png", 100, 100))
SAMPLE = Sample("7", "d", "gmner", "Ann in Rome", IMAGES, (Entity("Ann", "PER"), Entity("Rome", "LOC")))


def text_of(prompt):
    return prompt[-1]["content"][-1]["text"]


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_prompt_is_images_then_sentence_then_introduction_then_route(detail, task):
    entities = SAMPLE.entities if TASKS[task].has_text else (Entity("Ann in Rome", ""),)
    sample = replace(SAMPLE, task=task, entities=entities)
    common = text_of(replace(SETTINGS, detail=detail, routes=()).prompt_for(sample))
    for route in ROUTES:
        (message,) = replace(SETTINGS, detail=detail).prompt_for(sample, route)
        assert [part["type"] for part in message["content"]] == ["image", "image", "text"]
        assert text_of([message]) == f"{common}\n{route.instruction}"
    assert common.startswith("Text: Ann in Rome\n")


def test_the_prompts_of_one_sample_differ_in_the_route_alone():
    texts = [text_of(SETTINGS.prompt_for(SAMPLE, route)) for route in ROUTES]
    assert len(set(texts)) == 5
    assert len({text.rsplit("\n", 1)[0] for text in texts}) == 1


def test_each_of_the_papers_five_routes_has_a_template_style():
    """MCR C.1: two tagged, questions and answers, few conclusions, distilled."""
    assert [TEMPLATES[name].route for name in list(TEMPLATES)[:5]] == list(ROUTES)


def test_without_checks_the_route_stays():
    """MCR Table 3, w/o Inst: the stepwise checks and the cautions go, the form that is asked for stays."""
    text = text_of(replace(SETTINGS, detail="plain").prompt_for(SAMPLE, QUESTIONS))
    assert "step by step" not in text
    assert "Caution" not in text
    assert text.endswith(QUESTIONS.instruction)


def test_the_first_route_is_asked_for_unless_another_is_named():
    assert SETTINGS.prompt_for(SAMPLE) == SETTINGS.prompt_for(SAMPLE, TEXT_FIRST)
    other = SETTINGS.asking_for("distilled")
    assert other.prompt_for(SAMPLE) == SETTINGS.prompt_for(SAMPLE, DISTILLED)
    assert set(other.routes) == set(ROUTES)
    with pytest.raises(ConfigError, match=r"got 'imagefirst' \(did you mean image_first"):
        SETTINGS.asking_for("imagefirst")
    with pytest.raises(ConfigError, match="expected none, as its prompts are the same"):
        replace(SETTINGS, routes=()).asking_for("distilled")


def test_a_prompt_is_identified_by_its_sample_and_route():
    assert SETTINGS.prompt_id(SAMPLE, QUESTIONS) == "7/questions"
    assert replace(SETTINGS, routes=()).prompt_id(SAMPLE, QUESTIONS) == "7"


def test_settings_come_back_as_they_were_saved(tmp_path):
    SETTINGS.save(tmp_path)
    assert PromptSettings.load(tmp_path) == SETTINGS


def test_settings_of_the_older_layout_are_refused(tmp_path):
    """A model that was trained with the instruction before the sentence would be asked with another prompt."""
    SETTINGS.save(tmp_path)
    path = tmp_path / "mcr_prompt.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "routes"}))
    with pytest.raises(ConfigError, match=r"'routes'.*Write it anew"):
        PromptSettings.load(tmp_path)


@pytest.mark.parametrize("style", STYLES)
def test_baselines_have_the_same_order(style):
    shown = (Demonstration(SAMPLE, "<answer>None</answer>"),) if style == "cot_demonstrations" else ()
    prompt = PromptingBaseline(style, TWITTER_GMNER, SETTINGS.frame, shown).prompt_for(SAMPLE)
    for message in prompt:
        if message["role"] == "user":
            assert [part["type"] for part in message["content"]] == ["image", "image", "text"]
            assert message["content"][-1]["text"].startswith("Text: Ann in Rome\n")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_completion_is_marked_as_its_instruction_asks(route):
    text = route.completion_of("Because.", "None")
    assert ("<think>" in text, "<answer>" in text) == (route.is_tagged, route.is_tagged)
    assert ("<think>" in route.instruction, "<answer>" in route.instruction) == (route.is_tagged, route.is_tagged)
    assert ("Answer:" in text) == ("Answer:" in route.instruction) == (not route.is_tagged)
