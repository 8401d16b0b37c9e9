"""The picture of UnCo's Fig. 3: drawn where parts have uncertainties, on the page, and left out where there are none."""

import pytest

pytest.importorskip("matplotlib")
from PIL import Image

from mcr.io.predictions import Prediction
from mcr.records import Entity, Sample
from mcr.report.evaluation import evaluate_system
from mcr.report.write_report import write_evaluation
from mcr.tasks import MNER
from mcr.uncertainties import PartUncertainties

GOLD = (Entity("Ann", "PER"), Entity("Rome", "LOC"))
SAMPLE = Sample("1", "x", MNER, "Ann in Rome", (), GOLD)


def evaluated(*uncertainties):
    predicted = (Entity("Ann", "PER"), Entity("Rome", "ORG"), Entity("in", "LOC"))
    prediction = Prediction("1", SAMPLE.sentence, predicted, uncertainties=uncertainties)
    return evaluate_system("one", [SAMPLE], [prediction], num_resamples=10)


def test_parts_with_right_and_wrong_ones_are_drawn(tmp_path):
    system = evaluated(*(PartUncertainties({"span": one, "type": one}) for one in (0.1, 0.3, 0.9)))
    assert system.judged_parts == {"span": ([0.1, 0.3], [0.9]), "type": ([0.1], [0.3])}
    assert system.metrics.part_aurocs == {"span": 1.0, "type": 1.0}
    write_evaluation(tmp_path, "one", system, [None], image_root=None, max_image_mb=1)
    with Image.open(tmp_path / "uncertainty.png") as picture:
        assert picture.width > picture.height > 100
    assert "uncertainty of right and of wrong parts" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_without_uncertainties_nothing_is_drawn(tmp_path):
    write_evaluation(tmp_path, "one", evaluated(), [None], image_root=None, max_image_mb=1)
    assert not (tmp_path / "uncertainty.png").exists()
    assert "uncertainty of right" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_certainty_alone_can_be_drawn(tmp_path):
    system = evaluated(*(PartUncertainties({"span": 0.0, "type": 0.0}) for _ in range(3)))
    write_evaluation(tmp_path, "one", system, [None], image_root=None, max_image_mb=1)
    assert (tmp_path / "uncertainty.png").is_file()
