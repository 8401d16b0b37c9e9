"""The update of GRPO, TRL's path and the shared prefix interleaved: old, reference and policy pass, forward and backward.

    OMP_NUM_THREADS=1 python bench/grpo_update.py [--shape 1200x200x8] [--repeats 3] [--family qwen3_vl] [--hidden 512 --layers 8]

One group of G completions a micro-batch. Prints, for each shape P x C x G (P holds 256 image tokens where it can), the median
seconds of both, the median of the ratios of neighbours with their range, the tokens forwarded, the bytes kept for the backward
pass, and the ratio that counting multiply-adds predicts. Random weights; on a GPU in bfloat16.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from tqdm import tqdm
from transformers import AutoConfig, AutoModelForImageTextToText

from mcr.models.torchvision_cpu import allow_cpu_torchvision
from mcr.report.markdown import table

SHAPES = ("1200x200x8", "600x100x8", "200x400x4")
IMAGE_ID, START_ID, END_ID, GRID = 9, 8, 7, 32


@dataclass(frozen=True, slots=True)
class Shape:
    """P prompt tokens, C completion tokens, G completions."""

    prompt: int
    completion: int
    group: int

    @property
    def num_visual(self) -> int:
        """Image tokens in the prompt: 256 of them, or 64 where the prompt is short."""
        return 256 if self.prompt >= 512 else 64


def build_model(family: str, hidden: int, layers: int, vocab: int) -> Any:
    """Return a model of the family with random weights."""
    heads = max(1, hidden // 64)
    text = {
        **{"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": hidden * 11 // 4, "vocab_size": vocab},
        **{
            "num_attention_heads": heads,
            "num_key_value_heads": max(1, heads // 4),
            "head_dim": 64,
            "max_position_embeddings": 8192,
        },
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 8, 8], "mrope_interleaved": True},
    }
    vision = {
        "depth": 4,
        "hidden_size": 256,
        "num_heads": 4,
        "intermediate_size": 768,
        "out_hidden_size": hidden,
        "patch_size": 14,
    }
    if family == "qwen3_vl":
        vision |= {"deepstack_visual_indexes": [1, 2, 3], "num_position_embeddings": 1024}
    else:
        text["rope_parameters"].pop("mrope_interleaved")
        vision |= {"fullatt_block_indexes": [3], "window_size": 112}
    ids = {"image_token_id": IMAGE_ID, "vision_start_token_id": START_ID, "vision_end_token_id": END_ID, "video_token_id": 6}
    config = AutoConfig.for_model(family, text_config=text, vision_config=vision, **ids)
    model = AutoModelForImageTextToText.from_config(config, attn_implementation="sdpa")
    return model.to(device_of(), torch.bfloat16 if torch.cuda.is_available() else torch.float32).train()


def device_of() -> torch.device:
    """Return the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_rows(shape: Shape, vocab: int) -> dict[str, Any]:
    """Return a group's rows as TRL hands them over, every completion at full length."""
    side = 2 * int(shape.num_visual**0.5)
    prompt = torch.randint(10, vocab, (1, shape.prompt))
    prompt[0, 4 : 4 + shape.num_visual + 2] = torch.tensor([START_ID, *[IMAGE_ID] * shape.num_visual, END_ID])
    input_ids = torch.cat([prompt.expand(shape.group, -1), torch.randint(10, vocab, (shape.group, shape.completion))], dim=1)
    rows = {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "pixel_values": torch.randn(side * side, 3 * 2 * 14 * 14).repeat(shape.group, 1),
        "image_grid_thw": torch.tensor([[1, side, side]]).repeat(shape.group, 1),
        "mm_token_type_ids": (input_ids == IMAGE_ID).long(),
    }
    return {name: value.to(device_of()) for name, value in rows.items()} | {"num_images": [1] * shape.group}


def plain_path(model: Any, shape: Shape, rows: dict[str, Any]) -> Callable[[], torch.Tensor]:
    """Return TRL's own method, bound to nothing but an autocast."""
    from trl import GRPOTrainer

    stand_in = SimpleNamespace(accelerator=SimpleNamespace(autocast=nullcontext))
    method = GRPOTrainer._get_per_token_logps_and_entropies
    method = getattr(method, "__wrapped__", method)  # without TRL's profiling
    return lambda: method(stand_in, model, logits_to_keep=shape.completion, **rows)[0]


