"""A LLaVA at toy size: a CLIP vision tower, a projector and a Llama, with random weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcr.models.tiny import TinySize

IMAGE = "<image>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | upper }}: "
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{% if message['role'] == 'assistant' %}<|im_end|>{% else %} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)


def image_id_of(tokenizer: Any) -> int:
    """Return the id of the token of images; a tokenizer without one is given it."""
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    return tokenizer.convert_tokens_to_ids(IMAGE)


def build_llava_processor(tokenizer: Any, size: "TinySize") -> Any:
    """Return a LLaVA processor."""
    from transformers import CLIPImageProcessor, LlavaProcessor

    image_id_of(tokenizer)
    side = {"height": size.image_px, "width": size.image_px}
    images = CLIPImageProcessor(
        size=side, crop_size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=2
    )
    return LlavaProcessor(
        images,
        tokenizer,
        patch_size=size.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # the class token, which "default" leaves out again
        image_token=IMAGE,
        chat_template=CHAT_TEMPLATE,
    )


def build_llava_model(tokenizer: Any, size: "TinySize") -> Any:
    """Return a LLaVA with random weights."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    image_id = image_id_of(tokenizer)
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": size.vision_hidden,
        "intermediate_size": 2 * size.vision_hidden,
        "num_hidden_layers": size.vision_layers + 1,  # the last one is not read
        "num_attention_heads": size.vision_heads,
        "image_size": size.image_px,
        "patch_size": size.patch,
        "projection_dim": size.hidden,
    }
    text = {
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": size.hidden,
        "intermediate_size": size.feed_forward,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "head_dim": size.head_dim,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=image_id,
        image_seq_length=(size.image_px // size.patch) ** 2,
        tie_word_embeddings=True,
    )
    return LlavaForConditionalGeneration(config)
