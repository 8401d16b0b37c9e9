import json
import re

import pytest

from mcr.boxes import frame_for
from mcr.commands.score_predictions import main, score_files
from mcr.errors import DataError
from mcr.io.predictions import join_gold, load_predictions, predict_from_completion
from mcr.io.samples import load_samples, read_gold, sample_from_dict, sample_to_dict, write_samples
from mcr.records import Entity, ImageRef, Sample

SAMPLES = [
    Sample(
        str(i),
        "d",
        "gmner",
        "Ann in Rome",
        (ImageRef("a.jpg", 100, 100),),
        (Entity("Ann", "PER", ((0, 0, 50, 50),)), Entity("Rome", "LOC", None)),
    )
    for i in range(3)
]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": 7, "entities": []}, r"got 7 \(int\), expected id, a text"),
        ({"id": "0"}, r"lacks entities \(id '0'\). Add entities: a list, \[\] where nothing is predicted; or write completion"),
        ({"id": "0", "entities": [{"text": "Ann", "type": "PER", "boxes": [1, 2, 3, 4]}]}, r"a list of boxes \[\[x1"),
        ([], r"JSON Lines"),
    ],
)
def test_common_mistakes_are_told_for_what_they_are(tmp_path, row, told):
    with pytest.raises(DataError, match=told):
        load_predictions(write_lines(tmp_path / "p.jsonl", [row]))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"id": "0", "entities": []}).encode() + b"\n")
    assert load_predictions(path)[0].id == "0"


def test_empty_gold_is_refused(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="holds no sample"):
        score_files(tmp_path / "empty.jsonl", tmp_path / "empty.jsonl")


