"""Systems are found by their folders and agree with what reads them."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.schemas.ask import ASKED_STYLES
from data_prep.schemas.styles import OWN, STYLES, TEMPLATES
from data_prep.write_schemas import TEMPLATE_STYLES
from mcr.errors import ConfigError
from mcr.formats.answers import ANSWER_FORMATS
from mcr.systems import system_named, systems, transform_arguments

FOLDER = Path(__file__).resolve().parents[3] / "mcr/systems"
SYSTEMS = list(systems().values())


def test_every_folder_is_a_system_under_its_name():
    folders = {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert {system.name for system in SYSTEMS} == set(systems()) == folders


def test_an_unknown_system_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="expected one of e2e_gmner"):
        system_named("e2e")


def test_finding_the_systems_brings_no_torch():
    heavy = {"torch", "transformers", "trl", "accelerate", "datasets"}
    code = f"import mcr.systems, sys; mcr.systems.systems(); print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parents[1])
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_a_system_has_configs_and_formats_that_are_there(system):
    assert list(system.configs.glob("**/*.yaml"))
    assert set(system.answer_formats) <= set(ANSWER_FORMATS)
    assert all(style.fallback in TEMPLATES for style in system.asked_styles.values())


def test_no_two_styles_and_no_two_flags_share_a_name():
    theirs = [name for system in SYSTEMS for name in (*system.template_styles, *system.asked_styles)]
    assert len({*theirs, *OWN}) == len(theirs) + len(OWN)
    assert len(ASKED_STYLES) == len({*ASKED_STYLES} - {*STYLES})
    flags = [field.name for arguments in transform_arguments() for field in dataclasses.fields(arguments)]
    assert len(flags) == len(set(flags))


def test_default_styles_are_those_marked_so_in_the_order_that_draws_depend_on():
    assert TEMPLATE_STYLES == ("steps_text_first", "steps_image_first", "question_answer", "brief", "narrative")
    assert (*TEMPLATES, "answer_only") == STYLES
    assert all(TEMPLATES[style.fallback].route == style.route for style in ASKED_STYLES.values())


def test_no_two_tables_share_a_name():
    names = [name for system in SYSTEMS for name in system.tables]
    assert len(names) == len(set(names))