def shared_path(model: Any, shape: Shape, rows: dict[str, Any]) -> Callable[[], torch.Tensor]:
    """Return ours."""
    from mcr.shared_prefix.logprobs import GroupRows, group_logprobs

    settings = {"completion_len": shape.completion, "group_size": shape.group, "batch_size": shape.group}
    return lambda: group_logprobs(model, model.base_model.get_rope_index, GroupRows(**rows), **settings)[0]


def update(model: Any, logprobs: Callable[[], torch.Tensor]) -> float:
    """Run old, reference and policy pass and the backward pass; return seconds."""
    start = time.perf_counter()
    with torch.no_grad():
        old, reference = logprobs(), logprobs()
    policy = logprobs()
    loss = -((policy - old).exp() - 0.005 * ((reference - policy).exp() - (reference - policy) - 1)).mean()
    loss.backward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - start


def kept_bytes(model: Any, logprobs: Callable[[], torch.Tensor]) -> int:
    """Return how many bytes of activations the policy pass keeps for its backward pass, each storage once."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    seen: dict[int, Any] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logprobs()
    return sum(storage.nbytes() for storage in seen.values())


def predicted_ratio(model: Any, shape: Shape) -> float:
    """Return plain over shared in multiply-adds of the language part, the vision tower and the head where it is computed."""
    text, vision = model.config.get_text_config(), model.base_model.visual
    per_token = sum(p.numel() for name, p in model.base_model.language_model.named_parameters() if "embed_tokens" not in name)
    per_pair = 2 * text.num_attention_heads * text.head_dim * text.num_hidden_layers
    tower = 4 * shape.num_visual * sum(p.numel() for p in vision.parameters())
    head = text.hidden_size * text.vocab_size
    prompt, size, group = shape.prompt, shape.completion, shape.group
    whole = prompt + size
    scored = size if torch.cuda.is_available() else whole  # TRL's head scores every position on a CPU
    plain = group * (whole * per_token + whole**2 * per_pair + tower + scored * head)
    packed = (prompt + group * size) * per_token + (prompt**2 + group * size * whole) * per_pair + tower + group * size * head
    return plain / packed


def measure(args: argparse.Namespace, shape: Shape) -> list[str]:
    """Return one row of the table."""
    allow_cpu_torchvision()
    from trl.trainer.utils import add_fused_lm_head

    from mcr.shared_prefix.support import prepare_model

    torch.manual_seed(0)
    model = build_model(args.family, args.hidden, args.layers, args.vocab)
    add_fused_lm_head(model)
    prepare_model(model)
    rows = make_rows(shape, args.vocab)
    paths = [path(model, shape, rows) for path in (plain_path, shared_path)]
    with torch.no_grad():
        difference = (paths[0]() - paths[1]()).abs().max().item()
    seconds: list[list[float]] = [[], []]
    for _ in tqdm(range(args.repeats), desc=f"{shape.prompt}x{shape.completion}x{shape.group}", disable=None):
        for index, path in enumerate(paths):
            seconds[index].append(update(model, path))
    ratios = [plain / shared for plain, shared in zip(*seconds, strict=True)]
    memory = [kept_bytes(model, path) for path in paths]
    tokens = shape.group * (shape.prompt + shape.completion), shape.prompt - 1 + shape.group * shape.completion
    return [
        f"{shape.prompt} x {shape.completion} x {shape.group}",
        *(f"{statistics.median(times):.2f}" for times in seconds),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        f"{predicted_ratio(model, shape):.2f}",
        f"{tokens[0]} / {tokens[1]}",
        f"{memory[0] / 2**20:.0f} / {memory[1] / 2**20:.0f}",
        f"{memory[1] / memory[0]:.2f}",
        f"{difference:.1e}",
    ]


HEADER = (
    "P x C x G",
    "TRL s",
    "shared s",
    "ratio (range)",
    "predicted",
    "tokens",
    "kept MB",
    "memory ratio",
    "largest difference",
)


def main() -> None:
    """Measure every shape and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", default=list(SHAPES), help="PxCxG")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--family", choices=("qwen2_5_vl", "qwen3_vl"), default="qwen2_5_vl")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--vocab", type=int, default=4096)
    args = parser.parse_args()
    shapes = [Shape(*map(int, shape.split("x"))) for shape in args.shape]
    print(table(HEADER, [measure(args, shape) for shape in shapes]))


if __name__ == "__main__":
    main()
