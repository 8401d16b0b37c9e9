"""E2E-GMNER (arXiv 2604.17319): two-part reasoning and Gaussian box perturbation (GRBP)."""

from pathlib import Path

from mcr.systems.base import System
from mcr.systems.e2e_gmner.demo import plan_demo
from mcr.systems.e2e_gmner.flags import GrbpArguments
from mcr.systems.e2e_gmner.styles import ASKED, TEMPLATES
from mcr.systems.e2e_gmner.tables import TABLES

SYSTEM = System(
    name="e2e_gmner",
    title="E2E-GMNER",
    paper="arXiv 2604.17319",
    configs=Path(__file__).parent / "configs",
    template_styles=TEMPLATES,
    asked_styles=ASKED,
    answer_formats=("joined",),
    transforms=(GrbpArguments,),
    demo=plan_demo,
    tables=TABLES,
)
