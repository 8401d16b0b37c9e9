"""Rows of whole groups on the sandbox's model, with and without the shared prefix; for the tests of both."""

import copy

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from trl.trainer.utils import add_fused_lm_head

from mcr.models.load import load_model
from mcr.shared_prefix.logprobs import GroupRows, group_logprobs
from mcr.shared_prefix.support import inner_model

G, C = 4, 9
TEXTS = ("who is near the red disc", "short")
LORA = LoraConfig(r=4, lora_alpha=8, target_modules=r".*language_model.*\.(q_proj|v_proj|down_proj)", init_lora_weights=False)


def picture(seed, size=(160, 160)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def make_rows(processor, num_images, seed=0):
    """Return rows of two groups as TRL builds them: left-padded prompts, ragged right-padded completions."""
    torch.manual_seed(seed)
    content = [{"type": "image"}] * num_images
    prompts = [[{"role": "user", "content": [*content, {"type": "text", "text": text}]}] for text in TEXTS]
    texts = [processor.apply_chat_template(p, add_generation_prompt=True, tokenize=False) for p in prompts for _ in range(G)]
    sizes = ((160, 160), (96, 160), (160, 128))
    images = [[picture(g * 7 + i, sizes[i]) for i in range(num_images)] for g in range(len(TEXTS)) for _ in range(G)]
    inputs = processor(text=texts, images=images if num_images else None, padding=True, padding_side="left", return_tensors="pt")
    completions = torch.randint(10, 200, (len(texts), C))
    mask = (torch.arange(C) < torch.tensor([C, 1, 5, 3, 2, C, 7, 4])[:, None]).long()
    rows = {
        "input_ids": torch.cat([inputs["input_ids"], completions], 1),
        "attention_mask": torch.cat([inputs["attention_mask"], mask], 1),
    }
    extra = {}
    if num_images:
        types = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(completions)], 1)
        extra = {name: inputs[name] for name in ("pixel_values", "image_grid_thw")} | {"mm_token_type_ids": types}
    return rows, extra, [num_images] * len(texts)


def plain_logprobs(model, rows, extra):
    """TRL's own path, written out."""
    labels = rows["input_ids"].masked_fill(rows["attention_mask"] == 0, -100)
    labels[:, :-C] = -100
    output = model(**rows, **extra, labels=labels, fused_lm_head=True)
    return output.log_probs[:, -C:], output.entropy[:, -C:]


def shared_logprobs(model, rows, extra, num_images, batch_size=2 * G):
    base = inner_model(model).base_model
    settings = {"completion_len": C, "group_size": G, "batch_size": batch_size}
    return group_logprobs(model, base.get_rope_index, GroupRows(**rows, **extra, num_images=num_images), **settings)


def gradients(model):
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def build(sandbox, *, lora=False, checkpointing=False):
    torch.manual_seed(1)
    model = load_model(str(sandbox / "start")).float().train()
    add_fused_lm_head(model, temperature=1.3, outputs=("log_probs", "entropy"))
    if checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return get_peft_model(model, copy.deepcopy(LORA)) if lora else model


def assert_close(got, expected, relative=1e-5):
    scale = expected.abs().max().clamp(min=1e-6)
    assert (got - expected).abs().max() <= relative * scale, ((got - expected).abs().max(), scale)
