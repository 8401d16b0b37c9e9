"""Gold with one row a box: read directly, folded into entities, counted as rows where `--gold_boxes each` says so."""

import json

import pytest

from mcr.commands.score_predictions import main
from mcr.errors import DataError
from mcr.io.predictions import Prediction
from mcr.io.samples import read_gold
from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import evaluate
from mcr.records import Entity

ONE, TWO, FAR = [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]
FILES = ("sake_twitter_gmner_gt.json.gz", "unco_twitter_gmner_gt.json.gz", "unco_twitter_fmnerg_gt.json.gz")


def entity(start, end, phrase, label, box):
    return {"start": start, "end": end, "phrase": phrase, "entity_type": label, "region_box": box}


def item(*rows, image="7.jpg"):
    return {"tokens": ["Ann", "Lee", "in", "Rome"], "image_id": image, "gt_entities": list(rows)}


ROWS = (entity(0, 1, "Ann Lee", "PER", ONE), entity(0, 1, "Ann Lee", "PER", TWO), entity(3, 3, "Rome", "LOC", []))


def write(path, *items):
    path.write_text(json.dumps(list(items), indent=4), encoding="utf-8")
    return path


def test_rows_of_one_entity_become_one_with_all_boxes(tmp_path):
    (sample,) = read_gold(write(tmp_path / "gt.json", item(*ROWS)))
    assert (sample.id, sample.sentence, sample.images[0].path) == ("7", "Ann Lee in Rome", "7.jpg")
    assert sample.entities == (Entity("Ann Lee", "PER", (ONE, TWO)), Entity("Rome", "LOC", None))


def test_the_phrase_says_whether_end_is_the_last_token(tmp_path):
    behind = [row | {"end": row["end"] + 1} for row in ROWS]
    assert read_gold(write(tmp_path / "b.json", item(*behind))) == read_gold(write(tmp_path / "b.json", item(*ROWS)))
    mixed = item(*ROWS, entity(3, 4, "Rome", "LOC", []), image="8.jpg")
    told = r"item 2: got phrase 'Lee', expected its tokens, 'Ann Lee'"
    with pytest.raises(DataError, match=told):
        read_gold(write(tmp_path / "gt.json", item(*ROWS), item(entity(0, 1, "Lee", "PER", []), image="8.jpg")))
    assert len(read_gold(write(tmp_path / "gt.json", mixed))[0].entities) == 3


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([item(*ROWS, ROWS[0])], r"'Ann Lee' has box \[0, 0, 10, 10\] twice"),
        ([item(*ROWS, entity(0, 1, "Ann Lee", "PER", []))], "rows with and without a box"),
        ([item(*ROWS), item()], "id '7' occurs twice"),
        ([{"tokens": [], "gt_entities": []}], "item 1: lacks image_id or img_id"),
        ([item({"start": 0})], r"lacks gt_entities\[0\].end, gt_entities\[0\].entity_type"),
        ([{"id": "7", "sentence": "Ann", "entities": []}], "Expected JSON Lines, or a list of tokens, image_id or img_id"),
        ([item(entity(0, 1, "Ann Lee", "PER", [5, 5, 1, 1]))], "expected finite x1 < x2"),
    ],
)
def test_faults_are_listed_by_item(tmp_path, items, told):
    with pytest.raises(DataError, match=told):
        read_gold(write(tmp_path / "gt.json", *items))


def score(tmp_path, *predicted, gold=ROWS, **conventions):
    samples = read_gold(write(tmp_path / "gt.json", item(*gold)))
    return evaluate(samples, [Prediction("7", entities=predicted)], conventions=Conventions(gold_boxes="each", **conventions))


ANN_TWICE, ROME = Entity("Ann Lee", "PER", (ONE, TWO)), Entity("Rome", "LOC", None)


def test_each_gold_box_is_an_entity_of_its_own(tmp_path):
    """By hand: three rows of gold. One box for Ann: 2 of 3 are found, both predictions are right. MNER has two entities."""
    one = score(tmp_path, Entity("Ann Lee", "PER", (ONE,)), ROME)
    assert (one.gmner.num_correct, one.gmner.num_predicted, one.gmner.num_gold) == (2, 2, 3)
    assert (one.mner.num_correct, one.mner.num_predicted, one.mner.num_gold) == (2, 2, 2)
    assert one.eeg.f1 == one.gmner.f1 == 0.8
    assert one.grounding.acc_50 == 0.5


