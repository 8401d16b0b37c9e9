"""A run that is resumed ends bit for bit as one that was never stopped: losses, samples and weights."""

import json
import shutil

import pytest
from recipe_flags import grpo_flags, read_metrics, sft_flags

from mcr.training.checkpoints.identity import IDENTITY_FILE

pytestmark = pytest.mark.recipe
TIMED = ("train_samples_per_second", "train_steps_per_second", "train_loss")
COUNTED_ANEW = "num_tokens"  # of SFT: TRL counts what it saw since it was started


def weights_of(out):
    return (out / "model" / "model.safetensors").read_bytes()


def logged(out):
    """The rows of metrics.jsonl without what depends on the clock, and the last one, which sums up since the start."""
    left_out = (*TIMED, COUNTED_ANEW)
    return [
        {name: value for name, value in row.items() if name not in left_out and "time" not in name} for row in read_metrics(out)
    ]


def run_and_resume(recipe, name, flags_for, tmp_path, step, **more):
    """Run to the end, then start another folder from the checkpoint of `step` and run that to the end."""
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    recipe(name, *flags_for(whole), **more)
    resumed.mkdir()
    shutil.copytree(whole / f"checkpoint-{step}", resumed / f"checkpoint-{step}")
    shutil.copyfile(whole / IDENTITY_FILE, resumed / IDENTITY_FILE)
    rows = [row for row in read_metrics(whole) if row["step"] <= step]
    (resumed / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = recipe(name, *flags_for(resumed), **more)
    assert f"checkpoint-{step}" in done.stdout
    assert logged(resumed) == logged(whole)
    assert weights_of(resumed) == weights_of(whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_sft_in_the_middle_of_an_epoch_and_over_its_end(sandbox_qwen3, recipe, tmp_path, workers):
    def flags_for(out):
        flags = sft_flags(sandbox_qwen3, out, "--max_steps", 9, "--save_steps", 3, "--save_total_limit", 5, "--grbp_beta", 0.1)
        return [*flags, "--per_device_train_batch_size", 8, "--dataloader_num_workers", workers]

    run_and_resume(recipe, "sft", flags_for, tmp_path, 3)


def test_sft_at_the_end_of_an_epoch(sandbox_qwen3, recipe, tmp_path):
    def flags_for(out):
        return sft_flags(sandbox_qwen3, out, "--max_steps", 8, "--save_steps", 6, "--per_device_train_batch_size", 8)

    run_and_resume(recipe, "sft", flags_for, tmp_path, 6)


@pytest.mark.parametrize("length", [["--max_steps", 4], ["--num_train_epochs", 2]], ids=["steps", "epochs"])
def test_a_run_that_lost_its_saved_model_makes_no_step_more(sandbox_qwen3, recipe, tmp_path, length):
    flags = [*sft_flags(sandbox_qwen3, tmp_path, "--per_device_train_batch_size", 36), "--max_steps", -1, *length]
    recipe("sft", *flags)
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    steps = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    shutil.rmtree(tmp_path / "model")
    recipe("sft", *flags)
    after = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == steps
    assert after.keys() == before.keys()
    assert "training_args.bin" not in before
    assert after == before


@pytest.fixture(scope="module")
def mrsi(sandbox_qwen3, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("mrsi")
    recipe("sft", *sft_flags(sandbox_qwen3, out, "--max_steps", 2))
    return out / "model"


@pytest.mark.parametrize(
    ("step", "more"),
    [
        (2, []),
        (2, ["--gradient_accumulation_steps", 2]),
        (2, ["--num_iterations", 2]),
        (3, ["--num_iterations", 2]),
        (1, ["--gradient_accumulation_steps", 2, "--steps_per_generation", 4]),
        (3, ["--steps_per_generation", 2, "--num_iterations", 2, "--shared_prefix", "off"]),
    ],
    ids=["plain", "accumulated", "reused", "among-reused", "among-buffered", "among-both-plain"],
)
def test_grpo_with_sampling(sandbox_qwen3, recipe, tmp_path, mrsi, step, more):
    def flags_for(out):
        flags = grpo_flags(sandbox_qwen3, out, "--model_name_or_path", mrsi, "--max_steps", 4, "--save_steps", 1)
        return [*flags, "--save_total_limit", 9, *more]

    run_and_resume(recipe, "grpo", flags_for, tmp_path, step)


def test_grpo_with_other_batch_sizes_samples_anew(sandbox_qwen3, recipe, tmp_path, mrsi):
    flags = grpo_flags(sandbox_qwen3, tmp_path, "--model_name_or_path", mrsi, "--save_steps", 1, "--steps_per_generation", 2)
    recipe("grpo", *flags, "--max_steps", 1)
    done = recipe("grpo", *flags, "--max_steps", 3, "--steps_per_generation", 3, "--resume_with_changes", "true")
    assert "written with other batch sizes" in done.stdout
    assert [row["step"] for row in read_metrics(tmp_path) if "loss" in row] == [1, 2, 3]


@pytest.mark.parametrize("name", ["sft", "grpo"])
def test_a_folder_of_other_settings_is_refused_and_its_record_stays(sandbox_qwen3, recipe, tmp_path, mrsi, name):
    """More steps alone are allowed; a finished run takes no changes, as nothing would be trained under them."""
    base = sandbox_qwen3 / "start" if name == "sft" else mrsi
    make = sft_flags if name == "sft" else grpo_flags
    flags = make(sandbox_qwen3, tmp_path, "--model_name_or_path", base, "--save_steps", 1)
    recipe(name, *flags, "--max_steps", 1)
    before = {file: (tmp_path / file).read_bytes() for file in ("run.json", "replay.sh", "training.json")}
    for more in ((), ("--resume_with_changes", "true")):
        refused = recipe(name, *flags, "--max_steps", 1, "--learning_rate", 0.5, *more, check=False)
        assert refused.returncode
        assert "here" in refused.stderr
        assert "learning_rate: " in refused.stderr
        assert "model saved" not in refused.stdout
    assert {file: (tmp_path / file).read_bytes() for file in before} == before
    recipe(name, *flags, "--max_steps", 2)
    done = recipe(name, *flags, "--max_steps", 3, "--learning_rate", 0.01, "--resume_with_changes", "true")
    assert "warning: resuming with a change, learning_rate: " in done.stdout
    assert json.loads((tmp_path / "run.json").read_text())["settings"]
    assert json.loads((tmp_path / "training.json").read_text())["learning_rate"] == 0.01
    assert [row["step"] for row in read_metrics(tmp_path) if "loss" in row] == [1, 2, 3]
