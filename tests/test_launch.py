"""The files of launch/: they say what they are for, accelerate takes them, shells can read them."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")
from accelerate.commands.config.config_args import load_config_from_file

LAUNCH = Path(__file__).resolve().parent.parent / "launch"
FILES = sorted(path for path in LAUNCH.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_its_hardware_and_its_command(path):
    head = path.read_text(encoding="utf-8")[:1500]
    assert "# Hardware:" in head
    assert "# Memory:" in head
    assert "# Launch:" in head
    assert path.name in head or path.suffix == ".yaml"


@pytest.mark.parametrize("path", sorted(LAUNCH.glob("*.yaml")), ids=lambda path: path.name)
def test_accelerate_takes_a_config(path):
    config = load_config_from_file(str(path))
    assert config.num_processes >= 1
    assert config.mixed_precision == "bf16"
    assert path.name in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in (".sh", ".sbatch")], ids=lambda path: path.name)
def test_a_script_is_sound_and_stops_at_errors(path):
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "eval " not in text


def test_a_server_of_an_unknown_kind_is_refused():
    done = subprocess.run(["bash", str(LAUNCH / "vllm_server.sh"), "x", "y"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "expected rollouts or openai" in done.stderr


@pytest.mark.parametrize("given", ["", "RIVEG_DATA=data/published"])
def test_rivegs_demo_adds_real_tweets_where_their_text_is_given(given):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "-n", "demo-riveg", *([given] if given else [])]
    said = subprocess.run(command, cwd=LAUNCH.parent, capture_output=True, text=True, check=True).stdout
    assert "demo.py --system riveg" in said
    assert ("reproduce.py riveg-6 --on twitter --data_root data/published" in said) == bool(given)
