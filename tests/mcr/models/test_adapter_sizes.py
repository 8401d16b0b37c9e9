"""The numbers of trainable parameters of VKEL's Table XI, on the published models' shapes without weights."""

from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText, CLIPVisionConfig, LlamaConfig, LlavaConfig, Qwen2_5_VLConfig

CONFIGS = Path(__file__).resolve().parents[3] / "mcr/systems/vkel/configs"


def llava():
    vision = CLIPVisionConfig(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)
    text = LlamaConfig(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, vocab_size=32064)
    return LlavaConfig(vision_config=vision, text_config=text)


def qwen():
    text = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
    text |= {"num_key_value_heads": 4, "vocab_size": 152064}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision)


@pytest.mark.parametrize(("name", "config", "stated"), [("llava", llava, 19_988_480), ("qwen2_5_vl", qwen, 11_897_344)])
@pytest.mark.parametrize("stage", ["names", "places"])
def test_the_published_adapters_have_the_papers_size(name, config, stated, stage):
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config())
    settings = yaml.safe_load((CONFIGS / f"vkel_{name}_{stage}_sft.yaml").read_text(encoding="utf-8"))
    modules = settings["lora_target_modules"]
    modules = modules[0] if len(modules) == 1 else modules  # as TRL reads a pattern
    adapted = get_peft_model(model, LoraConfig(r=settings["lora_r"], target_modules=modules))
    assert sum(param.numel() for param in adapted.parameters() if param.requires_grad) == stated
