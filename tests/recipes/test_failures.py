"""What happens when the world outside goes wrong: each way ends in words, and the same command resumes."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recipe_flags import RECIPES, evaluate_flags, filter_flags, grpo_flags, read_metrics, sft_flags

pytestmark = pytest.mark.recipe
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def start(name, flags, **options):
    command = [sys.executable, str(RECIPES / f"{name}.py"), *map(str, flags)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=ENVIRONMENT, **pipes, **options)


def wait_for(is_there, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_there() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def num_steps(out):
    return sum("loss" in row for row in read_metrics(out)) if (out / "metrics.jsonl").is_file() else 0


def told(done):
    """The error in words: no traceback, and something after `error: `."""
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return re.search(r"(?<![\w( ])error: .*", done.stderr, re.DOTALL)[0]


def test_sigterm_to_the_whole_group_ends_training_with_a_checkpoint(sandbox_qwen3, recipe, tmp_path):
    flags = sft_flags(sandbox_qwen3, tmp_path, "--max_steps", 20, "--save_steps", 1000)
    flags += ["--dataloader_num_workers", 1]
    process = start("sft", flags, start_new_session=True)
    wait_for(lambda: num_steps(tmp_path) >= 2, process)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # a launcher passes on what the group got already
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors[-2000:]
    step = num_steps(tmp_path)
    assert f"terminated at step {step}. The same command resumes from {tmp_path / f'checkpoint-{step}'}." in errors
    assert not (tmp_path / "model").exists()
    done = recipe("sft", *flags)
    assert f"resuming from {tmp_path / f'checkpoint-{step}'}" in done.stdout
    assert [row["step"] for row in read_metrics(tmp_path) if "loss" in row] == list(range(1, 21))


@pytest.mark.parametrize("name", ["filter", "evaluate"])
def test_sigterm_ends_sampling_with_a_hint(trained_qwen3, recipe, tmp_path, name):
    flags = {"filter": filter_flags, "evaluate": evaluate_flags}[name](trained_qwen3, tmp_path, "--max_new_tokens", 200)
    process = start(name, [*flags, "--batch_size", 4])
    rows = {"filter": "statistics-000.jsonl", "evaluate": "predictions-000.jsonl"}[name]
    wait_for(lambda: (tmp_path / rows).is_file(), process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "terminated; the same command resumes" in errors
    recipe(name, *flags)


def limit_files(size):
    """Let no file grow beyond so many bytes: what a full disk does to a checkpoint, without filling one."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_checkpoint_that_does_not_fit_ends_the_run_and_the_one_before_stays(sandbox_qwen3, recipe, tmp_path):
    flags = sft_flags(sandbox_qwen3, tmp_path, "--save_steps", 2)
    recipe("sft", *flags, "--max_steps", 2)
    failed = recipe("sft", *flags, "--max_steps", 4, check=False, preexec_fn=limit_files(100_000))
    message = told(failed)
    assert "checkpoint-4 could not be written" in message
    assert f"resumes from {tmp_path / 'checkpoint-2'}" in message
    assert not (tmp_path / "checkpoint-4").exists()
    done = recipe("sft", *flags, "--max_steps", 4)
    assert "checkpoint-2" in done.stdout


@pytest.mark.parametrize(("name", "rows"), [("filter", "statistics-000.jsonl"), ("evaluate", "predictions-000.jsonl")])
def test_a_full_disk_ends_sampling_with_its_cause(trained_qwen3, recipe, tmp_path, name, rows):
    small_disk = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = 'mount -t tmpfs -o size=64k full "$0" && head -c 40k /dev/zero >"$0/other"'
    if subprocess.run([*small_disk, mount, str(tmp_path)], capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    flags = {"filter": filter_flags, "evaluate": evaluate_flags}[name](trained_qwen3, tmp_path, "--batch_size", 4)
    fill = f'{mount} && head -c 4095 /dev/zero >"$0/{rows}" && head -c 8k /dev/zero >"$0/more"; exec "$@"'
    command = [*small_disk, fill, str(tmp_path), sys.executable, str(RECIPES / f"{name}.py"), *map(str, flags)]
    message = told(subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT))
    assert "No space left on device" in message
    assert "the same command resumes" in message.lower()


@pytest.mark.parametrize("name", ["sft", "evaluate"])
def test_a_folder_that_cannot_be_written_is_told_before_any_work(trained_qwen3, recipe, tmp_path, name):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    flags = {"sft": sft_flags, "filter": filter_flags, "evaluate": evaluate_flags}[name](trained_qwen3, out)
    failed = recipe(name, *flags, check=False)
    assert "cannot be written" in told(failed)
    assert "it/s" not in failed.stderr


