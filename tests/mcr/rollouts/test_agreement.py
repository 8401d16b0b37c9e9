"""Uncertainties by agreement: shares by hand, parts that a task lacks, and a predictor whose sampler is a fake."""

import pytest

from mcr.families import frame_settings
from mcr.labels import TWITTER_GMNER
from mcr.prompts.settings import PromptSettings
from mcr.records import Entity, Sample
from mcr.rollouts.agreement import AgreementPredictor, part_uncertainties
from mcr.rollouts.predictors import SamplerPredictor
from mcr.rollouts.request import Rollout, SamplingSettings
from mcr.tasks import MNER

BOX, NEAR, FAR = (0, 0, 100, 100), (0, 0, 100, 60), (200, 200, 300, 300)
PARTS = ("span", "type", "region")


def ann(label="PER", box=BOX):
    return Entity("Ann", label, (box,) if box else None)


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ([[ann()], [ann()]], (0, 0, 0)),
        ([[ann()], [], [], []], (0.75, 0, 0)),
        ([[ann("LOC")], [ann(box=FAR)], [ann(box=None)], [ann(box=NEAR)]], (0, 0.25, 0.5)),
        ([[], [Entity("Bo", "PER")]], (1, 1, 1)),
        ([[ann("person"), ann("LOC", FAR)]], (0, 0, 0)),  # an alias; any of several of one name may agree
    ],
)
def test_shares_by_hand(drawn, expected):
    found = part_uncertainties(ann(), drawn, PARTS)
    assert tuple(found.values[part] for part in PARTS) == pytest.approx(expected)
    assert [found.normalized(part) for part in PARTS] == pytest.approx(expected)


class Scripted:
    """Answers "Ann" as a person greedily; of four drawn answers one has another type and one is empty."""

    def sample(self, requests, settings):
        texts = ["Ann | PER"] if settings.temperature == 0 else ["Ann | PER", "Ann | LOC", "None", "Ann | PER"]
        return [[Rollout(f"<answer>\n{text}\n</answer>", (), True) for text in texts] for _ in requests]


def test_a_predictor_says_how_far_drawn_answers_agree(tmp_path):
    prompts = PromptSettings(TWITTER_GMNER, frame_settings("qwen3_vl"))
    greedy = SamplingSettings(num_generations=1, temperature=0.0)
    answers = SamplerPredictor(Scripted(), prompts, greedy, tmp_path, 2)
    samples = [Sample(str(number), "x", MNER, "Ann sings", (), ()) for number in range(3)]
    found = list(AgreementPredictor(answers, SamplingSettings(num_generations=4, temperature=1.0)).predict(samples))
    assert [one.id for one in found] == ["0", "1", "2"]
    for one in found:
        assert one.entities == (Entity("Ann", "PER"),)
        (uncertainty,) = one.uncertainties
        assert dict(uncertainty.values) == pytest.approx({"span": 0.25, "type": 1 / 3})
