"""Published systems, one folder each; a folder whose package has a constant SYSTEM is a system, and needs no entry elsewhere.

Importing this package, and asking it for the systems, brings no torch.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from mcr.errors import ConfigError, closest
from mcr.systems.base import System, TransformArguments
from mcr.systems.styles import AskedStyle, TemplateStyle


@cache
def systems() -> Mapping[str, System]:
    """Return the systems by name, found by their folders."""
    packages = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)
    return {name: importlib.import_module(f"{__name__}.{name}").SYSTEM for name in packages}


def system_named(name: str) -> System:
    """Return one system.

    Raises:
        ConfigError: there is no such system.
    """
    if name not in systems():
        raise ConfigError(
            f"system: got {name!r}{closest(name, systems())}, expected one of {', '.join(systems())}. Choose a folder of "
            "mcr/systems."
        )
    return systems()[name]


def template_styles() -> dict[str, TemplateStyle]:
    """Return the template styles of all systems."""
    return {name: style for system in systems().values() for name, style in system.template_styles.items()}


def asked_styles() -> dict[str, AskedStyle]:
    """Return the styles of all systems that a model is asked for."""
    return {name: style for system in systems().values() for name, style in system.asked_styles.items()}


def predictor_settings() -> dict[str, type]:
    """Return the flags of the predictors of all systems, as dataclasses, by the system's name."""
    found = {name: system.predictor_settings for name, system in systems().items()}
    return {name: settings for name, settings in found.items() if settings is not None}


def transform_arguments() -> tuple[type[TransformArguments], ...]:
    """Return the flags of the target transforms of all systems, as dataclasses."""
    return tuple(arguments for system in systems().values() for arguments in system.transforms)
