"""The update of GRPO, TRL's path and the shared prefix interleaved: old, reference and policy pass, forward and backward.

    OMP_NUM_THREADS=1 python bench/grpo_update.py [--shape 1200x200x8] [--repeats 3] [--family qwen3_vl] [--hidden 512 --layers 8]
    python bench/grpo_update.py --size 7b      (a GPU: the dimensions of Qwen2.5-VL-7B, LoRA, gradient checkpointing)

One group of G completions a micro-batch. Prints, for each shape P x C x G (P holds 256 image tokens where it can), the median
seconds of every path, the median of the ratios of neighbours with their range, the ratio that counting multiply-adds predicts,
the tokens forwarded, and memory: the peak on a GPU, elsewhere the bytes kept for the backward pass. Random weights; on a GPU in
bfloat16, and flex attention beside the two calls of SDPA (it has no backward pass elsewhere).
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from qwen2_5_vl import (
    END_ID,
    IMAGE_ID,
    START_ID,
    TEXT_SIZES,
    TOKEN_IDS,
    autocast,
    device_of,
    published_config,
    random_model,
    with_lora,
)
from tqdm import tqdm
from transformers import AutoConfig

from mcr.report.markdown import table
from mcr.shared_prefix.attention import use_packed_attention
from mcr.shared_prefix.support import inner_model, prepare_model
from mcr.shared_prefix.vision import cache_frozen_vision

SHAPES = ("1200x200x8", "600x100x8", "200x400x4")
TRL = "TRL"


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


def small_config(family: str, hidden: int, layers: int, vocab: int) -> Any:
    """Return the config of a small model of the family."""
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
    return AutoConfig.for_model(family, text_config=text, vision_config=vision, **TOKEN_IDS)


def build_model(args: argparse.Namespace) -> Any:
    """Return a model of the size asked for, able to share prefixes."""
    torch.manual_seed(0)
    config = (
        small_config(args.family, args.hidden, args.layers, args.vocab) if args.size == "small" else published_config(args.size)
    )
    model = random_model(config)
    prepare_model(model)
    return model if args.size == "small" else with_lora(model)


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


def plain_path(model: Any, shape: Shape, rows: dict[str, Any], context: Callable[[], Any]) -> Callable[[], torch.Tensor]:
    """Return TRL's own method, bound to nothing but a context for the forward."""
    from trl import GRPOTrainer

    stand_in = SimpleNamespace(accelerator=SimpleNamespace(autocast=context))
    method = GRPOTrainer._get_per_token_logps_and_entropies
    method = getattr(method, "__wrapped__", method)  # without TRL's profiling
    return lambda: method(stand_in, model, logits_to_keep=shape.completion, **rows)[0]


def shared_path(model: Any, shape: Shape, rows: dict[str, Any], context: Callable[[], Any]) -> Callable[[], torch.Tensor]:
    """Return ours."""
    from mcr.shared_prefix.logprobs import GroupRows, group_logprobs

    settings = {"completion_len": shape.completion, "group_size": shape.group, "batch_size": shape.group, "autocast": context}
    rope_index = inner_model(model).base_model.get_rope_index
    return lambda: group_logprobs(model, rope_index, GroupRows(**rows), **settings)[0]


def make_paths(model: Any, shape: Shape, rows: dict[str, Any]) -> dict[str, Callable[[], torch.Tensor]]:
    """Return each path by name: TRL's, and ours by its attention."""
    shared = shared_path(model, shape, rows, autocast)
    paths = {TRL: plain_path(model, shape, rows, autocast), "segments": shared}
    return paths | ({"flex": shared} if torch.cuda.is_available() else {})


def choose_path(model: Any, name: str) -> None:
    """Set a path's attention; features of frozen vision are kept for one update by ours, as CvoTrainer does, and not by TRL's."""
    inner = inner_model(model)
    tower = inner.base_model.visual
    inner.set_attn_implementation({"text_config": "sdpa"})
    if name == TRL:
        tower.__dict__.pop("forward", None)
        return
    use_packed_attention(inner, name)
    cache_frozen_vision(tower)


