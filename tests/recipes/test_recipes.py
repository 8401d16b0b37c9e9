"""Real runs of the recipes with the tiny models on the CPU."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from recipe_flags import RECIPES, evaluate_flags, grpo_flags, read_metrics, sft_flags

from rewards.parts import PARTS

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def trained(sandbox, recipe):
    """A sandbox whose model has seen a few steps of MRSI."""
    if not (sandbox / "mrsi/model").is_dir():
        recipe("sft", *sft_flags(sandbox, sandbox / "mrsi", "--max_steps", 4, "--save_steps", 2))
    return sandbox


def test_sft_learns_and_leaves_a_run_folder(trained):
    losses = [row["loss"] for row in read_metrics(trained / "mrsi") if "loss" in row]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    record = json.loads((trained / "mrsi/run.json").read_text())
    assert record["settings"]["MrsiArguments"]["use_muon"] is True
    assert {"torch", "trl", "transformers"} <= record["versions"].keys()
    assert (trained / "mrsi/model/mcr_prompt.json").is_file()


def test_sft_with_lora_saves_an_adapter_that_merges(sandbox_qwen3, recipe, tmp_path):
    target = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj)"
    recipe(
        "sft",
        *sft_flags(
            sandbox_qwen3,
            tmp_path / "lora",
            "--max_steps",
            2,
            "--use_muon",
            "false",
            "--use_peft",
            "true",
            "--lora_target_modules",
            target,
        ),
    )
    assert (tmp_path / "lora/model/adapter_config.json").is_file()
    recipe("merge", "--model", tmp_path / "lora/model", "--output_dir", tmp_path / "merged")
    assert (tmp_path / "merged/model.safetensors").is_file()
    assert (tmp_path / "merged/mcr_prompt.json").is_file()


def test_cvo_starts_from_a_base_model_with_the_training_sets_prompt(sandbox_qwen3, recipe, tmp_path):
    """MCR Table 3, w/o MRSI: CVO on D_R, unfiltered, from a model that no recipe has saved."""
    base = shutil.copytree(sandbox_qwen3 / "start", tmp_path / "base")
    (base / "mcr_prompt.json").unlink()
    recipe(
        "grpo", *grpo_flags(sandbox_qwen3, tmp_path / "out", "--model_name_or_path", base, "--max_steps", 1, "--save_steps", 1)
    )
    saved, asked = (path / "mcr_prompt.json" for path in (tmp_path / "out/model", sandbox_qwen3 / "schemas"))
    assert saved.read_bytes() == asked.read_bytes()


def test_mrsi_goes_on_with_the_schemas_of_cvo(sandbox_qwen3, recipe, tmp_path):
    """MCR Table 3, w/o CVO: CVO's data used to continue MRSI."""
    flags = ("--train_set", sandbox_qwen3 / "schemas/d2.parquet", "--max_steps", 1, "--save_steps", 1)
    recipe("sft", *sft_flags(sandbox_qwen3, tmp_path / "out", *flags))
    assert (tmp_path / "out/model/model.safetensors").is_file()


def test_grpo_runs_and_logs_every_reward(trained, recipe, tmp_path):
    recipe("grpo", *grpo_flags(trained, tmp_path))
    rows = [row for row in read_metrics(tmp_path) if "reward" in row]
    assert len(rows) == 2
    for part in PARTS:
        assert f"rewards/{part}_reward/mean" in rows[0]
    assert (tmp_path / "model/mcr_prompt.json").is_file()


def test_grpo_watches_held_out_samples_and_goes_on_where_it_stopped(trained, recipe, tmp_path):
    watched = ("--held_out", trained / "data/dev.jsonl", "--held_out_steps", 2, "--held_out_size", 3, "--save_steps", 2)
    from mcr.report.comparison_figures import CVO_MEASURES

    recipe("grpo", *grpo_flags(trained, tmp_path, *watched))
    scored = [row for row in read_metrics(tmp_path) if "held_out/gmner_f1" in row]
    assert [row["step"] for row in scored] == [0, 2]
    assert all(0 <= row["held_out/unreadable"] <= 1 for row in scored)
    trained_rows = [row for row in read_metrics(tmp_path) if "reward" in row]
    assert all({"completions/unreadable", "loss", "grad_norm", "learning_rate"} <= row.keys() for row in trained_rows)
    assert not any("held_out/gmner_f1" in row for row in trained_rows)
    assert set(CVO_MEASURES) <= {key for row in read_metrics(tmp_path) for key in row}  # what MCR Figs. 4-5 overlay
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    done = recipe("grpo", *grpo_flags(trained, tmp_path, *watched, "--max_steps", 3))
    assert "resuming from" in done.stdout
    assert [row["step"] for row in read_metrics(tmp_path) if "reward" in row] == [1, 2, 3]


