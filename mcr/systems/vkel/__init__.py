"""VKEL: two adapters on one base, knowledge that several language models agree on, objects from a detector."""

from pathlib import Path

from mcr.systems.base import Predictor, PredictorInputs, System
from mcr.systems.vkel.adapter_flags import VkelSettings
from mcr.systems.vkel.demo import plan_demo
from mcr.systems.vkel.tables import TABLES


def make_predictor(inputs: PredictorInputs) -> Predictor:
    """Return VKEL's predictor; imports torch only here."""
    from mcr.systems.vkel.two_stages import make_predictor as make

    return make(inputs)


SYSTEM = System(
    name="vkel",
    title="VKEL",
    paper="Yuan et al., Visual Knowledge-Enhanced LLaVA for Fine-Grained Multimodal Named Entity Recognition and Grounding",
    configs=Path(__file__).parent / "configs",
    make_predictor=make_predictor,
    predictor_settings=VkelSettings,
    demo=plan_demo,
    tables=TABLES,
)
