"""Algorithm 1: who is asked about what, in which order, and what a corrector sees of earlier corrections."""

import json
import math

import pytest
from PIL import Image

from mcr.correction import hierarchy
from mcr.correction.corrector_prompts import PromptParts
from mcr.correction.hierarchy import CorrectionOptions, correct, replace_uncertain, uncertainty_of
from mcr.errors import ConfigError
from mcr.families import frame_settings
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, ImageRef, Sample
from mcr.uncertainties import PartUncertainties

SAMPLE = Sample("1", "mine", "gmner", "Ann Lee in Rome", (ImageRef("a.png", 100, 100),), ())
BARE = Sample("2", "mine", "gmner", "Bo in Oslo", (), ())
SAMPLES = {"1": SAMPLE, "2": BARE}
THRESHOLDS = {"span": 0.4, "type": 0.3, "region": 0.5}
ANN, ROME = Entity("Ann", "LOC", ((0, 0, 50, 50),)), Entity("Rome", "LOC")


@pytest.fixture
def image_root(tmp_path):
    Image.new("RGB", (100, 100), "red").save(tmp_path / "a.png")
    return tmp_path


def options(**changed):
    return CorrectionOptions(DEFAULT_LABELS, frame_settings("qwen3_vl"), THRESHOLDS, **changed)


def parts(span, label, region):
    return PartUncertainties({"span": span, "type": label, "region": region})


def prediction(*uncertainties, sample=SAMPLE, entities=(ANN, ROME)):
    return Prediction(sample.id, sample.sentence, entities, uncertainties=uncertainties)


