"""Two real processes on the CPU, started by accelerate with the files of launch/: the results are those of one process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from recipe_flags import RECIPES, evaluate_flags, filter_flags, grpo_flags, read_metrics, sft_flags
from safetensors.numpy import load_file

pytestmark = pytest.mark.distributed
ROOT = RECIPES.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
FILES = ["several_gpus", "zero2", "zero3"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch_command(name, launch_file, flags, num_processes=2):
    """The command of launch/'s header with what a machine without GPUs needs: two processes, no bf16."""
    if launch_file.startswith("zero"):
        pytest.importorskip("deepspeed", reason="the extra deepspeed is not installed")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", ROOT / "launch" / f"{launch_file}.yaml"]
    command += ["--num_processes", num_processes, "--mixed_precision", "no", "--main_process_port", free_port()]
    return [str(part) for part in [*command, RECIPES / f"{name}.py", *flags]]


def launch(name, launch_file, flags, num_processes=2):
    command = launch_command(name, launch_file, flags, num_processes)
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def small_steps(sandbox, out, *more):
    """MRSI with plain AdamW and a global batch of 8, however many processes share it."""
    return sft_flags(sandbox, out, "--use_muon", "false", "--learning_rate", 1e-3, "--max_steps", 4, *more)


def losses(out):
    return [row["loss"] for row in read_metrics(out) if "loss" in row]


@pytest.fixture(scope="module")
def alone(sandbox_qwen3, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    recipe("sft", *small_steps(sandbox_qwen3, out, "--per_device_train_batch_size", 8))
    return out


@pytest.mark.parametrize("launch_file", FILES)
def test_sft_in_two_processes_gives_the_losses_and_weights_of_one(sandbox_qwen3, alone, tmp_path, launch_file):
    launch("sft", launch_file, small_steps(sandbox_qwen3, tmp_path, "--per_device_train_batch_size", 4))
    assert json.loads((tmp_path / "checkpoint-4/mcr_checkpoint.json").read_text())["num_processes"] == 2
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)
    mine, theirs = (load_file(out / "model/model.safetensors") for out in (tmp_path, alone))
    assert mine.keys() - theirs.keys() <= {"lm_head.weight"}  # tied, which DeepSpeed writes out
    for name, weights in theirs.items():
        assert mine[name] == pytest.approx(weights, abs=2e-4), name


@pytest.mark.parametrize("launch_file", FILES)
def test_grpo_runs_in_two_processes_and_goes_on(sandbox_qwen3, alone, tmp_path, launch_file):
    model = ["--model_name_or_path", alone / "model", "--held_out", sandbox_qwen3 / "data/dev.jsonl", "--held_out_size", 3]
    flags = grpo_flags(sandbox_qwen3, tmp_path, *model, "--save_steps", 1, "--save_total_limit", 1)
    launch("grpo", launch_file, flags)
    launch("grpo", launch_file, [*flags, "--max_steps", 3])
    rows = [row for row in read_metrics(tmp_path) if "reward" in row]
    assert [row["step"] for row in rows] == [1, 2, 3]
    marker = json.loads((tmp_path / "checkpoint-3/mcr_checkpoint.json").read_text())
    assert (marker["step"], marker["num_processes"], marker["micro_step"]) == (3, 2, 3)
    assert (tmp_path / "model/model.safetensors").is_file()
    assert "accelerate.commands.launch" in (tmp_path / "replay.sh").read_text()


def statistics(out):
    return sorted((out / "statistics.jsonl").read_text().splitlines())


def test_filter_samples_every_prompt_once_and_keeps_the_same(sandbox_qwen3, alone, recipe, tmp_path):
    kept = ("--model_name_or_path", alone / "model", "--min_std", 0, "--min_max", 0, "--min_median", 0, "--max_median", 1)
    one, several = tmp_path / "one", tmp_path / "several"
    recipe("filter", *filter_flags(sandbox_qwen3, one, *kept))
    launch("filter", "several_gpus", filter_flags(sandbox_qwen3, several, *kept), 3)
    parts = [path.read_text().splitlines() for path in sorted(several.glob("statistics-*.jsonl"))]
    assert len(parts) == 3
    sampled = [json.loads(line)["id"] for part in parts for line in part]
    assert sorted(sampled) == sorted(pq.read_table(sandbox_qwen3 / "schemas/d2.parquet")["prompt_id"].to_pylist())
    assert statistics(several) == statistics(one)
    tables = [pq.read_table(out / "kept.parquet").to_pylist() for out in (one, several)]
    assert tables[0] == tables[1]


def test_evaluate_gathers_without_loss_or_duplicates(sandbox_qwen3, alone, recipe, tmp_path):
    model = ("--model_name_or_path", alone / "model")
    recipe("evaluate", *evaluate_flags(sandbox_qwen3, tmp_path / "one", *model))
    launch("evaluate", "several_gpus", evaluate_flags(sandbox_qwen3, tmp_path / "two", *model))
    found = [
        [json.loads(line) for path in sorted((tmp_path / name).glob("predictions-*.jsonl")) for line in path.open()]
        for name in ("one", "two")
    ]
    assert len(found[1]) == 7  # three for one process, four for the other
    assert sorted(map(json.dumps, found[0])) == sorted(map(json.dumps, found[1]))
    scores = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two")]
    assert scores[0] == scores[1]


def start(sandbox, out, *more):
    flags = small_steps(sandbox, out, "--per_device_train_batch_size", 4, "--save_steps", 3, *more)
    command = launch_command("sft", "several_gpus", flags)
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_step(out, step, process):
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        if (out / "metrics.jsonl").is_file() and len(losses(out)) >= step:
            return
        time.sleep(0.02)


def trainers_of(process):
    """The process ids of the two trainers, by rank."""
    import psutil

    children = psutil.Process(process.pid).children(recursive=True)
    ranks = {child.environ().get("RANK"): child.pid for child in children if "sft.py" in " ".join(child.cmdline())}
    return ranks["0"], ranks["1"]


def test_when_one_trainer_is_killed_the_run_ends_and_goes_on_to_the_same_weights(sandbox_qwen3, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(sandbox_qwen3, whole, "--max_steps", 12)
    process.communicate(timeout=300)
    assert process.returncode == 0
    process = start(sandbox_qwen3, killed, "--max_steps", 12)
    wait_for_step(killed, 5, process)
    os.kill(trainers_of(process)[1], signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0
    process = start(sandbox_qwen3, killed, "--max_steps", 12)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output[-3000:]
    assert "resuming from" in output
    assert losses(killed) == losses(whole)
    assert (killed / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_sigterm_to_the_launcher_ends_both_trainers_with_a_checkpoint(sandbox_qwen3, tmp_path):
    process = start(sandbox_qwen3, tmp_path, "--max_steps", 400)
    wait_for_step(tmp_path, 2, process)
    process.terminate()
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    step = len(losses(tmp_path))
    assert f"terminated at step {step}. The same command resumes from {tmp_path / f'checkpoint-{step}'}." in output
    assert json.loads((tmp_path / f"checkpoint-{step}/mcr_checkpoint.json").read_text())["num_processes"] == 2