def test_grpo_refuses_a_set_that_fills_no_batch(trained, recipe, tmp_path):
    failed = recipe("grpo", *grpo_flags(trained, tmp_path, "--per_device_train_batch_size", 400), check=False)
    assert failed.returncode
    assert "error: train_set: got" in failed.stderr


def test_grpo_without_a_shared_prefix_says_why(trained, recipe, tmp_path):
    flags = ("--per_device_train_batch_size", 2, "--gradient_accumulation_steps", 2)
    done = recipe("grpo", *grpo_flags(trained, tmp_path / "auto", *flags))
    assert "set it to 4 and gradient_accumulation_steps" in done.stderr
    failed = recipe("grpo", *grpo_flags(trained, tmp_path / "on", *flags, "--shared_prefix", "on"), check=False)
    assert failed.returncode
    assert "error: shared_prefix: got 'on'" in failed.stderr


def test_evaluate_generates_and_goes_on_after_a_torn_row(trained, recipe, tmp_path):
    recipe("evaluate", *evaluate_flags(trained, tmp_path))
    first = json.loads((tmp_path / "metrics.json").read_text())
    assert first["num_samples"] == 7
    assert first["num_missing"] == 0
    path = tmp_path / "predictions-000.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]) + lines[4][:30])
    recipe("evaluate", *evaluate_flags(trained, tmp_path))
    assert json.loads((tmp_path / "metrics.json").read_text()) == first


def test_evaluate_scores_gold_as_perfect(sandbox_qwen3, recipe, tmp_path):
    done = recipe(
        "evaluate",
        "--gold",
        sandbox_qwen3 / "data/test.jsonl",
        "--predictions",
        sandbox_qwen3 / "data/test.jsonl",
        "--output_dir",
        tmp_path,
    )
    assert "GMNER F1 1.0000" in done.stdout
    report = (tmp_path / "report.md").read_text()
    assert "N-Rate 0.00" in report
    assert (tmp_path / "samples.png").is_file()


@pytest.mark.parametrize("stop_with", [signal.SIGINT, signal.SIGKILL])
def test_sft_goes_on_after_being_stopped(sandbox_qwen3, recipe, tmp_path, stop_with):
    flags = sft_flags(sandbox_qwen3, tmp_path, "--max_steps", 60, "--save_steps", 3, "--save_total_limit", 2)
    script = RECIPES / "sft.py"
    process = subprocess.Popen(
        [sys.executable, str(script), *map(str, flags)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("checkpoint-*/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(stop_with)
    assert process.wait(timeout=60) != 0
    done = recipe("sft", *flags)
    assert "resuming from" in done.stdout
    steps = [row["step"] for row in read_metrics(tmp_path) if "loss" in row]
    assert steps == list(range(1, 61))


def spoil(sandbox, what):
    data = sandbox / "data"
    match what:
        case "missing image":
            next((data / "images/train").iterdir()).unlink()
        case "broken image":
            next((data / "images/train").iterdir()).write_bytes(b"no png")
        case "no image folder":
            shutil.rmtree(data)
        case "no training set":
            (sandbox / "schemas/d1.parquet").unlink()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("missing image", "no such file"),
        ("broken image", "cannot be read"),
        ("no image folder", "is no folder"),
        ("no training set", "does not exist"),
    ],
)
def test_bad_data_stops_sft_before_training(sandbox_qwen3, recipe, tmp_path, what, told):
    shutil.copytree(sandbox_qwen3, tmp_path / "s")
    spoil(tmp_path / "s", what)
    done = recipe("sft", *sft_flags(tmp_path / "s", tmp_path / "out"), check=False)
    assert done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_key_stops_a_recipe_with_the_right_one_named(sandbox_qwen3, recipe, tmp_path):
    done = recipe("sft", *sft_flags(sandbox_qwen3, tmp_path / "out", "--learning_rat", 1), check=False)
    assert "did you mean --learning_rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_accelerate_launch_runs_a_recipe(sandbox_qwen3, tmp_path):
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "1",
        str(RECIPES / "evaluate.py"),
    ]
    gold = str(sandbox_qwen3 / "data/test.jsonl")
    done = subprocess.run(
        [*command, "--gold", gold, "--predictions", gold, "--output_dir", str(tmp_path)], capture_output=True, text=True
    )
    assert "GMNER F1 1.0000" in done.stdout, done.stderr[-2000:]
