"""Replies of correctors: what can be used changes the entity, what cannot keeps it and has a status."""

import pytest

from mcr.correction.corrector_replies import read_correction, write_value
from mcr.families import frame_settings
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, ImageRef, Sample

SAMPLE = Sample("1", "mine", "gmner", "Des Moines Tribune  of 1963", (ImageRef("a.png", 200, 100),), ())
ENTITY = Entity("Moines Tribune", "LOC", ((0, 0, 50, 50),))
NORM1000, PIXELS = (frame_settings(name).frame_of(SAMPLE) for name in ("qwen3_vl", "llava"))


def read(reply, part, frame=NORM1000, entity=ENTITY):
    outcome = read_correction(reply, part, SAMPLE, entity, DEFAULT_LABELS, frame)
    return outcome.entity, outcome.status


@pytest.mark.parametrize(
    "reply",
    [
        '{"reasoning_process": "...", "corrected_entity": "Des Moines Tribune"}',
        '```json\n{"reasoning process": "it is a paper", "corrected_entity": "Des Moines  Tribune"}\n```',
        'Format: {"corrected_entity": "..."} Now: {"corrected_entity": "Des Moines Tribune"}',
        '{"span": "Des Moines Tribune"}',
    ],
)
def test_a_span_is_read_from_json_in_any_wrapping(reply):
    entity, status = read(reply, "span")
    assert (entity.text, entity.type, entity.boxes, status) == ("Des Moines Tribune", "LOC", ENTITY.boxes, "changed")


@pytest.mark.parametrize(
    ("reply", "part", "status"),
    [
        ('{"corrected_entity": "Moines Tribune"}', "span", "confirmed"),
        ('{"corrected_entity": "The Des Moines Tribune"}', "span", "not_in_sentence"),
        ('{"corrected_entity": ""}', "span", "unreadable"),
        ('{"corrected_entity": ["Des"]}', "span", "unreadable"),
        ("the span is Des Moines Tribune", "span", "unreadable"),
        ('{"corrected_entity": "Des', "type", "unreadable"),
        ('{"corrected_type": "NEWSPAPER"}', "type", "unknown_type"),
        ('{"corrected_type": "location"}', "type", "confirmed"),
        ('{"corrected_type": null}', "type", "unreadable"),
        ('{"corrected_bounding_box": [500, 500, 500, 600]}', "region", "bad_box"),
        ('{"corrected_bounding_box": [600, 0, 500, 600]}', "region", "bad_box"),
        ('{"corrected_bounding_box": [2000, 0, 3000, 600]}', "region", "bad_box"),
        ('{"corrected_bounding_box": "somewhere"}', "region", "bad_box"),
        ('{"corrected_bounding_box": [0, 0, 250, 500]}', "region", "confirmed"),
        ('{"corrected_bounding_box": [0.2, 0, 250, 499.9]}', "region", "confirmed"),  # as the frame rounds it
        ('{"reasoning_process": "none of them shows it, so', "region", "unreadable"),  # cut off: not an answer
        ('{"reasoning_process": "the box [0, 0, 500, 500] covers two"}', "region", "unreadable"),
        ("", "region", "refused"),
    ],
)
def test_what_changes_nothing_keeps_the_entity(reply, part, status):
    assert read(reply, part) == (ENTITY, status)


@pytest.mark.parametrize("reply", ["person", "PER", " Per "])
def test_a_type_is_read_by_the_aliases_of_the_label_set(reply):
    entity, status = read(f'{{"corrected_type": "{reply}"}}', "type")
    assert (entity.type, status) == ("PER", "changed")


@pytest.mark.parametrize("value", ['"Null"', "null", '"null"', "[]", '"[]"', '"None"'])
def test_null_is_not_in_the_image(value):
    entity, status = read(f'{{"corrected_bounding_box": {value}}}', "region")
    assert (entity.boxes, status) == (None, "changed")


@pytest.mark.parametrize(
    ("value", "frame", "box"),
    [
        ("[100, 200, 500, 1000]", NORM1000, (20, 20, 100, 100)),
        ('"[100, 200, 500, 1000]"', NORM1000, (20, 20, 100, 100)),
        ("[[100, 200, 500, 1000]]", NORM1000, (20, 20, 100, 100)),
        ("[100, 200, 500, 1200]", NORM1000, (20, 20, 100, 100)),  # cut to the image
        ("[0.1, 0.2, 0.5, 1.0]", PIXELS, (20, 20, 100, 100)),
    ],
)
def test_a_box_goes_through_the_frame_of_the_model(value, frame, box):
    entity, status = read(f'{{"corrected_bounding_box": {value}}}', "region", frame)
    assert status == "changed"
    assert entity.boxes[0] == pytest.approx(box)


def test_a_place_in_plain_words_is_read_too():
    assert read("red-disc [100, 200, 500, 1000]", "region")[0].boxes[0] == pytest.approx((20, 20, 100, 100))
    assert read("red-disc, not there", "region")[0].boxes is None


def test_parts_are_written_as_the_file_has_them():
    assert [write_value(ENTITY, part) for part in ("span", "type", "region")] == [
        "Moines Tribune",
        "LOC",
        "[[0.0, 0.0, 50.0, 50.0]]",
    ]
    assert write_value(Entity("Ann", "PER"), "region") == "null"
