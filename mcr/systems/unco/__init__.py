"""UnCo: a small model that says how unsure it is, and a large one that corrects what it is unsure of."""

from pathlib import Path

from mcr.systems.base import Predictor, PredictorInputs, System
from mcr.systems.unco.demo import plan_demo
from mcr.systems.unco.small_flags import UncoSettings
from mcr.systems.unco.tables import TABLES


def make_predictor(inputs: PredictorInputs) -> Predictor:
    """Return UnCo's predictor; imports torch only here."""
    from mcr.systems.unco.small_model import make_predictor as make

    return make(inputs)


SYSTEM = System(
    name="unco",
    title="UnCo",
    paper="Tang et al., UnCo: Uncertainty-Driven Collaborative Framework of Large and Small Models for Grounded Multimodal NER",
    configs=Path(__file__).parent / "configs",
    make_predictor=make_predictor,
    predictor_settings=UncoSettings,
    demo=plan_demo,
    tables=TABLES,
)
