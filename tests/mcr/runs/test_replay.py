"""What a run folder says of how to run it again, and what it does not say."""

import subprocess
import sys

import pytest

pytest.importorskip("torch")
from mcr.runs.redaction import is_secret, without_credentials, without_secrets
from mcr.runs.replay import public_flags, write_replay


@pytest.mark.parametrize(
    "name",
    [
        "hub_token",
        "token",
        "api_key",
        "OPENAI_API_KEY",
        "wandb_password",
        "client_secret",
        "apiKey",
        "OPENAI_APIKEY",
        "Authorization",
    ],
)
def test_names_that_may_hold_a_secret(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["held_out_tokens", "max_new_tokens", "api_key_env", "learning_rate", "keys", "eos_token", "pad_token"]
)
def test_names_that_hold_none(name):
    assert not is_secret(name)


def test_secrets_and_credentials_are_left_out():
    flags = ["--a", "1", "--hub_token", "hf_x", "--names", "p", "q", "--hub-token=hf_y", "--api_key=z", "--last"]
    assert list(public_flags(flags)) == ["--a", "1", "--names", "p", "q", "--last"]
    launcher = ["sudo", "HF_TOKEN=hf_x", "mpirun", "-x", "WANDB_API_KEY=k", "--env=HF_TOKEN=hf_x", "A=1", "python"]
    assert list(public_flags(launcher)) == ["sudo", "mpirun", "-x", "A=1", "python"]
    assert without_credentials("https://u:p@ss@h/x") == "https://h/x"
    assert without_credentials("see http://me:pw@host:1/v1 and a@b") == "see http://host:1/v1 and a@b"


@pytest.mark.parametrize(
    "config",
    [
        '"hub_token": hf_secret',
        "model_init_kwargs: {token: hf_secret}",
        "env: {WANDB_API_KEY: hf_secret}",
        "hub_token: >-\n  hf_secret",
        "many:\n- token: hf_secret",
        "base_url: http://host/v1?api_key=hf_secret&b=1",
        "base_url: http://hf_secret@host/v1",
        'model_init_kwargs: \'{"token": "hf_secret"}\'',
    ],
)
def test_no_way_of_writing_a_secret_into_a_config_reaches_the_run_folder(tmp_path, config):
    path = tmp_path / "a.yaml"
    path.write_text(f"seed: 1\n{config}\n")
    write_replay(tmp_path / "out", None, ["sft.py", "--config", str(path), "--model_init_kwargs", '{"token": "hf_secret"}'])
    for written in (tmp_path / "out").iterdir():
        assert "hf_secret" not in written.read_text()
    assert "seed: 1" in (tmp_path / "out/replay.yaml").read_text()
    assert "env" not in (tmp_path / "out/replay.yaml").read_text()


def test_settings_without_secrets_are_left_as_they_are():
    settings = {"learning_rate": 1e-4, "names": ["a"], "empty": {}, "nested": {"max_new_tokens": 3}, "text": "[not json"}
    assert without_secrets(settings) == settings


def test_the_script_runs_the_same_command_into_another_folder(tmp_path):
    recipe = tmp_path / "odd $(touch broken) name" / "sft.py"
    recipe.parent.mkdir()
    recipe.write_text("import sys; print(sys.argv[1:])")
    config = tmp_path / "my.yaml"
    config.write_text("learning_rate: 1\nhub_token: hf_x\nbase_url: http://me:pw@host/v1\n")
    out = tmp_path / "run"
    command = write_replay(out, "abc", [str(recipe), f"--config={config}", "--x", "it's $HOME", "--hub_token", "hf_x"])
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    expected = ["--config", f"{out}/replay.yaml", "--x", "it's $HOME", "--output_dir", f"{out}-replay"]
    assert done.stdout.strip() == str(expected)
    assert (out / "replay.yaml").read_text() == "learning_rate: 1\nbase_url: http://host/v1\n"
    assert not list(tmp_path.glob("**/broken"))
    assert "hf_x" not in (out / "replay.sh").read_text()
    assert sys.executable in (out / "replay.sh").read_text()


def test_a_run_of_the_command_mcr_replays_through_it(tmp_path):
    write_replay(tmp_path / "run", None, ["mcr sft", "--learning_rate", "1"])
    script = (tmp_path / "run/replay.sh").read_text()
    assert f'{sys.executable} -m mcr sft --learning_rate 1 --output_dir "$out"' in script
