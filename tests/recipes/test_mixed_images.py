"""Sets that mix prompts with and without images train in several processes as they do in one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recipe_flags import RECIPES, read_metrics, sft_flags
from test_processes import FILES, free_port, launch

pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def mixed(sandbox_qwen3, tmp_path_factory):
    """A training set in which every second row has no image."""
    out = tmp_path_factory.mktemp("mixed")
    shutil.copy(sandbox_qwen3 / "schemas/mcr_prompt.json", out)
    table = pq.read_table(sandbox_qwen3 / "schemas/d1.parquet")
    rows = table.to_pylist()
    for row in rows[1::2]:
        row["images"], row["frame"] = [], None
        row["prompt"][0]["content"] = row["prompt"][0]["content"][1:]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), out / "d1.parquet")
    return out / "d1.parquet"


def flags(sandbox, mixed, out, rows, *more):
    settings = ("--train_set", mixed, "--use_muon", "false", "--learning_rate", 1e-3, "--max_steps", 4)
    return sft_flags(sandbox, out, *settings, "--per_device_train_batch_size", rows, *more)


def losses(out):
    return [row["loss"] for row in read_metrics(out) if "loss" in row]


@pytest.fixture(scope="module")
def alone(sandbox_qwen3, mixed, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("mixed_alone")
    recipe("sft", *flags(sandbox_qwen3, mixed, out, 8))
    return losses(out)


@pytest.mark.parametrize("launch_file", FILES)
def test_a_mixed_set_in_two_processes_gives_the_losses_of_one(sandbox_qwen3, mixed, alone, tmp_path, launch_file):
    """Rows go through one at a time, so that many forwards have no image; each step has some."""
    launch("sft", launch_file, flags(sandbox_qwen3, mixed, tmp_path, 1, "--gradient_accumulation_steps", 4))
    assert len(losses(tmp_path)) == 4
    assert losses(tmp_path) == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("launch_file", ["several_gpus", "zero3"])
def test_an_adapter_trains_on_a_mixed_set_with_checkpointing(sandbox_qwen3, mixed, tmp_path, launch_file):
    adapter = ("--use_peft", "true", "--lora_target_modules", "q_proj", "v_proj", "--gradient_checkpointing", "true")
    launch("sft", launch_file, flags(sandbox_qwen3, mixed, tmp_path, 1, *adapter))
    assert len(losses(tmp_path)) == 4


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_fsdp_gives_the_gradients_of_one_process_where_one_of_two_has_no_image(tmp_path, family):
    from mcr.models.tiny import make_tiny

    make_tiny(tmp_path / "model", ["Text: Ann sings in Rome"] * 4, family=family)
    command = [sys.executable, "-m", "torch.distributed.run", "--master_port", str(free_port()), "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(RECIPES.parent)}
    worker = [str(Path(__file__).with_name("fsdp_worker.py")), str(tmp_path / "model")]
    done = subprocess.run([*command, *worker], capture_output=True, text=True, env=environment, timeout=300)
    assert done.stdout.count("equal") == 2, done.stderr[-3000:]