def write_lines(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def gold(tmp_path):
    write_samples(tmp_path / "gold.jsonl", SAMPLES)
    return tmp_path / "gold.jsonl"


def test_samples_survive_the_disk(gold):
    assert load_samples(gold) == SAMPLES
    assert sample_from_dict(sample_to_dict(SAMPLES[0])) == SAMPLES[0]


def test_paths_may_be_given_as_text(gold, tmp_path):
    assert load_samples(str(gold)) == read_gold(str(gold)) == SAMPLES
    assert load_predictions(str(write_lines(tmp_path / "p.jsonl", [{"id": "0", "entities": []}])))[0].id == "0"
    with pytest.raises(DataError, match=r"1 of the lines of .*bad.jsonl cannot be used:\n  - bad.jsonl:1"):
        load_predictions(str(write_lines(tmp_path / "bad.jsonl", ["{"])))
    with pytest.raises(DataError, match=r"bad.jsonl:1: not UTF-8 JSON"):
        load_samples(str(tmp_path / "bad.jsonl"))


def test_gold_as_predictions_is_perfect(gold, tmp_path, capsys):
    metrics, _ = score_files(gold, gold)
    assert metrics.gmner.f1 == 1
    main(["--gold", str(gold), "--predictions", str(gold), "--output_dir", str(tmp_path / "scores")])
    assert re.search(rf"GMNER F1 1\.0000.*  -> {re.escape(str(tmp_path))}/scores/metrics\.json\n", capsys.readouterr().out)
    assert json.loads((tmp_path / "scores/metrics.json").read_text()) == metrics.to_dict() | {"suspicions": []}


def test_real_gold_against_itself_is_perfect(real_roots, tmp_path):
    from data_prep.readers.twitter_gmner import read_twitter_gmner

    for version, root in real_roots.items():
        write_samples(tmp_path / f"{version}.jsonl", read_twitter_gmner(root)[0]["test"])
        metrics, _ = score_files(tmp_path / f"{version}.jsonl", tmp_path / f"{version}.jsonl")
        assert [one.f1 for one in (metrics.gmner, metrics.mner, metrics.eeg, metrics.no_target)] == [1, 1, 1, 1]
        assert metrics.n_count == 0


def test_missing_predictions_count_as_empty_and_are_told(gold, tmp_path):
    path = write_lines(
        tmp_path / "p.jsonl", [{"id": "1", "sentence": "Ann in Rome", "entities": [SAMPLES[1].entities[0].to_dict()]}]
    )
    rows, report = join_gold(load_samples(gold), load_predictions(path))
    assert report.num_missing == 2
    assert report.missing_ids == ["0", "2"]
    assert [len(row.predicted) for row in rows] == [0, 1, 0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{broken", "not UTF-8 JSON"),
        ("[1]", "expected an object"),
        ({"entities": []}, "lacks id. Add id"),
        ({"id": "1", "entities": [{"text": "Ann"}]}, "lacks entities[0].type, entities[0].boxes (id '1'). Add type"),
        ({"id": "1", "entities": [{"text": "Ann", "type": "PER", "boxes": [[1, 2, 3]]}]}, "four numbers"),
        ({"id": "1", "entities": [{"text": "Ann", "type": "PER", "boxes": 5}]}, "list of boxes"),
        ({"id": "1", "entities": [{"text": 5, "type": "PER", "boxes": None}]}, "two strings"),
        ({"id": "1", "entities": [{"text": "Ann", "type": "PER", "boxes": [["a", 1, 2, 3]]}]}, "as text, expected numbers"),
        ({"id": "0", "entities": []}, "occurs twice"),
        ('{"id": "1", "entities": [{"text": "Ann", "type": "PER", "boxes": [[1' + "0" * 400 + ", 2, 3, 4]]}]}", "too large"),
        ({"id": "1", "entities": [{"text": "Ann", "type": "PER", "boxes": None, "uncertainty": "high"}]}, "uncertainty"),
    ],
)
def test_bad_prediction_lines_are_told_by_number(tmp_path, row, told):
    path = write_lines(tmp_path / "p.jsonl", [{"id": "0", "entities": []}, row])
    with pytest.raises(DataError, match=r"p\.jsonl:2") as caught:
        load_predictions(path)
    assert told in str(caught.value)


def test_predictions_for_unknown_samples_are_refused(gold, tmp_path):
    path = write_lines(tmp_path / "p.jsonl", [{"id": "99", "entities": []}])
    with pytest.raises(DataError, match="'99' is not in gold"):
        score_files(gold, path)


def test_bad_gold_is_told_by_line(tmp_path):
    row = sample_to_dict(SAMPLES[0])
    path = write_lines(tmp_path / "g.jsonl", [row, row, {**row, "id": "7", "sentence": "nothing"}, {"id": "8"}])
    with pytest.raises(DataError) as caught:
        load_samples(path)
    for told in ("g.jsonl:2", "occurs twice", "g.jsonl:3", "part of the sentence", "g.jsonl:4: sample: lacks dataset, task"):
        assert told in str(caught.value)


def test_misspelled_keys_of_gold_entities_are_faults_and_keys_of_ones_own_pass(tmp_path):
    row = sample_to_dict(SAMPLES[0])
    row["entities"][0] |= {"annotator": 7}
    assert load_samples(write_lines(tmp_path / "own.jsonl", [row])) == SAMPLES[:1]
    row["entities"][0] |= {"boxs": [[0, 0, 5, 5]], "mask": []}
    told = r"got 'boxs' \(did you mean boxes\?\), 'mask' \(did you mean masks\?\), expected text"
    with pytest.raises(DataError, match=told):
        load_samples(write_lines(tmp_path / "g.jsonl", [row]))


def test_misspelled_keys_of_predictions_are_suspicious(gold, tmp_path):
    row = {"id": "0", "sentance": "x", "model": "m", "entities": [SAMPLES[0].entities[0].to_dict() | {"uncertainy": 1}]}
    _, (found,) = score_files(gold, write_lines(tmp_path / "p.jsonl", [row]))
    assert found.what.startswith("key that is not read")
    assert found.examples == (
        "'sentance' (did you mean sentence?) (sample 0)",
        "'uncertainy' (did you mean uncertainty?) (sample 0)",
    )


def test_a_completion_becomes_a_prediction_in_pixels():
    frame = frame_for("norm1000", 100, 100)
    prediction = predict_from_completion(SAMPLES[0], "<answer>Ann | PER | [0, 0, 500, 500]\nRome | LOC | [1]</answer>", frame)
    assert prediction.entities == (Entity("Ann", "PER", ((0, 0, 50, 50),)), Entity("Rome", "LOC", ()))
    assert not predict_from_completion(SAMPLES[0], "no answer", frame).is_readable


def test_degenerate_predicted_boxes_are_kept_and_score_nothing(gold, tmp_path):
    rows = [{"id": s.id, "entities": [{"text": "Ann", "type": "PER", "boxes": [[50, 50, 0, 0]]}]} for s in SAMPLES]
    metrics, _ = score_files(gold, write_lines(tmp_path / "p.jsonl", rows))
    assert metrics.gmner.num_correct == 0
    assert metrics.mner.num_correct == 3


def test_lone_surrogates_become_replacement_characters(tmp_path):
    path = write_lines(
        tmp_path / "p.jsonl", ['{"id": "1", "sentence": null, "entities": [{"text": "a\\ud800", "type": "", "boxes": null}]}']
    )
    (prediction,) = load_predictions(path)
    assert prediction.entities[0].text == "a\ufffd"
    assert prediction.sentence == ""
