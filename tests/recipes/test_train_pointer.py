"""mcr train-pointer on the sandbox: it learns, resumes, and refuses what cannot be right."""

import json

import pytest

pytest.importorskip("torch")

from data_prep import make_sandbox
from mcr.errors import ConfigError
from mcr.systems.datasets import SANDBOX_CLIP
from recipes import pointer

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a small world of the sandbox."""
    folder = tmp_path_factory.mktemp("world")
    make_sandbox.main(["--output_dir", str(folder), "--train", "200", "--dev", "12", "--test", "1"])
    return folder


def flags_of(world, out, **changed):
    settings = {
        "train_samples": world / "train.jsonl",
        "dev_samples": world / "dev.jsonl",
        "regions": world / "regions" / "train.jsonl",
        "dev_regions": world / "regions" / "dev.jsonl",
        "image_root": world,
        "vision_encoder": SANDBOX_CLIP,
        "output_dir": out,
        "num_train_epochs": 2,
        "learning_rate": 2e-3,
        "use_cpu": "true",
        "logging_steps": 5,
        "report_to": "none",
    } | changed
    return [word for name, value in settings.items() for word in (f"--{name}", str(value))]


def losses_of(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def test_it_learns_and_keeps_the_best_on_dev(world, tmp_path, capsys):
    pointer.main(flags_of(world, tmp_path / "run"))
    losses = losses_of(tmp_path / "run")
    assert losses[-1] < 0.8 * losses[0]
    assert "held_out/gmner_f1" in capsys.readouterr().out
    assert (tmp_path / "run" / "model" / "pointer.json").is_file()
    pointer.main(flags_of(world, tmp_path / "run"))
    assert "is finished" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="gamma"):
        pointer.main(flags_of(world, tmp_path / "run", gamma=0))


def test_without_images_it_takes_the_text_alone(world, tmp_path):
    none = dict.fromkeys(("regions", "dev_regions", "image_root", "vision_encoder"), "")
    pointer.main(flags_of(world, tmp_path / "run", num_train_epochs=1, **none))
    assert json.loads((tmp_path / "run" / "model" / "pointer.json").read_text())["feature_width"] == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"regions": ""}, "regions: give all of"), ({"gamma": -1}, "gamma -1.0"), ({"top_k": 0}, "top_k 0")],
)
def test_settings_that_cannot_be_right_are_refused(world, tmp_path, changed, told):
    with pytest.raises(ConfigError, match=told):
        pointer.main(flags_of(world, tmp_path / "run", **changed))
