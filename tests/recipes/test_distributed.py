"""GRPO in two processes on the CPU: the shared prefix gives what TRL's path gives."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.distributed
REPOSITORY = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_grpo(sandbox, out, shared_prefix, deepspeed, beta, num_processes=2, **more):
    """Run so many processes, two groups a step in all; return the rows that were logged."""
    command = [sys.executable, "-m", "torch.distributed.run", "--master_port", str(free_port())]
    command += ["--nproc_per_node", str(num_processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY), **more}
    worker = Path(__file__).with_name("grpo_worker.py")
    full = [*command, str(worker), str(sandbox), str(out), shared_prefix, str(deepspeed), str(beta)]
    done = subprocess.run(full, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines() if '"reward"' in line]


def deepspeed_config(folder, stage):
    """A DeepSpeed configuration for the CPU."""
    settings = {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "zero_optimization": {
            "stage": stage,
            "overlap_comm": False,
            "stage3_gather_16bit_weights_on_model_save": True,
        },
        "zero_allow_untested_optimizer": True,
    }
    path = folder / f"zero{stage}.json"
    path.write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize(("stage", "beta"), [(0, 0.0), (3, 0.01)])
def test_two_processes_give_the_gradients_of_trls_path(sandbox_qwen3, tmp_path, stage, beta):
    if stage:
        pytest.importorskip("deepspeed", reason="the extra deepspeed is not installed")
    config = deepspeed_config(tmp_path, stage) if stage else ""
    shared, plain = (run_grpo(sandbox_qwen3, tmp_path / name, name, config, beta) for name in ("on", "off"))
    assert len(shared) == len(plain) == 1
    for key in ("loss", "grad_norm", "reward", "entropy", *(["kl"] if beta else [])):
        assert shared[0][key] == pytest.approx(plain[0][key], rel=1e-4, abs=1e-6), key
    assert shared[0]["grad_norm"] > 0


@pytest.fixture(scope="module")
def alone(sandbox_qwen3, tmp_path_factory):
    """One process on TRL's path, with completions that do not depend on who draws them."""
    out = tmp_path_factory.mktemp("alone")
    return run_grpo(sandbox_qwen3, out, "off", "", 0.01, 1, KNOWN_COMPLETIONS="1"), out


@pytest.mark.parametrize(("stage", "shared_prefix"), [(0, "off"), (0, "on"), (2, "on"), (3, "on")])
def test_two_processes_give_the_losses_and_weights_of_one(sandbox_qwen3, alone, tmp_path, stage, shared_prefix):
    if stage:
        pytest.importorskip("deepspeed", reason="the extra deepspeed is not installed")
    config = deepspeed_config(tmp_path, stage) if stage else ""
    one, out = alone
    two = run_grpo(sandbox_qwen3, tmp_path / "two", shared_prefix, config, 0.01, KNOWN_COMPLETIONS="1")
    for key in ("loss", "grad_norm", "reward", "reward_std", "entropy", "kl"):
        assert two[0][key] == pytest.approx(one[0][key], rel=1e-4, abs=1e-6), key
    mine, theirs = (load_file(folder / "model/model.safetensors") for folder in (tmp_path / "two", out))
    for name, weights in theirs.items():
        assert mine[name] == pytest.approx(weights, abs=2e-4), name
