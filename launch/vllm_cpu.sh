#!/usr/bin/env bash
# vLLM's CPU build as an OpenAI-compatible server, to try mcr evaluate --base_url and mcr write-schemas --teachers without a GPU.
# Hardware:  any x86-64 with AVX2; 8 GB of memory for the tiny models (a 7B model would take 30 GB in float32 and minutes a reply)
# Memory:    tiny models 2 GB; 7B in float32, LoRA merged, 33 GB and the KV cache
# Launch:    bash launch/vllm_cpu.sh runs/sandbox/mrsi/model        then mcr evaluate --base_url http://127.0.0.1:8000/v1
# Sets up .venv-vllm with launch/setup_vllm_cpu.sh where it is not there; VENV_VLLM, PORT and MAX_MODEL_LEN change the defaults.
set -euo pipefail
model=${1:?a model folder or name}
venv=${VENV_VLLM:-.venv-vllm}
if [ ! -x "$venv/bin/python" ]; then
    bash "$(dirname "$0")/setup_vllm_cpu.sh" python3 "$venv"
fi
# A prompt that is prefilled in pieces takes back a draw from the generator of its seed, which a CPU's generator cannot do.
export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
export VLLM_CPU_OMP_THREADS_BIND=${VLLM_CPU_OMP_THREADS_BIND:-nobind}
exec "$venv/bin/python" -m vllm.entrypoints.openai.api_server --model "$model" --host 127.0.0.1 --port "${PORT:-8000}" \
    --dtype float32 --enforce-eager --no-enable-chunked-prefill --max-model-len "${MAX_MODEL_LEN:-2048}"
