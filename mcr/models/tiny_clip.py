"""A CLIP at toy size with random weights, and its processor."""

from dataclasses import dataclass
from typing import Any

END = "<|end|>"  # a token of its own: where the end of a text has the id 2, transformers reads CLIP's texts elsewhere


@dataclass(frozen=True, slots=True)
class TinyClipSize:
    """The sizes of a tiny CLIP: `hidden` of both towers, `shared` of the space they share."""

    hidden: int = 64
    layers: int = 2
    heads: int = 4
    shared: int = 64
    patch: int = 16
    image_px: int = 128
    max_tokens: int = 64


def build_clip_processor(tokenizer: Any, size: TinyClipSize) -> Any:
    """Return a CLIP processor; its tokenizer ends each text, and the text tower reads what a text is from its end."""
    from tokenizers.processors import TemplateProcessing
    from transformers import CLIPImageProcessor, CLIPProcessor

    tokenizer.add_special_tokens({"eos_token": END})
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.eos_token_id)]
    )
    tokenizer.padding_side, tokenizer.model_max_length = "right", size.max_tokens
    side = {"height": size.image_px, "width": size.image_px}
    images = CLIPImageProcessor(size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=2)
    return CLIPProcessor(images, tokenizer)


def build_clip(tokenizer: Any, size: TinyClipSize, seed: int) -> Any:
    """Return a CLIP with random weights drawn from `seed`."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(seed)
    tower = {
        "hidden_size": size.hidden,
        "intermediate_size": 4 * size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "projection_dim": size.shared,
    }
    text = tower | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": size.max_tokens,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = tower | {"image_size": size.image_px, "patch_size": size.patch}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=size.shared))
