"""Where the recipes are, and how a test gets one as a module."""

import importlib
from pathlib import Path
from types import ModuleType

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def load_recipe(name: str) -> ModuleType:
    """Return the recipe's module, without running it."""
    return importlib.import_module(f"recipes.{name}")
