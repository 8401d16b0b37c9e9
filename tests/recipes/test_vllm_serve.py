"""A real OpenAI-compatible endpoint: vLLM's own server on the tiny model."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.vllm
LAUNCH = Path(__file__).resolve().parents[2] / "launch"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(sandbox_qwen3, tmp_path_factory):
    pytest.importorskip("vllm", reason="make test-vllm sets vLLM up")
    port, log = free_port(), tmp_path_factory.mktemp("serve") / "log.txt"
    command = ["bash", str(LAUNCH / "vllm_cpu.sh"), str(sandbox_qwen3 / "start")]
    environment = {**os.environ, "VENV_VLLM": sys.prefix, "PORT": str(port), "HF_HUB_OFFLINE": "1"}
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2)
                break
            except OSError:
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(1)
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_evaluate_asks_it_and_what_the_model_writes_is_scored(server, sandbox_qwen3, recipe, tmp_path):
    flags = ["--gold", sandbox_qwen3 / "data/test.jsonl", "--image_root", sandbox_qwen3 / "data", "--output_dir", tmp_path]
    flags += ["--model_name_or_path", sandbox_qwen3 / "start", "--base_url", server, "--prompting", "direct"]
    recipe("evaluate", *flags, "--family", "qwen3_vl", "--max_new_tokens", 12, "--num_resamples", 10)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["num_samples"], metrics["num_missing"]) == (7, 0)
    rows = [json.loads(line) for line in (tmp_path / "predictions-000.jsonl").read_text().splitlines()]
    assert all(row["completion"] for row in rows)


def test_a_model_that_cannot_write_schemas_leaves_them_to_the_template(server, sandbox_qwen3, tmp_path):
    from data_prep import write_schemas

    flags = ["--samples", str(sandbox_qwen3 / "data/test.jsonl"), "--output_dir", str(tmp_path), "--family", "qwen3_vl"]
    teacher = {"model": str(sandbox_qwen3 / "start"), "base_url": server}
    rows = {"teachers": {"tiny": teacher}, "styles": {"mllm_distilled": ["tiny"]}}
    (tmp_path / "teachers.yaml").write_text(yaml.safe_dump(rows))
    flags += ["--teachers", str(tmp_path / "teachers.yaml"), "--styles", "mllm_distilled", "--max_asks", "1"]
    flags += ["--image_root", str(sandbox_qwen3 / "data"), "--max_new_tokens", "16", "--d2_share", "0"]
    write_schemas.main(flags)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["schemas_by_style"], summary["template_share"]) == ({"narrative": 7}, 1.0)
    assert summary["completion_tokens"] > 0
