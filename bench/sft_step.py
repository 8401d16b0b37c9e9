"""A step of fine-tuning at published sizes on one GPU: tokens a second and peak memory, beside what mcr/runs/memory.py counts.

    python bench/sft_step.py [--size 3b 7b] [--rows 2 8] [--repeats 5]

Rows of 1500 prompt tokens (256 of an image) and a completion of 512, as `bench/memory.py` counts them. LoRA of rank 64,
bfloat16, gradient checkpointing, AdamW; the loss as TRL's SFTTrainer computes it. Random weights.
"""

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import torch
from grpo_update import Shape, make_rows
from qwen2_5_vl import LORA, TEXT_SIZES, autocast, published_config, random_model, with_lora
from tqdm import tqdm

from mcr.report.markdown import table
from mcr.runs.memory import Estimate, estimate_memory

PROMPT, COMPLETION = 1500, 512
HEADER = ("model", "rows", "s a step", "tokens/s", "peak GB, measured", "counted", "model and adapter GB, measured", "counted")


def make_batch(num_rows: int, vocab: int) -> dict[str, torch.Tensor]:
    """Return rows at full length, whose completions alone are trained."""
    rows = make_rows(Shape(PROMPT, COMPLETION, num_rows), vocab)
    rows.pop("num_images")
    labels = rows["input_ids"].clone()
    labels[:, :PROMPT] = -100
    return rows | {"labels": labels}


def step(model: Any, optimizer: torch.optim.Optimizer, batch: dict[str, torch.Tensor]) -> float:
    """Train on one batch; return seconds."""
    start = time.perf_counter()
    with autocast():
        output = model(**batch, use_cache=False, fused_lm_head=True)
        loss = -output.log_probs.sum() / output.label_mask.sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def count(size: str, num_rows: int) -> Estimate:
    """Return what the doctor counts for such a run."""
    settings = {"dtype": "bfloat16", "gradient_checkpointing": True, "use_peft": True, "lora_r": LORA["r"]}
    with tempfile.TemporaryDirectory() as folder:
        published_config(size).save_pretrained(folder)
        counted = estimate_memory(folder, settings, micro_batch=num_rows, processes=1)
    if isinstance(counted, str):
        raise SystemExit(counted)
    return counted


def measure(size: str, all_rows: list[int], repeats: int) -> Iterator[list[str]]:
    """Yield the rows of the table for one size."""
    gc.collect()  # the model before has cycles, and would be counted as this one's memory
    torch.manual_seed(0)
    model = with_lora(random_model(published_config(size)))
    resident = torch.cuda.memory_allocated()
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-4)
    for num_rows in all_rows:
        batch = make_batch(num_rows, model.config.get_text_config().vocab_size)
        step(model, optimizer, batch)
        torch.cuda.reset_peak_memory_stats()
        seconds = statistics.median(step(model, optimizer, batch) for _ in tqdm(range(repeats), desc=size, disable=None))
        counted = count(size, num_rows)
        yield [
            *(f"Qwen2.5-VL-{size.upper()}", str(num_rows), f"{seconds:.2f}"),
            f"{num_rows * (PROMPT + COMPLETION) / seconds:.0f}",
            *(f"{torch.cuda.max_memory_allocated() / 1e9:.1f}", f"{counted.total_gb:.1f}"),
            *(f"{resident / 1e9:.1f}", f"{counted.weights_gb:.1f}"),
        ]


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", choices=tuple(TEXT_SIZES), default=list(TEXT_SIZES))
    parser.add_argument("--rows", nargs="+", type=int, default=[2, 8], help="rows a step; the published configs have 2")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    for number, line in enumerate(line for size in args.size for line in measure(size, args.rows, args.repeats)):
        printed = table(HEADER, [line]).splitlines()
        print("\n".join(printed if number == 0 else printed[-1:]), flush=True)


if __name__ == "__main__":
    main()
