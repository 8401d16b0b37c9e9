"""The gate that schemas written by models have to pass: what disqualifies a reply, at two levels. It reads English alone."""

from data_prep.schemas.gate.final_answer import split_reply
from data_prep.schemas.gate.levels import GATE_LEVELS, GateLevel, why_rejected
from data_prep.schemas.gate.reasoning_boxes import BOX, box_of

__all__ = ["BOX", "GATE_LEVELS", "GateLevel", "box_of", "split_reply", "why_rejected"]