class Corrector:
    """A fake: replies in turn, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    def __call__(self, requests):
        self.asked += [(request.prompt[-1]["content"][-1]["text"], len(request.images)) for request in requests]
        return [self.replies.pop(0) for _ in requests]


def test_what_is_above_its_threshold_is_asked_and_what_is_at_it_is_not(image_root):
    corrector = Corrector('{"corrected_type": "PER"}')
    made = correct([prediction(parts(0.4, 0.31, 0.5), parts(0.0, 0.3, 0.0))], SAMPLES, image_root, corrector, options())
    assert made.predictions[0].entities == (Entity("Ann", "PER", ANN.boxes), ROME)
    assert [(one.part, one.before, one.after, one.u, one.status) for one in made.corrections] == [
        ("type", "LOC", "PER", 0.31, "changed")
    ]


def test_each_corrector_sees_the_earlier_corrections(image_root):
    replies = ['{"corrected_entity": "Ann Lee"}', '{"corrected_type": "PER"}', '{"corrected_bounding_box": [0, 0, 1000, 500]}']
    corrector = Corrector(*replies)
    made = correct([prediction(parts(0.9, 0.9, 0.9), None)], SAMPLES, image_root, corrector, options())
    assert made.predictions[0].entities[0] == Entity("Ann Lee", "PER", ((0, 0, 100, 50),))
    asked = [text for text, _ in corrector.asked]
    assert "<Pre-detected Entity>: Ann\n" in asked[0]
    assert "<Pre-detected Entity>: Ann Lee\n<Pre-detected Entity type>: LOC" in asked[1]
    assert "<Pre-detected Entity type>: PER\n<Pre-detected Bounding box>: [0, 0, 500, 500]" in asked[2]
    assert [images for _, images in corrector.asked] == [0, 1, 1]


def test_all_spans_are_asked_before_any_type(image_root):
    corrector = Corrector("", "", "", "")
    correct([prediction(parts(0.9, 0.9, 0.0), parts(0.9, 0.9, 0.0))], SAMPLES, image_root, corrector, options())
    assert ["type>" in text for text, _ in corrector.asked] == [False, False, True, True]


def test_refused_requests_keep_the_entity_and_are_counted(image_root):
    made = correct([prediction(parts(0.9, 0.9, 0.9), None)], SAMPLES, image_root, Corrector("", "{", "what?"), options())
    assert made.predictions[0].entities == (ANN, ROME)
    assert made.summary() == {"span refused": 1, "type unreadable": 1, "region unreadable": 1}


def test_direct_correction_asks_about_everything_that_can_be_asked(image_root):
    corrector = Corrector(*[""] * 10)
    predictions = [prediction(), prediction(sample=BARE, entities=(Entity("Bo", "PER"), Entity("Oslo", "LOC")))]
    made = correct(predictions, SAMPLES, image_root, corrector, options(mode="direct"))
    counts = [one.part for one in made.corrections]
    assert [counts.count(part) for part in ("span", "type", "region")] == [4, 4, 2]  # the second has no image to look at


def test_one_step_asks_once_an_entity_for_all_parts(image_root):
    reply = '{"corrected_entity": "Ann Lee", "corrected_type": "PER", "corrected_bounding_box": "Null"}'
    corrector = Corrector(reply)
    made = correct(
        [prediction(parts(0.0, 0.9, 0.0), parts(0.0, 0.1, 0.1))], SAMPLES, image_root, corrector, options(mode="one_step")
    )
    assert made.predictions[0].entities == (Entity("Ann Lee", "PER"), ROME)
    assert len(corrector.asked) == 1
    assert [one.part for one in made.corrections] == ["span", "type", "region"]
    assert made.num_questions == 1


def test_without_an_image_no_region_is_asked_about_in_one_step_either(image_root):
    corrector = Corrector()
    unsure = prediction(parts(0.1, 0.1, 0.9), sample=BARE, entities=(Entity("Bo", "PER"),))
    assert correct([unsure], SAMPLES, image_root, corrector, options(mode="one_step")).num_questions == 0


def test_samples_with_an_unsure_part_take_the_answer_of_the_large_model_and_no_other():
    sure = prediction(parts(0.4, 0.3, 0.5), parts(0.0, 0.0, 0.0))
    unsure = Prediction("3", "Ann", (ANN,), uncertainties=(parts(0.0, 0.31, 0.0),))
    bare = prediction(parts(0.1, 0.1, 0.9), sample=BARE, entities=(Entity("Bo", "PER"),))  # has no image to look at
    samples = SAMPLES | {"3": Sample("3", "mine", "gmner", "Ann", SAMPLE.images, ())}
    answers = [Prediction(one.id, one.sentence, (Entity("new", "ORG"),)) for one in (sure, unsure, bare)]
    made = replace_uncertain([sure, unsure, bare], answers, samples, options())
    assert [one.entities for one in made.predictions] == [sure.entities, answers[1].entities, bare.entities]
    assert [(one.id, one.part, one.status) for one in made.corrections] == [("3", "all", "generated")]
    with pytest.raises(ConfigError, match="lacks 1 of 1 uncertain samples, 3 first"):
        replace_uncertain([unsure], answers[:1], samples, options())


def test_few_questions_at_a_time_are_in_memory(image_root, monkeypatch):
    monkeypatch.setattr(hierarchy, "AT_ONCE", 2)
    sizes = []

    def ask(requests):
        sizes.append(len(requests))
        return ['{"corrected_type": "PER"}'] * len(requests)

    made = correct([prediction(*[parts(0, 0.9, 0)] * 5, entities=(ANN,) * 5)], SAMPLES, image_root, ask, options())
    assert sizes == [2, 2, 1]
    assert {one.type for one in made.predictions[0].entities} == {"PER"}


def test_one_number_an_entity_counts_for_all_parts_and_none_for_nothing():
    assert uncertainty_of(prediction(0.7, None), 0, "region") == 0.7
    assert uncertainty_of(prediction(0.7, None), 1, "region") is None
    assert uncertainty_of(prediction(), 0, "span") is None


def test_entropies_are_compared_with_thresholds_by_their_largest_value(image_root):
    doubt = PartUncertainties({"type": 0.35 * math.log(4)}, {"type": 4})
    made = correct([prediction(doubt, None)], SAMPLES, image_root, Corrector(""), options())
    assert made.corrections[0].u == pytest.approx(0.35)


def test_prompts_leave_out_what_they_are_told_to(image_root):
    for parts_of_prompt, has_cot, has_uncertainty in (
        (PromptParts(), True, True),
        (PromptParts(has_cot=False), False, True),
        (PromptParts(has_uncertainty=False), True, False),
    ):
        seen = []
        correct(
            [prediction(parts(0.9, 0.0, 0.0), None)],
            SAMPLES,
            image_root,
            lambda requests: [seen.append(request.prompt) or "" for request in requests],  # noqa: B023
            options(prompt=parts_of_prompt),
        )
        system, user = (message["content"][-1]["text"] for message in seen[0])
        assert ("step by step" in system, "reasoning_process" in system) == (has_cot, has_cot)
        assert ("Uncertainty Description" in system, "Uncertainty>: 0.90" in user) == (has_uncertainty, has_uncertainty)
        assert "(>0.4)" in system or not has_uncertainty


def test_boxes_are_shown_as_the_family_writes_them(image_root):
    corrector = Corrector("")
    settings = CorrectionOptions(DEFAULT_LABELS, frame_settings("llava"), THRESHOLDS)
    correct([prediction(parts(0.0, 0.0, 0.9), None)], SAMPLES, image_root, corrector, settings)
    assert "<Pre-detected Bounding box>: [0.000, 0.000, 0.500, 0.500]" in corrector.asked[0][0]


def test_the_brief_prompts_ask_in_one_sentence(image_root):
    corrector = Corrector("red-disc [0, 0, 250, 250]")
    brief = options(prompt=PromptParts("brief"))
    made = correct([prediction(parts(0.0, 0.0, 0.9), None)], SAMPLES, image_root, corrector, brief)
    assert corrector.asked == [("Where is Ann?", 1)]
    assert made.predictions[0].entities[0].boxes == ((0, 0, 25, 25),)


@pytest.mark.parametrize("changed", [{"mode": "all"}, {"thresholds": {"span": 1.1}}, {"thresholds": {"word": 0.5}}])
def test_options_that_cannot_be_are_refused(changed):
    settings = {"labels": DEFAULT_LABELS, "frame": frame_settings("qwen3_vl")} | changed
    with pytest.raises(ConfigError, match="correction: got mode"):
        CorrectionOptions(**settings)


def test_a_correction_is_json_on_disk(image_root, tmp_path):
    from mcr.correction.correction_files import write_corrections

    made = correct([prediction(parts(0.9, 0.0, 0.0), None)], SAMPLES, image_root, Corrector('{"span": "Ann Lee"}'), options())
    write_corrections(tmp_path / "corrections.jsonl", made.corrections)
    row = json.loads((tmp_path / "corrections.jsonl").read_text(encoding="utf-8"))
    assert row == {"id": "1", "entity": 0, "part": "span", "before": "Ann", "after": "Ann Lee", "u": 0.9, "status": "changed"}
