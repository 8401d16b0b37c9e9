#!/usr/bin/env bash
# vLLM as a server on GPUs of its own: TRL's for rollouts of mcr grpo, or OpenAI's for mcr evaluate and mcr write-schemas.
# Hardware:  1 GPU of 80 GB for a 7B model; TENSOR_PARALLEL=2 shares it over two
# Memory:    7B: 17 GB of weights, with or without LoRA (merged), and as much KV cache as fits in 90 % of the GPU
# Launch:    bash launch/vllm_server.sh rollouts runs/gmner_qwen2_5_vl_7b/mrsi/merged     then mcr grpo --vllm_mode server
#            bash launch/vllm_server.sh openai Qwen/Qwen2.5-VL-7B-Instruct               then mcr evaluate --base_url http://HOST:8000/v1
set -euo pipefail
kind=${1:?rollouts or openai}
model=${2:?a model folder or name}
port=${PORT:-8000}
case "$kind" in
rollouts) exec trl vllm-serve --model "$model" --tensor_parallel_size "${TENSOR_PARALLEL:-1}" --port "$port" ;;
openai) exec vllm serve "$model" --tensor-parallel-size "${TENSOR_PARALLEL:-1}" --port "$port" --limit-mm-per-prompt '{"image": 8}' ;;
*)
    echo "got '$kind', expected rollouts or openai" >&2
    exit 2
    ;;
esac
