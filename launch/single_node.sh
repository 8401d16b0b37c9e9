#!/usr/bin/env bash
# MRSI, filter, CVO and evaluation one after the other on the GPUs of one machine; stopped and called again, each goes on where it was.
# Hardware:  8 GPUs of 80 GB for a 7B model with LoRA (set GPUS to what there is)
# Memory:    7B with LoRA: about 30 GB a GPU for SFT, 23 GB for GRPO and vLLM's share (counted, docs/scaling.md)
# Launch:    GPUS=8 bash launch/single_node.sh twitter_gmner_qwen2_5_vl_7b runs/gmner_qwen2_5_vl_7b
#            GPUS=8 bash launch/single_node.sh mix/mix_qwen2_5_vl_7b runs/mix_qwen2_5_vl_7b
set -euo pipefail
name=${1:?the first part of the configs in recipes/configs/mcr}
run=${2:?the folder that the configs write to}
gpus=${GPUS:-8}
configs=$(dirname "$0")/../recipes/configs/mcr
recipes=$(dirname "$0")/../recipes
train() { accelerate launch --config_file "$(dirname "$0")/several_gpus.yaml" --num_processes "$gpus" "$@"; }

python -m mcr doctor --config "$configs/${name}_sft.yaml" --processes "$gpus"
train "$recipes/sft.py" --config "$configs/${name}_sft.yaml"
python -m mcr merge --model "$run/mrsi/model" --output_dir "$run/mrsi/merged"
train "$recipes/filter.py" --config "$configs/${name}_filter.yaml"
python -m mcr doctor --config "$configs/${name}_grpo.yaml" --processes "$gpus"
train "$recipes/grpo.py" --config "$configs/${name}_grpo.yaml"
python -m mcr merge --model "$run/cvo/model" --output_dir "$run/cvo/merged"
python -m mcr evaluate --config "$configs/${name}_evaluate.yaml"
python -m mcr report "$run"
