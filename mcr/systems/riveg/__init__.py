"""RiVEG: GMNER as named entity recognition (PLIM), visual entailment and visual grounding, tied together by language models."""

from pathlib import Path

from mcr.systems.base import Predictor, PredictorInputs, System
from mcr.systems.riveg.demo import plan_demo
from mcr.systems.riveg.stage_flags import RivegSettings
from mcr.systems.riveg.tables import TABLES


def make_predictor(inputs: PredictorInputs) -> Predictor:
    """Return RiVEG's predictor; imports torch only here."""
    from mcr.systems.riveg.pipeline import make_predictor as make

    return make(inputs)


SYSTEM = System(
    name="riveg",
    title="RiVEG",
    paper="Li et al., Advancing GMNER via LLM-Based Reformulation and Box-Based Segmentation",
    configs=Path(__file__).parent / "configs",
    make_predictor=make_predictor,
    predictor_settings=RivegSettings,
    demo=plan_demo,
    tables=TABLES,
)
