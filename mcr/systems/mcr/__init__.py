"""MCR (arXiv 2602.04486): its demo and its tables. The method itself is the toolkit; its configs are in recipes/configs/mcr."""

from mcr.systems.base import System
from mcr.systems.mcr.demo import plan_demo
from mcr.systems.mcr.kit import CONFIGS
from mcr.systems.mcr.tables import TABLES

SYSTEM = System(name="mcr", title="MCR", paper="arXiv 2602.04486", configs=CONFIGS, demo=plan_demo, tables=TABLES)
