"""What looks wrong in a predictions file that can be read line by line."""

import json
from dataclasses import replace

import pytest

from mcr.commands.score_predictions import main as score
from mcr.io.predictions import Prediction
from mcr.io.samples import write_samples
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
        found = told([replace(one, **known) for one in predict(Entity("Ann", "PER", ()))])
        assert all("Write null" not in what for what, _ in found)
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


BOXED = [
    Sample(
        str(i),
        "d",
        "gmner",
        "Ann Lee in Rome",
        (ImageRef("a.jpg", 800, 600),),
        (Entity("Ann Lee", "PER", ((80, 60, 480, 540),)),),
    )
    for i in range(10)
]


def boxed(box, samples=BOXED, text="Ann Lee"):
    return [Prediction(sample.id, "", (Entity(text, "PER", (box,)),)) for sample in samples]


@pytest.mark.parametrize(
    ("box", "word"),
    [
        ((0.1, 0.1, 0.6, 0.9), "parts of the image from 0 to 1, and misses it as pixels: multiply by width and height"),
        ((10, 10, 60, 90), "per cent of the image, and misses it as pixels: multiply by width and height, divide by 100"),
        ((100, 100, 600, 900), "thousandths of the image, and misses it"),
        ((102.4, 102.4, 614.4, 921.6), "1024ths of the image, and misses it"),
        ((100, 100, 900, 600), "thousandths of the image and [y1, x1, y2, x2] instead of corners"),
    ],
)
def test_gold_says_how_boxes_would_have_to_be_read(box, word):
    far = [replace(sample, entities=(Entity("Ann Lee", "PER", ((500, 60, 780, 140),)),)) for sample in BOXED]
    ((what, count),) = told(boxed(box), BOXED)
    assert (word in what, count) == (True, 10)
    assert all(word not in what for what, _ in told(boxed(box), far))


def test_y_first_instead_of_corners():
    samples = [replace(sample, entities=(Entity("Ann Lee", "PER", ((500, 60, 780, 140),)),)) for sample in BOXED]
    ((what, _),) = told(boxed((60, 500, 140, 780), samples), samples)
    assert "read as [y1, x1, y2, x2] instead of corners, and misses it as pixels: write [x1, y1, x2, y2]" in what


def test_width_and_height_instead_of_corners():
    samples = [replace(one, entities=(Entity("Ann Lee", "PER", ((300, 300, 500, 500),)),)) for one in BOXED]
    first, second = told(boxed((300, 300, 200, 200), samples), samples)
    assert "[x, y, width, height] instead of corners, and misses it as pixels" in first[0]
    assert "without an area" in second[0]


def test_boxes_that_hit_gold_are_in_pixels():
    assert told(boxed((80, 60, 480, 540)), BOXED) == []
    small = [replace(one, entities=(Entity("Ann Lee", "PER", ((10, 10, 90, 90),)),)) for one in BOXED]
    assert told(boxed((10, 10, 90, 90), small), small) == []


def test_boxes_without_a_known_size_are_compared_with_golds():
    samples = [replace(one, images=(), is_scored_only=True) for one in BOXED]
    ((what, _),) = told(boxed((0.1, 0.1, 0.6, 0.9), samples), samples)
    assert "no coordinate above 1" in what
    ((what, _),) = told(boxed((10, 10, 60, 90), samples), samples)
    assert "per cent" in what
    assert told(boxed((60, 60, 460, 540), samples), samples) == []


def test_empty_boxes_and_pieces_that_were_not_read_are_findings_of_their_own():
    ((what, count),) = told(predict(Entity("Ann", "PER", ((0, 0, 0, 0),))))
    assert (what.startswith("empty box"), count) == (True, 10)
    doubts = [replace(one, problems=(f"no type: 'x{one.id}'",)) for one in predict(Entity("Ann", "PER", None))]
    assert told(doubts) == [("piece of a completion: no type.", 10)]


def test_boxes_in_1024ths_of_small_images():
    ((what, _),) = told(predict(Entity("Ann", "PER", ((100, 100, 900, 1020),))))
    assert "1024ths" in what


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ann", "in other letters"),
        ("ANN", "in other letters"),
        ("**Ann**", "bold, quotes"),
        ('"Ann"', "bold, quotes"),
        ("\u201cann\u201d", "bold, quotes"),
        ("1. Ann", "behind a bullet"),
        ("- `Ann`", "behind a bullet"),
    ],
)
def test_texts_that_the_sentence_writes_otherwise(text, word):
    ((what, count),) = told(predict(Entity(text, "PER")))
    assert (word in what, count) == (True, 10)
    assert repr(text) in find_suspicions(SAMPLES, predict(Entity(text, "PER")))[0].in_words()


def test_case_is_no_matter_where_it_is_not_compared():
    assert find_suspicions(SAMPLES, predict(Entity("ann", "PER")), is_case_sensitive=False) == []


def test_a_quoted_name_of_the_sentence_is_none():
    samples = [replace(SAMPLES[0], sentence='He said "Ann" 1. FC')]
    assert told([Prediction("0", "", (Entity('"Ann"', "PER"), Entity("1. FC", "PER")))], samples) == []


def test_texts_without_golds_spaces():
    samples = [replace(SAMPLES[0], sentence="in St . Ives", entities=(Entity("St . Ives", "LOC"),))]
    ((what, _),) = told([Prediction("0", "", (Entity("St. Ives", "LOC"),))], samples)
    assert "other spaces" in what


def test_types_that_gold_never_has():
    predictions = [*predict(Entity("Ann", "PERSON NAME"))[:7], *predict(Entity("Ann", "Dish"))[7:]]
    (found,) = find_suspicions(SAMPLES, predictions)
    assert "no entity of gold has; gold has PER." in found.what
    assert (found.count, found.examples) == (10, ("'PERSON NAME' 7 times", "'Dish' 3 times"))
    assert told(predict(Entity("Ann", "people"))) == []


def test_an_empty_list_beside_a_completion_that_names_some():
    answered = [Prediction(one.id, "", (), "<answer>\nAnn | PER | None\n</answer>") for one in SAMPLES]
    ((what, count),) = told(answered)
    assert ("remove the key entities" in what, count) == (True, 10)
    assert told([Prediction("0", "", (), "<answer>None</answer>")]) == []
    assert told([replace(answered[0], is_readable=False)]) == []


def test_lower_case_is_never_without_a_word(tmp_path, capsys):
    """The case of the report: F1 falls from 1 to 0 and the output says why, with count, example and remedy."""
    gold = tmp_path / "gold.jsonl"
    write_samples(gold, BOXED)
    lowered = [Prediction(one.id, "", (replace(one.entities[0], text="ann lee"),)) for one in BOXED]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(one.to_dict()) + "\n" for one in lowered), encoding="utf-8")
    score(["--gold", str(gold), "--predictions", str(path)])
    printed = capsys.readouterr().out
    assert printed.startswith("GMNER F1 0.0000")
    assert "warning: 10 x text in other letters than the sentence has: copy texts from the sentence, or" in printed
    assert "For example: 'ann lee' (sample 0)" in printed
    score(["--gold", str(gold), "--predictions", str(path), "--is_case_sensitive", "off"])
    assert "other letters" not in capsys.readouterr().out