def test_each_predicted_box_is_one_too(tmp_path):
    assert score(tmp_path, ANN_TWICE, ROME).gmner.f1 == 1
    apart = score(tmp_path, Entity("Ann Lee", "PER", (TWO,)), Entity("Ann Lee", "PER", (ONE,)), ROME)
    assert (apart.gmner.f1, apart.mner.num_predicted) == (1, 3)
    far = score(tmp_path, Entity("Ann Lee", "PER", (ONE, TWO, FAR)), ROME)
    assert (far.gmner.num_correct, far.gmner.num_predicted, far.num_named) == (3, 4, 4)


def test_one_gold_box_is_hit_once(tmp_path):
    twice = Entity("Ann Lee", "PER", (ONE, ONE)), ROME
    assert (score(tmp_path, *twice).gmner.num_correct, score(tmp_path, *twice).gmner.num_predicted) == (2, 3)
    dropped = score(tmp_path, *twice, duplicates="drop")
    assert (dropped.gmner.num_correct, dropped.gmner.num_predicted) == (2, 2)


def test_a_box_for_what_is_not_shown_and_none_for_what_is(tmp_path):
    wrong = score(tmp_path, Entity("Ann Lee", "PER", None), Entity("Rome", "LOC", (FAR,)))
    assert (wrong.gmner.num_correct, wrong.gmner.num_predicted, wrong.gmner.num_gold) == (0, 2, 3)
    assert (wrong.no_target.num_correct, wrong.no_target.num_predicted, wrong.no_target.num_gold) == (0, 1, 1)


def test_a_sample_without_gold_or_prediction_still_counts(tmp_path):
    assert score(tmp_path, ROME, gold=()).gmner.num_predicted == 1
    assert score(tmp_path).gmner.num_gold == 3


@pytest.mark.parametrize("name", FILES)
def test_the_published_files_have_2703_rows_of_2497_entities(shared_data, name):
    samples = read_gold(shared_data / name)
    entities = [entity for sample in samples for entity in sample.entities]
    metrics = evaluate(
        samples, [Prediction(s.id, s.sentence, s.entities) for s in samples], conventions=Conventions(gold_boxes="each")
    )
    assert (len(samples), len(entities), metrics.gmner.num_gold, metrics.mner.num_gold) == (1500, 2497, 2703, 2497)
    assert metrics.gmner.f1 == metrics.eeg.f1 == metrics.mner.f1 == 1


@pytest.mark.parametrize(("name", "found"), zip(FILES[:2], (2497, 2496), strict=True))
def test_the_published_files_are_part_of_v2(real_roots, shared_data, name, found):
    """v2.0 has 46 test entities more; one phrase of UnCo's file is longer. Aliases alone make MISC gold's OTHER."""
    from data_prep.readers.twitter_gmner import read_twitter_gmner

    v2 = read_twitter_gmner(real_roots["v2"])[0]["test"]
    samples = read_gold(shared_data / name)
    assert {sample.id: sample.sentence for sample in samples} == {sample.id: sample.sentence for sample in v2}
    predictions = [Prediction(one.id, one.sentence, one.entities) for one in v2]
    metrics = evaluate(samples, predictions)
    assert (metrics.gmner.num_correct, metrics.gmner.num_predicted, metrics.gmner.num_gold) == (found, 2543, 2497)
    rows = evaluate(samples, predictions, conventions=Conventions(gold_boxes="each"))
    assert (rows.gmner.num_correct, rows.gmner.num_predicted, rows.gmner.num_gold) == (found + 206, 2751, 2703)
    assert [str(one) for one in metrics.folded_types] == ["MISC -> OTHER: 388"]
    exact = evaluate(samples, predictions, conventions=Conventions(type_aliases=False))
    assert exact.gmner.num_correct == found - 388
    assert metrics.without_aliases["GMNER F1"] == exact.gmner.f1


def test_published_rows_are_read_by_the_command(shared_data, tmp_path, capsys):
    gold = shared_data / FILES[0]
    samples = read_gold(gold)
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(Prediction(s.id, s.sentence, s.entities).to_dict()) + "\n" for s in samples))
    main(["--gold", str(gold), "--predictions", str(path), "--gold_boxes", "each"])
    printed = capsys.readouterr().out
    assert printed.startswith("GMNER F1 1.0000")
    assert "Each box is a row of its own" in printed
    assert "MISC -> OTHER: 776 (388 in gold, 388 predicted)" in printed
