"""Types that the corrector's label set lacks are printed, with how often they were predicted."""

from mcr.correction.corrector_flags import tell_unknown_types
from mcr.io.predictions import Prediction
from mcr.labels import DEFAULT_LABELS, load_labels
from mcr.records import Entity

PREDICTIONS = [Prediction("1", "Ann likes tea", (Entity("Ann", "person"), Entity("tea", "DRINK"), Entity("likes", "DRINK")))]


def test_types_of_another_set_are_told(capsys):
    tell_unknown_types(PREDICTIONS, DEFAULT_LABELS)
    told = capsys.readouterr().out
    assert "does not know: DRINK (2). It chooses among PER, LOC, ORG, OTHER." in told
    assert "--labels" in told


def test_types_of_the_set_are_not(capsys):
    tell_unknown_types(PREDICTIONS, load_labels("PER,DRINK"))
    assert not capsys.readouterr().out
