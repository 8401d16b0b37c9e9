"""Flags with which the tests run the recipes on a small sandbox, and the metrics that a run leaves."""

import json
from pathlib import Path

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
CONFIGS = RECIPES / "configs/mcr"
KEEP_ALL = ("--min_std", 0, "--min_max", 0, "--min_median", 0, "--max_median", 1)


def sft_flags(sandbox, out, *more):
    return [
        "--config",
        CONFIGS / "sandbox_sft.yaml",
        "--model_name_or_path",
        sandbox / "start",
        "--train_set",
        sandbox / "schemas/d1.parquet",
        "--image_root",
        sandbox / "data",
        "--output_dir",
        out,
        "--use_peft",
        "false",
        "--use_muon",
        "true",
        "--bf16",
        "false",
        "--learning_rate",
        1.5e-3,
        "--dataloader_num_workers",
        0,
        "--logging_steps",
        1,
        "--warmup_steps",
        1,
        "--gradient_accumulation_steps",
        1,
        *more,
    ]


def grpo_flags(sandbox, out, *more):
    return [
        "--config",
        CONFIGS / "sandbox_grpo.yaml",
        "--model_name_or_path",
        sandbox / "mrsi/model",
        "--train_set",
        sandbox / "schemas/d2.parquet",
        "--image_root",
        sandbox / "data",
        "--output_dir",
        out,
        "--per_device_train_batch_size",
        4,
        "--num_generations",
        4,
        "--max_completion_length",
        12,
        "--max_steps",
        2,
        "--beta",
        0.005,
        "--gradient_accumulation_steps",
        1,
        *more,
    ]


def evaluate_flags(sandbox, out, *more):
    return [
        "--config",
        CONFIGS / "sandbox_evaluate.yaml",
        "--gold",
        sandbox / "data/test.jsonl",
        "--image_root",
        sandbox / "data",
        "--model_name_or_path",
        sandbox / "mrsi/model",
        "--output_dir",
        out,
        "--max_new_tokens",
        12,
        "--batch_size",
        3,
        *more,
    ]


def filter_flags(sandbox, out, *more):
    return [
        "--config",
        CONFIGS / "sandbox_filter.yaml",
        "--model_name_or_path",
        sandbox / "mrsi/model",
        "--train_set",
        sandbox / "schemas/d2.parquet",
        "--image_root",
        sandbox / "data",
        "--output_dir",
        out,
        "--num_generations",
        4,
        "--batch_size",
        8,
        "--max_new_tokens",
        12,
        *KEEP_ALL,
        *more,
    ]


def read_metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
