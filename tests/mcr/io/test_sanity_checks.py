"""What looks wrong in a predictions file that can be read line by line."""

from dataclasses import replace

from mcr.io.predictions import Prediction
from mcr.io.sanity_checks import find_suspicions
from mcr.labels import DEFAULT_LABELS
from mcr.records import Entity, ImageRef, Sample

SAMPLES = [
    Sample(str(i), "d", "gmner", "Ann &amp ; Bob in Rome", (ImageRef("a.jpg", 400, 300),), (Entity("Ann", "PER", None),))
    for i in range(10)
]


def predict(entity, sentence="Ann &amp ; Bob in Rome"):
    return [Prediction(sample.id, sentence, (entity,)) for sample in SAMPLES]


def told(predictions, samples=SAMPLES):
    return [(suspicion.what, suspicion.count) for suspicion in find_suspicions(samples, predictions)]


def test_nothing_is_said_of_what_is_in_order():
    assert told(predict(Entity("Ann", "PER", ((10, 10, 390, 290),)))) == []
    assert told([]) == []


def test_boxes_in_parts_of_the_image():
    ((what, count),) = told(predict(Entity("Ann", "PER", ((0.1, 0.1, 0.9, 1.0),))))
    assert "no coordinate above 1" in what
    assert count == 10


def test_one_coordinate_off_hides_no_wrong_frame():
    for box, odd, word in (
        ((0.1, 0.1, 0.9, 1.0), (0.1, 0.1, 0.9, 1.02), "no coordinate above 1"),
        ((0.1, 0.1, 0.9, 1.0), (10, 10, 90, 90), "no coordinate above 1"),
        ((100, 100, 900, 1000), (100, 100, 900, 1001), "thousandths"),
    ):
        samples = [replace(sample, id=str(i)) for i in range(200) for sample in SAMPLES[:1]]
        predictions = [Prediction(sample.id, "", (Entity("Ann", "PER", (box,)),)) for sample in samples]
        predictions[3] = Prediction("3", "", (Entity("Ann", "PER", (odd,)),))
        assert any(word in suspicion.what for suspicion in find_suspicions(samples, predictions))


def test_empty_lists_of_boxes_are_told_unless_a_completion_was_read():
    ((what, count),) = told(predict(Entity("Ann", "PER", ())))
    assert "Write null" in what
    assert count == 10
    for known in ({"completion": "?", "problems": ("no box",)}, {"completion": "<answer>Ann | PER | [1, 2]</answer>"}):
        assert told([replace(one, **known) for one in predict(Entity("Ann", "PER", ()))]) == []
    for completion in ("?", "<answer>Ann | PER | None</answer>"):
        ((what, _),) = told([replace(one, completion=completion) for one in predict(Entity("Ann", "PER", ()))])
        assert "Write null" in what


def test_numbers_that_are_not_finite():
    for value in (float("nan"), float("inf")):
        ((what, _),) = told(predict(Entity("Ann", "PER", ((10, 10, value, 20),))))
        assert "not finite" in what


def test_types_in_other_letters():
    ((what, _),) = told(
        [replace(one, entities=(Entity("Ann", "dish"),)) for one in predict(Entity("Ann", "PER"))],
        [replace(sample, entities=(Entity("Ann", "Dish"),)) for sample in SAMPLES],
    )
    assert "other letters" in what
    assert told(predict(Entity("Ann", "person"))) == []
    assert find_suspicions(SAMPLES, predict(Entity("Ann", "per")), DEFAULT_LABELS.without_aliases())[0].count == 10


def test_texts_composed_otherwise():
    samples = [Sample("0", "d", "gmner", "Beyonc\u00e9 sings", (), ())]
    (found,) = find_suspicions(samples, [Prediction("0", "", (Entity("Beyonce\u0301", "PER", None),))])
    assert "NFC" in found.what


def test_boxes_in_thousandths():
    ((what, count),) = told(predict(Entity("Ann", "PER", ((100, 100, 900, 1000),))))
    assert "thousandths" in what
    assert count == 10


def test_a_box_outside_is_told_and_no_more():
    predictions = predict(Entity("Ann", "PER", ((10, 10, 390, 290),)))
    predictions[0] = Prediction("0", "", (Entity("Ann", "PER", ((10, 10, 2000, 290),)),))
    assert told(predictions) == [("box outside its image; it is scored as it is.", 1)]


def test_texts_unescaped_while_the_sentence_was_not():
    ((what, count),) = told(predict(Entity("Ann & Bob", "PER", None)))
    assert "HTML" in what
    assert count == 10
    assert "'Ann & Bob' (sample 0)" in find_suspicions(SAMPLES, predict(Entity("Ann & Bob", "PER", None)))[0].in_words()


def test_words_run_together_are_no_html():
    samples = [Sample("0", "d", "gmner", "the art of New York", (), ())]
    predictions = [Prediction("0", "", (Entity("heart", "OTHER", None), Entity("NewYork", "LOC", None)))]
    assert find_suspicions(samples, predictions) == []


def test_other_sentences_and_corners_swapped():
    ((what, _),) = told(predict(Entity("Ann", "PER", None), sentence="Ann and Bob"))
    assert "another sentence" in what
    ((what, _),) = told(predict(Entity("Ann", "PER", ((50, 50, 20, 20),))))
    assert "without an area" in what
