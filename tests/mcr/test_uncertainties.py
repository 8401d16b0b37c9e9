"""Uncertainties of parts: normalized by their largest entropy, on disk, and by part in the AUROC."""

import math

import pytest

from mcr.errors import DataError
from mcr.io.predictions import Prediction, prediction_from_dict
from mcr.metrics.conventions import DEFAULT
from mcr.metrics.evaluate import score_rows
from mcr.metrics.uncertainty import part_aurocs, part_aurocs_by_names
from mcr.records import Entity, ScoredSample
from mcr.uncertainties import PartUncertainties


def parts(span, label, region):
    return PartUncertainties({"span": span, "type": label, "region": region})


def test_an_entropy_is_normalized_by_that_of_equal_chances():
    uncertainties = PartUncertainties({"span": 0.5, "type": math.log(3), "region": math.log(29) / 2}, {"type": 3, "region": 29})
    assert uncertainties.normalized("type") == 1.0
    assert uncertainties.normalized("region") == pytest.approx(0.5)
    assert uncertainties.normalized("span") == 0.5  # without a number of choices it is in [0, 1] already
    assert PartUncertainties({"region": 0.0}, {"region": 1}).normalized("region") == 0.0
    assert PartUncertainties({}).normalized("type") is None


def test_uncertainties_come_back_as_they_were_written():
    one, other = PartUncertainties({"span": 0.1, "type": 0.2}, {"span": 9}), PartUncertainties({"region": 0.5})
    prediction = Prediction("1", "Ann Bo Cy", (Entity("Ann", "PER"), Entity("Bo", "PER"), Entity("Cy", "PER")))
    prediction = Prediction(prediction.id, prediction.sentence, prediction.entities, uncertainties=(one, 0.7, other))
    row = prediction.to_dict()
    assert row["entities"][0]["uncertainty"] == {"span": 0.1, "type": 0.2, "num_choices": {"span": 9}}
    assert prediction_from_dict(row) == prediction


@pytest.mark.parametrize(
    "wrong",
    [{"spam": 1}, {"span": -1}, {"span": True}, {"type": "high"}, {"span": 1, "num_choices": {"span": 0}}, {"num_choices": 3}],
)
def test_what_is_no_uncertainty_is_refused(wrong):
    row = {"id": "1", "sentence": "Ann", "entities": [{"text": "Ann", "type": "PER", "boxes": None, "uncertainty": wrong}]}
    with pytest.raises(DataError, match="prediction 1: uncertainty"):
        prediction_from_dict(row)


def test_each_part_is_judged_by_itself():
    gold = (Entity("Ann", "PER", ((0, 0, 9, 9),)), Entity("Rome", "LOC"), Entity("Bo", "PER"))
    predicted = (
        Entity("Ann", "PER", ((0, 0, 9, 9),)),  # all right
        Entity("Rome", "ORG"),  # the type is wrong
        Entity("Bo", "PER", ((0, 0, 9, 9),)),  # the region is wrong
        Entity("met", "LOC"),  # the span is wrong; nothing is said of the rest
    )
    uncertainties = (parts(0.1, 0.1, 0.2), parts(0.2, 0.9, 0.3), parts(0.9, 0.2, 0.1), parts(0.5, 0.0, 0.0))
    row = ScoredSample("Ann met Bo in Rome", gold, predicted, uncertainties)
    # span: right .1 .2 .9, wrong .5: 2 of 3; type: right .1 .2, wrong .9: 1; region: right .2 .3, wrong .1: 0
    assert part_aurocs([row], DEFAULT) == {"span": pytest.approx(2 / 3), "type": 1.0, "region": 0.0}
    metrics = score_rows([row])
    assert metrics.to_dict()["part_aurocs"]["type"] == 1.0
    assert metrics.measures["AUROC of region uncertainty"] == 0.0
    assert metrics.uncertainty_auroc is None


def test_seen_and_unseen_names_are_judged_apart():
    names = ("Ann", "Bo", "Cy", "Di", "Ed")
    gold = tuple(Entity(name, "PER") for name in names)
    predicted = (*(Entity(name, "ORG" if name in ("Bo", "Di") else "PER") for name in names), Entity("met", "PER"))
    uncertainties = tuple(parts(0.5, value, 0.0) for value in (0.1, 0.2, 0.6, 0.3, 0.4, 0.9))
    row = ScoredSample("Ann Bo Cy Di Ed met", gold, predicted, uncertainties)
    # type, seen (Ann right .1, Bo wrong .2): 1; unseen (Cy right .6, Ed right .4, Di wrong .3): 0; met's span is wrong
    found = part_aurocs_by_names([row], DEFAULT, frozenset({"Ann", "Bo"}))
    assert found == {"type, seen": 1.0, "type, unseen": 0.0, "span, unseen": 0.5}
    measures = score_rows([row], seen_texts=frozenset({"Ann", "Bo"})).measures
    assert measures["AUROC of uncertainty, type, seen"] == 1.0


def test_a_part_without_a_wrong_prediction_has_no_auroc():
    ann = Entity("Ann", "PER")
    assert part_aurocs([ScoredSample("Ann", (ann,), (ann,), (parts(0.1, 0.1, 0.1),))], DEFAULT) == {}
