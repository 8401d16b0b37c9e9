"""The front door: predictions against gold in one call, and its typed result."""

import json
from dataclasses import FrozenInstanceError

import pytest

from mcr.errors import DataError
from mcr.io.predictions import Prediction
from mcr.metrics.conventions import Conventions
from mcr.metrics.evaluate import FoldedType, evaluate, score_rows
from mcr.records import Entity, ImageRef, Sample, ScoredSample

ANN, ROME = Entity("Ann", "PER", ((0, 0, 10, 10),)), Entity("Rome", "LOC")
GOLD = [Sample(name, "d", "gmner", "Ann in Rome", (ImageRef("a.jpg", 100, 100),), (ANN, ROME)) for name in "abc"]
KEYS = {
    *("gmner", "mner", "eeg", "no_target", "n_count", "n_rate", "grounding", "per_type", "iou_curve", "conventions"),
    *("num_samples", "num_named", "num_missing", "num_unreadable", "num_with_problems", "folded_types", "measures"),
}


def test_predictions_are_matched_by_id_and_what_is_missing_counts_as_empty():
    unreadable = Prediction("c", completion="?", is_readable=False, problems=("no answer",))
    partly = Prediction("b", entities=(ANN, ROME), completion="...", problems=("a line",))
    metrics = evaluate(GOLD, [unreadable, partly])
    assert (metrics.num_samples, metrics.num_missing, metrics.num_unreadable, metrics.num_with_problems) == (3, 1, 1, 1)
    assert (metrics.gmner.precision, metrics.gmner.recall) == (1, 1 / 3)
    assert str(metrics) == "GMNER F1 0.5000  MNER F1 0.5000  EEG F1 0.5000  N-Rate 0.0000  N-F1 0.5000"


def test_the_result_is_frozen_and_has_the_keys_of_metrics_json():
    metrics = evaluate(GOLD, [])
    with pytest.raises(FrozenInstanceError):
        metrics.n_count = 1
    row = json.loads(json.dumps(metrics.to_dict()))
    assert set(row) == KEYS
    assert set(row["gmner"]) == {"precision", "recall", "f1", "num_correct", "num_predicted", "num_gold"}
    assert row["grounding"] == {"acc@0.5": 0, "acc@0.75": 0, "mean_iou": 0}
    assert row["conventions"] == Conventions().to_dict()


def test_what_only_some_samples_hold_has_keys_of_its_own():
    fine = Entity("Ann", "athlete", ((0, 0, 10, 10),))
    row = ScoredSample("Ann", (fine,), (fine,), (0.5,))
    phrase = ScoredSample("it", (Entity("it", ""),), (), task="vg")
    found = score_rows([row, phrase], seen_texts=frozenset({"Ann"})).to_dict()
    assert set(found) - KEYS == {"fmnerg", "fmner", "per_coarse_type", "uncertainty_auroc", "seen", "grec"}
    assert set(found["fmnerg"]) == {"fine", "coarse"}
    assert set(found["seen"]) == {"seen", "unseen"}
    assert set(found["grec"]) == {"n_acc", "t_acc", "precision", "pr@f1=1", "num_no_target", "num_target"}
    assert found["uncertainty_auroc"] is None


def test_ids_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="ids of predictions occur more than once"):
        evaluate(GOLD, [Prediction("a"), Prediction("a")])
    with pytest.raises(DataError, match="ids of samples of gold occur more than once"):
        evaluate([*GOLD, GOLD[0]], [])
    with pytest.raises(DataError, match="'z' is not in gold"):
        evaluate(GOLD, [Prediction("z")])


def test_types_are_one_by_the_aliases_of_the_label_set_and_are_listed():
    predictions = [Prediction(name, entities=(Entity("Ann", "person", ANN.boxes), Entity("Rome", " LOC"))) for name in "abc"]
    metrics = evaluate(GOLD, predictions)
    assert metrics.gmner.f1 == 1
    assert metrics.folded_types == (FoldedType(" LOC", "LOC", 0, 3), FoldedType("person", "PER", 0, 3))
    assert str(metrics.folded_types[1]) == "person -> PER: 3"
    exact = evaluate(GOLD, predictions, conventions=Conventions(type_aliases=False))
    assert (exact.gmner.num_correct, exact.eeg.num_correct) == (3, 6)
    assert [one.written for one in exact.folded_types] == [" LOC"]
    assert set(exact.per_type) == {"PER", "LOC", "person"}


def test_the_conventions_and_the_texts_seen_in_training_are_arguments():
    far = Prediction("a", entities=(Entity("Ann", "PER", ((0, 0, 10, 4),)),))
    assert evaluate(GOLD[:1], [far]).gmner.num_correct == 0
    assert evaluate(GOLD[:1], [far], conventions=Conventions(iou_threshold=0.4)).gmner.num_correct == 1
    assert evaluate(GOLD[:1], [far], seen_texts=frozenset({"Ann"})).seen.seen.num_gold == 1
