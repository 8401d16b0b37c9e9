"""What a 7B model takes on each GPU, counted by mcr/runs/memory.py: the table of docs/scaling.md. bench/gpu/run.sh measures some.

python bench/memory.py [--completion 512] [--micro_batch 8]
"""

import argparse
import tempfile

from qwen2_5_vl import published_config

from mcr.report.markdown import table
from mcr.runs.memory import estimate_memory

LORA = {"use_peft": True, "lora_r": 64}
ROWS = (
    ("SFT, LoRA, data parallel", "one_gpu.yaml, several_gpus.yaml", LORA, "", 1),
    ("SFT, LoRA, ZeRO-2", "zero2.yaml", LORA, "zero2", 8),
    ("SFT, LoRA, ZeRO-3 or FSDP2", "zero3.yaml, fsdp2.yaml", LORA, "zero3", 8),
    ("SFT, full, ZeRO-2", "zero2.yaml", {}, "zero2", 8),
    ("SFT, full, ZeRO-3 or FSDP2", "zero3.yaml, fsdp2.yaml", {}, "zero3", 8),
    ("GRPO, LoRA, shared prefix", "several_gpus.yaml", {**LORA, "num_generations": 8}, "", 8),
    ("GRPO, LoRA, without it", "several_gpus.yaml", {**LORA, "num_generations": 8, "shared_prefix": "off"}, "", 8),
    ("GRPO, full, ZeRO-3", "zero3.yaml", {"num_generations": 8}, "zero3", 8),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completion", type=int, default=512, help="tokens of GRPO's completions")
    parser.add_argument("--micro_batch", type=int, default=8, help="rows a device")
    args = parser.parse_args()
    common = {"dtype": "bfloat16", "gradient_checkpointing": True, "max_completion_length": args.completion}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        published_config("7b").save_pretrained(folder)
        for title, files, settings, zero, processes in ROWS:
            one = estimate_memory(folder, common | settings, micro_batch=args.micro_batch, processes=processes, zero=zero)
            parts = [
                f"{value:.1f}" for value in (one.weights_gb, one.trained_gb, one.activations_gb, one.total_gb, one.checkpoint_gb)
            ]
            rows.append([title, files, processes, *parts])
    header = ("run", "launch/", "GPUs", "weights GB", "gradients, optimiser GB", "activations GB", "sum GB", "checkpoint GB")
    print(table(header, rows))


if __name__ == "__main__":
    main()
