"""Settings: every config loads and validates; wrong keys are told with the closest right one."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from recipes_path import load_recipe

from mcr.errors import ConfigError
from mcr.runs.config import parse_settings
from mcr.systems import systems

RECIPE_CONFIGS = Path(__file__).resolve().parent.parent / "recipes" / "configs"
OF_SYSTEMS = [path for system in systems().values() for path in system.configs.glob("*.yaml")]
CONFIGS = sorted([*RECIPE_CONFIGS.rglob("*.yaml"), *OF_SYSTEMS])


def types_for(name: str):
    """Return the settings of the recipe that a config is for; its name ends in the recipe's."""
    return load_recipe(name.rsplit("_", 1)[-1]).SETTINGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_loads_and_validates(path, tmp_path):
    flags = ["--config", str(path)]
    if path.stem.endswith(("sft", "grpo", "tagger", "pointer")):
        flags += ["--output_dir", str(tmp_path), "--use_cpu", "true", "--bf16", "false"]
        if "grpo" in path.stem:
            flags += ["--use_vllm", "false"]
    parsed = parse_settings(types_for(path.stem), flags)
    assert parsed
    header = path.read_text(encoding="utf-8").split("\n\n")[0]
    assert all(word in header for word in ("# Launch:", "# Override:", "# Expected:"))


def write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("golt: a\noutput_dir: b\n", "did you mean gold"),
        ("gold: a\nnonsense_here: 1\nbatchsize: 3\n", "did you mean batch_size"),
        ("- a\n- b\n", "mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_wrong_keys_are_told(tmp_path, text, told):
    with pytest.raises(ConfigError, match=told):
        parse_settings(types_for("evaluate"), ["--config", write(tmp_path, text)])


def test_wrong_flags_and_missing_files_are_told(tmp_path):
    with pytest.raises(ConfigError, match="did you mean --gold"):
        parse_settings(types_for("evaluate"), ["--golds", "x", "--output_dir", "y"])
    with pytest.raises(ConfigError, match=r"does not exist. Configs are in recipes/configs/mcr and mcr/systems/NAME/configs\."):
        parse_settings(types_for("evaluate"), ["--config", str(tmp_path / "none.yaml")])


def test_training_without_a_gpu_is_told_what_it_takes(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    flags = ["--train_set", "none.parquet", "--image_root", "x", "--model_name_or_path", "m", "--output_dir", str(tmp_path)]
    with pytest.raises(ConfigError, match=r"Give --use_cpu true and --bf16 false\.$"):
        parse_settings(types_for("sft"), flags)
    assert parse_settings(types_for("sft"), [*flags, "--use_cpu", "true", "--bf16", "false"])


def test_flags_win_over_the_file(tmp_path):
    path = write(tmp_path, "gold: a\noutput_dir: b\npredictions: p\nbatch_size: 3\n")
    parsed, generation, *_ = parse_settings(types_for("evaluate"), ["--config", path, "--batch_size", "5"])
    assert (parsed.gold, generation.batch_size) == ("a", 5)


def test_switches_are_on_and_off_on_the_command_line_and_in_the_file(tmp_path):
    flags = ["--gold", "a", "--output_dir", "b", "--predictions", "p"]
    for off in (["--type_aliases", "off"], ["--type_aliases=off"], ["--config", write(tmp_path, "type_aliases: off\n")]):
        assert parse_settings(types_for("evaluate"), [*flags, *off])[3].type_aliases is False
    assert parse_settings(types_for("evaluate"), [*flags, "--type_aliases", "on", "--name", "off"])[0].name == "off"


def test_flags_may_be_written_with_an_equals_sign(tmp_path):
    parsed, *_ = parse_settings(
        types_for("evaluate"), [f"--config={write(tmp_path, 'gold: a')}", "--output_dir=b", "--predictions", "p"]
    )
    assert (parsed.gold, parsed.output_dir) == ("a", "b")


def test_evaluate_says_what_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_settings(types_for("evaluate"), ["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(flag in told for flag in ("--output_dir", "--max_new_tokens", "--system"))


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--predictions", "p", "--system", "s"],
        ["--predictions", "p", "--model_name_or_path", "m"],
        ["--model_name_or_path", "m"],
    ],
)
def test_evaluate_needs_one_source_of_predictions(flags):
    with pytest.raises(ConfigError, match="evaluate: "):
        parse_settings(types_for("evaluate"), ["--gold", "g", "--output_dir", "o", *flags])


def test_a_misspelled_prompting_names_the_closest():
    with pytest.raises(ConfigError, match=r"prompting: got 'co' \(did you mean cot\?\), expected one of trained, direct"):
        load_recipe("evaluate").GenerationArguments(prompting="co")