def update(model: Any, logprobs: Callable[[], torch.Tensor]) -> float:
    """Run old, reference and policy pass and the backward pass; return seconds."""
    start = time.perf_counter()
    with torch.no_grad():
        old = logprobs()
        with nullcontext() if inner_model(model) is model else model.disable_adapter():  # LoRA's reference
            reference = logprobs()
    policy = logprobs()
    loss = -((policy - old).exp() - 0.005 * ((reference - policy).exp() - (reference - policy) - 1)).mean()
    loss.backward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    model.zero_grad(set_to_none=True)
    return seconds


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
    text, inner = model.config.get_text_config(), inner_model(model).base_model
    vision = inner.visual
    per_token = sum(p.numel() for name, p in inner.language_model.named_parameters() if "embed_tokens" not in name)
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    per_pair = 2 * text.num_attention_heads * head_dim * text.num_hidden_layers
    tower = 4 * shape.num_visual * sum(p.numel() for p in vision.parameters())
    head = text.hidden_size * text.vocab_size
    prompt, size, group = shape.prompt, shape.completion, shape.group
    whole = prompt + size
    scored = size if torch.cuda.is_available() else whole  # TRL's head scores every position on a CPU
    plain = group * (whole * per_token + whole**2 * per_pair + tower + scored * head)
    packed = (prompt + group * size) * per_token + (prompt**2 + group * size * whole) * per_pair + tower + group * size * head
    return plain / packed


@contextmanager
def in_float32(model: Any) -> Iterator[None]:
    """Hold a model's bfloat16 weights in float32 while the context lasts; the way back loses nothing."""
    rounded = [weight for weight in model.parameters() if weight.dtype == torch.bfloat16]
    for weight in rounded:
        weight.data = weight.data.float()
    yield
    for weight in rounded:
        weight.data = weight.data.bfloat16()


@torch.no_grad()
def distances(model: Any, shape: Shape, rows: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return each path's log-probabilities less those of TRL's path in float32, without dropout."""
    found = {}
    model.eval()
    for name, logprobs in make_paths(model, shape, rows).items():
        choose_path(model, name)
        found[name] = logprobs()
    choose_path(model, TRL)
    with in_float32(model):
        exact = plain_path(model, shape, rows, nullcontext)()
    model.train()
    return {name: (logprobs - exact).abs() for name, logprobs in found.items()}


def time_and_memory(
    model: Any, paths: dict[str, Callable[[], torch.Tensor]], repeats: int, title: str
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return each path's seconds and bytes: paths in turn, after an update of each that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in paths}
    memory: dict[str, int] = {}
    for number in tqdm(range(repeats + 1), desc=title, disable=None):
        for name, logprobs in paths.items():
            choose_path(model, name)
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            elapsed = update(model, logprobs)
            if number:
                seconds[name].append(elapsed)
                memory[name] = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    if not torch.cuda.is_available():
        for name, logprobs in paths.items():
            choose_path(model, name)
            memory[name] = kept_bytes(model, logprobs)
    return seconds, memory


def measure(model: Any, shape: Shape, repeats: int) -> dict[str, str]:
    """Return one row of the table, by column."""
    inputs = make_rows(shape, model.config.get_text_config().vocab_size)
    paths = make_paths(model, shape, inputs)
    title = f"{shape.prompt} x {shape.completion} x {shape.group}"
    off = distances(model, shape, inputs)
    seconds, memory = time_and_memory(model, paths, repeats, title)
    row = {"P x C x G": title} | {f"{name} s": f"{statistics.median(times):.2f}" for name, times in seconds.items()}
    for name in list(paths)[1:]:
        ratios = [plain / shared for plain, shared in zip(seconds[TRL], seconds[name], strict=True)]
        row[f"TRL / {name} (range)"] = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    row["predicted"] = f"{predicted_ratio(model, shape):.2f}"
    row["tokens"] = f"{shape.group * (shape.prompt + shape.completion)} / {shape.prompt - 1 + shape.group * shape.completion}"
    if torch.cuda.is_available():
        row["peak GB"] = " / ".join(f"{size / 1e9:.1f}" for size in memory.values())
    else:
        row["kept MB"] = " / ".join(f"{size / 2**20:.0f}" for size in memory.values())
        row["memory ratio"] = f"{memory['segments'] / memory[TRL]:.2f}"
    row["off from float32: mean"] = " / ".join(f"{values.mean().item():.1e}" for values in off.values())
    row["largest"] = " / ".join(f"{values.max().item():.1e}" for values in off.values())
    return row


def main() -> None:
    """Measure every shape and print its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", default=list(SHAPES), help="PxCxG")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", choices=("small", *TEXT_SIZES), default="small", help="a published size takes LoRA")
    parser.add_argument("--family", choices=("qwen2_5_vl", "qwen3_vl"), default="qwen2_5_vl", help="of the small size")
    parser.add_argument("--hidden", type=int, default=512, help="of the small size")
    parser.add_argument("--layers", type=int, default=8, help="of the small size")
    parser.add_argument("--vocab", type=int, default=4096, help="of the small size")
    args = parser.parse_args()
    model = build_model(args)
    for number, shape in enumerate(args.shape):
        row = measure(model, Shape(*map(int, shape.split("x"))), args.repeats)
        lines = table(tuple(row), [list(row.values())]).splitlines()
        print("\n".join(lines if number == 0 else lines[-1:]), flush=True)


if __name__ == "__main__":
    main()
