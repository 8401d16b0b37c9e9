"""The command mcr: what it lists, how fast it answers, what it says of what is mistyped or not installed."""

import importlib
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mcr.commands.dispatch import find_command, help_page, missing_package
from mcr.commands.registry import COMMANDS
from mcr.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
NAMES = [command.name for command in COMMANDS]
RECIPES = ("sft", "filter", "grpo", "evaluate")
# Stands in for a machine without the packages: importing one of them fails as if it were not there.
WITHOUT = "import sys; sys.modules.update(dict.fromkeys({packages!r})); sys.argv = ['mcr', *{words!r}]; "
WITHOUT += "from mcr.__main__ import main; main()"


def mcr(*words, code=None):
    """Run the command in a process of its own; return (seconds of a core, what came of it); other work costs none."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "mcr", *map(str, words)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def without(packages, *words):
    return mcr(code=WITHOUT.format(packages=list(packages), words=[str(word) for word in words]))[1]


def fastest(limit_s, *words):
    """Return what the command printed; the best of three runs has to stay below the limit."""
    seconds = []
    for _ in range(3):
        second, done = mcr(*words)
        seconds.append(second)
        if second < limit_s:
            return done
    raise AssertionError(f"mcr {' '.join(map(str, words))} took {min(seconds):.2f} s")


def test_help_lists_every_command_at_once():
    done = fastest(0.3, "--help")
    assert done.returncode == 0
    assert all(re.search(rf"^  {name} +\S", done.stdout, re.MULTILINE) for name in NAMES)
    assert done.stdout.strip() == help_page()
    assert not {"torch", "yaml"} & set(without((), "--version").stdout.split())


def test_a_command_has_one_line_and_a_main():
    assert len(set(NAMES)) == len(NAMES)
    for command in COMMANDS:
        assert len(command.summary) < 70
        assert callable(importlib.import_module(command.module).main)


def test_every_file_with_a_main_is_a_command():
    """What a user can run is reached through the front door; so is a new recipe or step of data preparation."""
    folders = ("recipes", "data_prep", "data_prep/knowledge", "mcr/commands")
    files = [path for folder in folders for path in (ROOT / folder).glob("*.py")]
    runnable = {path for path in files if "\ndef main(argv: list[str]" in path.read_text(encoding="utf-8")}
    assert {str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in runnable} == {
        command.module for command in COMMANDS if command.name != "explain"
    }


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_comes_within_a_second(name):
    done = fastest(1.0, name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: mcr {name}")
    assert "--help" in done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_help_of_a_recipe_groups_its_own_options_and_leaves_trls_out(name):
    shown = mcr(name, "--help")[1].stdout
    settings = [one for one in importlib.import_module(f"recipes.{name}").SETTINGS if not isinstance(one, str)]
    for one in settings:
        assert f"\n{one.__name__}:\n" in shown
        assert " ".join(one.__doc__.split())[:40] in " ".join(shown.split())
    assert "--config FILE" in shown
    assert "--adam_beta1" not in shown
    if name in ("sft", "grpo"):
        whole = mcr(name, "--help-all")[1].stdout
        assert "--adam_beta1" in whole
        assert "options are TRL's own" in shown
        assert "options are TRL's own" not in whole


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sft", "--learning_rat", "1"), "--learning_rat (did you mean --learning_rate?)"),
        (("grpo", "--num_generation=4", "--sigmas", "1"), "--sigmas (did you mean --sigma?)"),
        (("sft", "--learning-rate", "1"), "--learning-rate (did you mean --learning_rate?)"),
        (("filter", "--min_stdd", "1"), "--min_stdd (did you mean --min_std?)"),
        (("write-schemas", "--per_sampel", "1"), "--per_sampel (did you mean --per_sample?)"),
        (("merge", "--modell", "1"), "--modell (did you mean --model?)"),
        (("explain", "--golt", "1"), "--golt (did you mean --gold?)"),
        (("make-sandbox", "--out", "x"), "unknown flags:\n  - --out (did you mean --output_dir?)"),
        (("sft", "--out=x"), "--out (did you mean --output_dir?)"),
        (("scor",), "there is no command 'scor' (did you mean score?)"),
        (("doctor", "--gp", "1", "--xyz"), "--gp (did you mean --gpu_memory_gb?)\n  - --xyz\n"),
    ],
)
def test_what_is_mistyped_is_reported_in_time_with_the_closest(words, told):
    done = fastest(2.0, *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["sft", "grpo", "filter"])
def test_a_mistyped_key_of_a_config_is_reported_before_torch_is_imported(tmp_path, name):
    path = tmp_path / "c.yaml"
    path.write_text("train_set: a\nimage_rot: b\nsedd: 1\n")
    done = without(("torch", "trl", "transformers"), name, "--config", path)
    assert done.stderr == f"error: {path}: unknown keys:\n" + (
        "  - image_rot (did you mean image_root?)\n  - sedd (did you mean seed?)\n"
    )
    path.write_text("train_set: a\n")
    missing = without(("torch", "trl", "transformers"), name, "--config", path).stderr
    assert "settings that are missing" in missing
    assert "image_root: folder that the image paths start from" in missing
    assert "train_set" not in missing


@pytest.mark.parametrize(("name", "package"), [("sft", "torch"), ("grpo", "trl"), ("make-sandbox", "PIL"), ("report", "jinja2")])
def test_what_is_not_installed_is_named_with_its_extra(tmp_path, name, package):
    settings = ("--train_set", "a", "--image_root", "b", "--output_dir", tmp_path / "out")
    words = {"make-sandbox": settings[4:], "report": (tmp_path,)}.get(name, settings)
    done = without([package], name, *words)
    assert done.returncode == 1
    install = 'pip install -c constraints.txt ".[train]"'
    told = f"error: {name} needs the extra train ({package} is not installed). Run in your clone: {install}"
    assert done.stderr.splitlines()[-1] == told
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["score", "explain", "score-table", "sft"])
def test_help_needs_python_alone(name):
    packages = ["torch", "trl", "transformers", "accelerate", "datasets", "pyarrow", "yaml", "PIL", "numpy", "tqdm", "matplotlib"]
    assert without(packages, name, "--help").returncode == 0


def test_a_module_of_ours_that_is_not_there_is_a_fault_of_ours():
    assert missing_package(ModuleNotFoundError("no", name="mcr.nothing")) is None
    assert missing_package(ModuleNotFoundError("no", name="torch.nn")) == "torch"
    with pytest.raises(ConfigError, match="See mcr --help"):
        find_command("nothing")
