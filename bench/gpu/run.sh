#!/usr/bin/env bash
# What only a GPU can show, on one GPU: is the shared prefix right there, what do the updates and fine-tuning take, do the recipes run.
#
#     bash bench/gpu/run.sh [FOLDER [PART ...]]
#
# FOLDER (runs/gpu) gets a log of each part; the parts are tests, grpo_3b, grpo_7b, sft and recipes, all of them if none is named.
# A part that fails does not stop the next one. PYTHON names the interpreter. No weights and no network are needed. All parts
# together took ten minutes on an H200.
set -uo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-runs/gpu}
shift
parts=${*:-tests grpo_3b grpo_7b sft recipes}
python=${PYTHON:-python3}
shapes="1200x200x8 1500x512x8 600x100x8"
mkdir -p "$folder"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}

versions() {
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
    $python -c 'from importlib.metadata import version; import platform; print("python", platform.python_version(),
    *(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft")))'
}

tests() { $python -m pytest -m gpu -rA --durations 5 -p no:cacheprovider tests/mcr/shared_prefix/test_gpu.py; }
grpo_3b() { $python bench/grpo_update.py --size 3b --shape $shapes --repeats 3; }
grpo_7b() { $python bench/grpo_update.py --size 7b --shape $shapes --repeats 3; }
sft() { $python bench/sft_step.py; }

recipes() {
    local world
    world=$(mktemp -d)
    trap 'rm -rf "$world"' RETURN
    $python -m mcr make-sandbox --output_dir "$world/data" --train 200 --dev 4 --test 4 &&
        $python -m mcr write-schemas --samples "$world/data/train.jsonl" --output_dir "$world/schemas" --family qwen3_vl \
            --styles steps_image_first --answer_formats rows --detail brief --d2_share 0.5 || return 1
    recipe sft mcr/models/sandbox_base "$world/schemas/d1.parquet" "$world/mrsi" --max_steps 30 --logging_steps 10 &&
        $python -m mcr merge --model "$world/mrsi/model" --output_dir "$world/mrsi/merged" || return 1
    local attention cvo=(--logging_steps 1 --max_completion_length 64 --max_unreadable 1 --gradient_checkpointing true
        --use_peft true --lora_r 64 --lora_target_modules '.*language_model.*\.(q_proj|k_proj|v_proj|o_proj)')
    for attention in segments flex; do
        recipe grpo "$world/mrsi/merged" "$world/schemas/d2.parquet" "$world/cvo_$attention" --max_steps 10 "${cvo[@]}" \
            --shared_prefix on --shared_prefix_attention "$attention" || return 1
    done
}

recipe() { # NAME MODEL TRAIN_SET OUTPUT FLAG...: the sandbox's settings in bfloat16 on the GPU
    local name=$1 model=$2 train_set=$3 output=$4
    shift 4
    $python "recipes/$name.py" --config "recipes/configs/mcr/sandbox_$name.yaml" --model_name_or_path "$model" \
        --train_set "$train_set" --image_root "$world/data" --output_dir "$output" --use_cpu false --bf16 true \
        --disable_tqdm true "$@"
}

failed=""
versions 2>&1 | tee "$folder/versions.log"
for part in $parts; do
    echo "## $part"
    start=$SECONDS
    "$part" 2>&1 | tee "$folder/$part.log" || failed+=" $part"
    echo "$part: $((SECONDS - start)) s"
done
echo "failed:${failed:- none}"
[ -z "$failed" ]