@pytest.mark.parametrize("persistent", ["false", "true"])
def test_an_image_that_turns_unreadable_is_named_and_training_goes_on_once_it_is_back(
    sandbox_qwen3, recipe, tmp_path, persistent
):
    data = tmp_path / "data"
    subprocess.run(["cp", "-r", sandbox_qwen3 / "data", data], check=True)
    flags = sft_flags(sandbox_qwen3, tmp_path / "out", "--max_steps", 30, "--save_steps", 2, "--dataloader_num_workers", 1)
    flags += ["--image_root", data, "--dataloader_persistent_workers", persistent]
    flags += ["--held_out", data / "dev.jsonl", "--held_out_size", 1, "--held_out_tokens", 4, "--held_out_steps", 99]
    process = start("sft", flags)
    wait_for(lambda: num_steps(tmp_path / "out") >= 3, process)
    images = data / "images/train"
    images.rename(data / "gone")
    _, errors = process.communicate(timeout=120)
    done = subprocess.CompletedProcess([], process.returncode, "", errors)
    message = told(done)
    assert "while training: " in message
    assert "images/train/" in message
    assert "The same command resumes from" in message
    (data / "gone").rename(images)
    assert "resuming from" in recipe("sft", *flags).stdout


def workers_of(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in children.read_text().split()] if children.is_file() else []


def is_loader(pid):
    return "multiprocessing" not in Path(f"/proc/{pid}/cmdline").read_text()


def test_a_loading_process_that_dies_is_told(sandbox_qwen3, tmp_path):
    if not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        pytest.skip("the system does not tell the children of a process")
    process = start("sft", sft_flags(sandbox_qwen3, tmp_path, "--max_steps", 200, "--dataloader_num_workers", 1))
    wait_for(lambda: num_steps(tmp_path) >= 2, process)
    for pid in filter(is_loader, workers_of(process)):
        os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    message = told(subprocess.CompletedProcess([], process.returncode, "", errors))
    assert "a process that loads images died" in message
    assert "dataloader_num_workers" in message


def test_with_checkpoints_by_epochs_the_best_is_kept_and_each_written_once(sandbox_qwen3, recipe, tmp_path):
    flags = sft_flags(sandbox_qwen3, tmp_path, "--num_train_epochs", 3, "--save_strategy", "epoch", "--save_total_limit", 1)
    flags += ["--max_steps", -1, "--per_device_train_batch_size", 54, "--held_out", sandbox_qwen3 / "data/dev.jsonl"]
    recipe("sft", *flags, "--held_out_steps", 100, "--held_out_size", 2, "--held_out_tokens", 8)
    scored = [row["step"] for row in read_metrics(tmp_path) if "held_out/gmner_f1" in row]
    assert scored == [0, 2, 4, 6]
    best = json.loads((tmp_path / "best.json").read_text())["step"]
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-6", f"checkpoint-{best}"}


def test_old_checkpoints_go_and_the_best_by_held_out_f1_stays(sandbox_qwen3, recipe, tmp_path):
    flags = sft_flags(sandbox_qwen3, tmp_path, "--max_steps", 6, "--save_steps", 1, "--save_total_limit", 2)
    held_out = ["--held_out", sandbox_qwen3 / "data/dev.jsonl", "--held_out_steps", 100, "--held_out_size", 2]
    done = recipe("sft", *flags, *held_out, "--held_out_tokens", 12)
    scored = {row["step"]: row["held_out/gmner_f1"] for row in read_metrics(tmp_path) if "held_out/gmner_f1" in row}
    assert sorted(scored) == list(range(7))
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["held_out/gmner_f1"] == max(scored[step] for step in range(1, 7))
    assert best["step"] == min(step for step in range(1, 7) if scored[step] == best["held_out/gmner_f1"])
    kept = {int(path.name.split("-")[1]) for path in tmp_path.glob("checkpoint-*")}
    assert kept == {5, 6, best["step"]}
    assert f"best of the checkpoints: step {best['step']}, held_out/gmner_f1" in done.stdout
    evaluated = tmp_path / "eval"
    recipe("evaluate", *evaluate_flags(sandbox_qwen3, evaluated, "--model_name_or_path", best["checkpoint"]))
    assert (evaluated / "metrics.json").is_file()


@pytest.mark.parametrize("name", ["sft", "grpo"])
def test_a_run_is_replayed_bit_for_bit_by_one_command(trained_qwen3, recipe, tmp_path, name):
    flags = {"sft": sft_flags, "grpo": grpo_flags}[name](trained_qwen3, tmp_path / "a b", "--max_steps", 2)
    recipe(name, *flags, "--hub_token", "hf_very_secret")
    command = json.loads((tmp_path / "a b/run.json").read_text())["replay"]
    subprocess.run(["bash", "-c", command], check=True, env=ENVIRONMENT, capture_output=True, cwd="/")
    first, second = ((tmp_path / folder / "model/model.safetensors").read_bytes() for folder in ("a b", "a b-replay"))
    assert first == second
    for path in (tmp_path / "a b").glob("*"):
        assert path.is_dir() or b"hf_very_secret" not in path.read_bytes(), path
