"""Tiny random models of other families, with processors built by hand around our tiny tokenizer."""

from dataclasses import dataclass
from typing import Any

from mcr.models.tiny import build_tokenizer

TEXTS = ["Ann Lee sings in Rome 0123456789 [10, 20, 300, 400] PER LOC | None <think>\n</think> the text and the image"] * 4
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
PICTURES = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


@dataclass
class TinyFamily:
    """A model, its processor, and the tokens that must not be sampled, as its documentation names them."""

    model: Any
    processor: Any
    vision_tokens: set[str]


def _tokenizer(special: dict[str, str], more: tuple[str, ...] = ()) -> Any:
    from transformers import PreTrainedTokenizerFast

    tokenizer = build_tokenizer(TEXTS, 330)
    tokenizer.add_special_tokens({"additional_special_tokens": [*special.values(), *more]})
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        extra_special_tokens=special,
    )


def _ids(tokenizer: Any) -> dict[str, Any]:
    return {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}


def internvl() -> TinyFamily:
    from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLForConditionalGeneration, InternVLProcessor
    from transformers.models.internvl.video_processing_internvl import InternVLVideoProcessor

    special = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = _tokenizer(special)
    size = {"height": 28, "width": 28}
    template = TEMPLATE.replace("IMAGE", "<IMG_CONTEXT>\n")
    images = GotOcr2ImageProcessor(size=size, crop_to_patches=False, **PICTURES)
    processor = InternVLProcessor(
        images, tokenizer, InternVLVideoProcessor(size=size), image_seq_length=1, chat_template=template
    )
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = InternVLConfig(
        vision_config={**vision, "image_size": [28, 28], "patch_size": [14, 14]},
        text_config={"model_type": "qwen2", **TEXT, **_ids(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=1,
    )
    return TinyFamily(InternVLForConditionalGeneration(config), processor, set(special.values()))


def llava_onevision() -> TinyFamily:
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
    )
    from transformers.models.llava_onevision.video_processing_llava_onevision import LlavaOnevisionVideoProcessor

    tokenizer = _tokenizer({"image_token": "<image>", "video_token": "<video>"})
    size, pinpoints = {"height": 28, "width": 28}, [[28, 28]]
    images = LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=pinpoints, **PICTURES)
    processor = LlavaOnevisionProcessor(
        images,
        tokenizer,
        LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE.replace("IMAGE", "<image>\n"),
    )
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            **vision,
            "image_size": 28,
            "patch_size": 14,
            "vision_use_head": False,
        },
        text_config={"model_type": "qwen2", **TEXT, **_ids(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    return TinyFamily(LlavaOnevisionForConditionalGeneration(config), processor, {"<image>", "<video>"})


def glm4v() -> TinyFamily:
    from transformers import Glm4vConfig, Glm4vForConditionalGeneration, Glm4vImageProcessor, Glm4vProcessor
    from transformers.models.glm4v.video_processing_glm4v import Glm4vVideoProcessor

    names = [f"<|{place}{kind}|>" for kind in ("image", "video") for place in ("begin_of_", "", "end_of_")]
    tokenizer = _tokenizer({"image_token": "<|image|>", "video_token": "<|video|>"}, tuple(names))
    sizes = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    images = Glm4vImageProcessor(patch_size=14, merge_size=2, temporal_patch_size=2, size=sizes, **PICTURES)
    template = TEMPLATE.replace("IMAGE", "<|begin_of_image|><|image|><|end_of_image|>")
    processor = Glm4vProcessor(images, tokenizer, Glm4vVideoProcessor(), chat_template=template)
    ids = [tokenizer.convert_tokens_to_ids(name) for name in names]
    fields = ("image_start_token_id", "image_token_id", "image_end_token_id")
    config = Glm4vConfig(
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 64,
            "out_hidden_size": 32,
            "image_size": 56,
            "patch_size": 14,
        },
        text_config={
            **TEXT,
            **_ids(tokenizer),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [2, 3, 3],
                "partial_rotary_factor": 1.0,
            },
        },
        **dict(zip([*fields, *(field.replace("image", "video") for field in fields)], ids, strict=True)),
    )
    return TinyFamily(Glm4vForConditionalGeneration(config), processor, set(names))


def idefics3() -> TinyFamily:
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, Idefics3Processor

    rows = tuple(f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7))
    names = ("<fake_token_around_image>", "<image>", "<global-img>", *rows)
    tokenizer = _tokenizer({}, (*names, "<end_of_utterance>"))
    images = Idefics3ImageProcessor(size={"longest_edge": 28}, max_image_size={"longest_edge": 28}, **PICTURES)
    processor = Idefics3Processor(images, tokenizer, image_seq_len=1, chat_template=TEMPLATE.replace("IMAGE", "<image>"))
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Idefics3Config(
        vision_config={**vision, "image_size": 28, "patch_size": 14},
        text_config={"model_type": "llama", **TEXT, **_ids(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    return TinyFamily(Idefics3ForConditionalGeneration(config), processor, set(names))


TINY_FAMILIES = {"internvl": internvl, "llava_onevision": llava_onevision, "glm4v": glm4v, "idefics3": idefics3}
