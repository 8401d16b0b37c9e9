"""Qwen2.5-VL at its published sizes with random weights, prepared as the published configs train it; for the benches.

The dimensions are those of the config.json of Qwen2.5-VL-3B-Instruct and Qwen2.5-VL-7B-Instruct.
"""

from contextlib import nullcontext
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

IMAGE_ID, START_ID, END_ID, VIDEO_ID = 9, 8, 7, 6
TEXT_SIZES = {
    "3b": {
        **{"hidden_size": 2048, "num_hidden_layers": 36, "intermediate_size": 11008, "vocab_size": 151936},
        **{"num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True},
    },
    "7b": {
        **{"hidden_size": 3584, "num_hidden_layers": 28, "intermediate_size": 18944, "vocab_size": 152064},
        **{"num_attention_heads": 28, "num_key_value_heads": 4, "tie_word_embeddings": False},
    },
}
ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
VISION = {
    **{"depth": 32, "hidden_size": 1280, "num_heads": 16, "intermediate_size": 3420, "patch_size": 14},
    **{"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]},
}
TOKEN_IDS = {
    "image_token_id": IMAGE_ID,
    "vision_start_token_id": START_ID,
    "vision_end_token_id": END_ID,
    "video_token_id": VIDEO_ID,
}
LORA = {  # of recipes/configs/mcr/twitter_gmner_qwen2_5_vl_7b_*.yaml; the dropout is the default of TRL's ModelConfig
    **{"r": 64, "lora_alpha": 128, "lora_dropout": 0.05, "task_type": "CAUSAL_LM"},
    "target_modules": r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
}


def device_of() -> torch.device:
    """Return the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast() -> Any:
    """Return the context that `bf16: true` gives a forward on a GPU."""
    return torch.autocast("cuda", torch.bfloat16) if torch.cuda.is_available() else nullcontext()


def published_config(size: str) -> Any:
    """Return the config of a published size, with token ids that the random rows use.

    Args:
        size: a key of TEXT_SIZES.
    """
    text = {**TEXT_SIZES[size], "rope_parameters": dict(ROPE), "max_position_embeddings": 128000}
    vision = {**VISION, "out_hidden_size": text["hidden_size"]}
    return AutoConfig.for_model(
        "qwen2_5_vl", text_config=text, vision_config=vision, tie_word_embeddings=text["tie_word_embeddings"], **TOKEN_IDS
    )


def random_model(config: Any) -> Any:
    """Return a model with random weights and TRL's head, in bfloat16 on a GPU and in float32 elsewhere."""
    from trl.trainer.utils import add_fused_lm_head

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    with device_of():
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype, attn_implementation="sdpa")
    add_fused_lm_head(model)
    return model.train()


def with_lora(model: Any) -> Any:
    """Return the model as the published configs train it: LoRA of rank 64 on the language part, gradient checkpointing."""
    from peft import LoraConfig, get_peft_model

    model.gradient_checkpointing_enable()
    model = get_peft_model(model, LoraConfig(**LORA))
    model.enable_input_require_grads()
    return model
