"""What the scripted LLM sees and how it corrects: from the request alone, wrong at stated rates."""

import json
from random import Random

import pytest

from data_prep.sandbox.drawing import draw
from data_prep.sandbox.scripted.replies import reply_to
from data_prep.sandbox.scripted.sight import looks_in
from data_prep.sandbox.task_worlds import world_sample
from mcr.boxes import iou
from mcr.correction.corrector_prompts import ALL, Doubted, PromptParts, write_corrector_prompt
from mcr.endpoint.messages import chat_messages
from mcr.families import frame_settings
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity

PAIRS = [world_sample(0, "test", index) for index in range(60)]


def picture_of(scene):
    return draw(scene.drawn, scene.background, scene.image_px)


def ask(sample, scene, entity, part, **script):
    frame = frame_settings("qwen3_vl").frame_of(sample)
    sees = part != "span"
    prompt = write_corrector_prompt(
        Doubted(sample, entity, part, 0.8, 0.4), PromptParts(), DEFAULT_LABELS, frame if sees else None, sees=sees
    )
    reply = reply_to(chat_messages(prompt, [picture_of(scene)] if sees else []), **script)
    assert reply.kind == f"correct_{part}"
    return json.loads(reply.text), reply.is_wrong


def test_looks_are_read_off_the_pixels():
    right = total = 0
    for _, scene in PAIRS:
        seen = looks_in(picture_of(scene))
        assert {look for look, _ in seen} <= {look for look, _ in scene.drawn}
        right, total = right + len(seen), total + len(scene.drawn)
        assert all(iou(box, dict(scene.drawn)[look]) > 0.9 for look, box in seen)
    assert right >= 0.85 * total  # two of one color that touch are no shape


def test_each_part_is_corrected_by_knowledge_and_sight():
    num_places = 0
    for sample, scene in PAIRS:
        seen = {look for look, _ in looks_in(picture_of(scene))}
        for entity, name in zip(sample.entities, scene.named, strict=True):
            wrong = Entity(entity.text.split()[0], "LOC" if entity.type != "LOC" else "PER", ((0.0, 0.0, 9.0, 9.0),))
            assert ask(sample, scene, wrong, "span")[0]["corrected_entity"] == entity.text
            named = Entity(entity.text, wrong.type, wrong.boxes)
            assert ask(sample, scene, named, "type")[0]["corrected_type"] == entity.type
            if set(name.looks) & {look for look, _ in scene.drawn} <= seen:
                place = ask(sample, scene, named, "region")[0]["corrected_bounding_box"]
                if entity.boxes is None:
                    assert place == "Null"
                else:
                    box = [value * 128 / 1000 for value in json.loads(place)]
                    assert max(iou(box, one) for one in entity.boxes) > 0.9
                    num_places += 1
    assert num_places > 20


def test_all_parts_can_be_asked_at_once():
    sample, scene = next(pair for pair in PAIRS if pair[0].entities)
    told, _ = ask(sample, scene, sample.entities[0], ALL)
    assert {*told} == {"reasoning_process", "corrected_entity", "corrected_type", "corrected_bounding_box"}


@pytest.mark.parametrize(
    ("part", "key"), [("type", "corrected_type"), ("region", "corrected_bounding_box"), ("span", "corrected_entity")]
)
def test_errors_come_at_the_rate_of_their_kind_and_change_the_reply(part, key):
    wrong = asked = 0
    for sample, scene in PAIRS:
        for entity in sample.entities:
            right, _ = ask(sample, scene, entity, part)
            told, is_wrong = ask(sample, scene, entity, part, error_rates={f"correct_{part}": 0.3}, seed=1)
            asked, wrong = asked + 1, wrong + is_wrong
            assert is_wrong or told == right
            assert not is_wrong or told[key] != right[key] or not looks_in(picture_of(scene))
    assert 0.15 < wrong / asked < 0.45


def test_a_request_without_a_picture_leaves_the_place_as_it_is():
    rng = Random(0)
    sample, _ = rng.choice([pair for pair in PAIRS if pair[0].entities])
    prompt = write_corrector_prompt(
        Doubted(sample, Entity("Nobody", "PER"), "region", 0.8, 0.4), PromptParts(), DEFAULT_LABELS, None, sees=False
    )
    assert json.loads(reply_to(chat_messages(prompt, [])).text)["corrected_bounding_box"] == "Null"
