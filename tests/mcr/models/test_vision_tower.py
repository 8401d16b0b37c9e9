"""A frozen vision tower keeps nothing for a backward pass; a forward of text alone can run the tower without changing the loss."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from PIL import Image
from tiny_families import TEXTS, TINY_FAMILIES
from trl import GRPOConfig, SFTConfig

from mcr.families import family_named
from mcr.models.plain_text import read_as_text
from mcr.models.tiny import FAMILIES, TinySize, build_model, build_processor, build_tokenizer
from mcr.models.vision_tower import AlwaysRunVision, keep_frozen_vision_out_of_backward
from mcr.training.data import mixes_images
from mcr.training.grpo import CvoTrainer
from mcr.training.sft import MrsiTrainer

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
ADAPTER = LoraConfig(r=2, target_modules=r".*(language|text)_model.*\.(q_proj|v_proj)", init_lora_weights=False)
SHARING = [name for name in FAMILIES if family_named(name).shares_prefix]
CHECKPOINTING = [None, False, True]  # use_reentrant; None: no checkpointing


def make(family):
    torch.manual_seed(0)
    if family not in FAMILIES:
        made = TINY_FAMILIES[family]()
        return made.model, read_as_text(made.processor)
    tokenizer = build_tokenizer(TEXTS, 330)
    size = TinySize(layers=2)
    return build_model(tokenizer, family, size, 0), read_as_text(build_processor(tokenizer, family, size))


def prompt(*, has_image=True):
    images = [{"type": "image"}] if has_image else []
    return [{"role": "user", "content": [*images, {"type": "text", "text": "Text: Ann sings"}]}]


def inputs_of(processor, *, has_image=True):
    text = processor.apply_chat_template(prompt(has_image=has_image), add_generation_prompt=True)
    return processor(text=[text], images=[PICTURE] if has_image else None, return_tensors="pt")


def count_backward(tower):
    """Return a list that grows by one whenever a block of a vision tower runs backward."""
    seen = []
    blocks = next(module for module in tower.modules() if isinstance(module, torch.nn.ModuleList) and len(module) > 1)
    for block in blocks:
        block.register_full_backward_hook(lambda *_: seen.append(1))
    return seen


def outputs_of(module):
    """Return a list of what a module returns from now on."""
    outputs = []
    module.register_forward_hook(lambda module, args, output: outputs.append(output))
    return outputs


def order_of_modules(model):
    """Return a list of the modules with weights of their own, as they run from now on."""
    order = []
    for name, module in model.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            module.register_forward_pre_hook(lambda *_, name=name: order.append(name))
    return order


def trained(family, out, trainer_class, *, use_reentrant, adapter=ADAPTER, **more):
    """Train one step; return the trainer, the blocks that ran backward and the weights that were trained."""
    model, processor = make(family)
    settings = {
        "output_dir": str(out),
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "remove_unused_columns": False,
        "max_steps": 1,
        "logging_steps": 1,
        "gradient_checkpointing": use_reentrant is not None,
        "gradient_checkpointing_kwargs": None if use_reentrant is None else {"use_reentrant": use_reentrant},
    }
    answer = [[{"role": "assistant", "content": "Ann | PER | None"}]]
    rows = {"sample_id": ["a", "b"], "prompt": [prompt()] * 2, "images": [[PICTURE]] * 2}
    if trainer_class is MrsiTrainer:
        config = SFTConfig(**settings, max_length=None, per_device_train_batch_size=2)
        rows, extra = {**rows, "completion": answer * 2}, {}
    else:
        config = GRPOConfig(**settings, per_device_train_batch_size=4, num_generations=4, max_completion_length=4)
        extra = {"reward_funcs": [lambda completion_ids, **_: [float(sum(ids) % 7) for ids in completion_ids]], **more}
    torch.manual_seed(0)
    trainer = trainer_class(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict(rows),
        processing_class=processor,
        peft_config=adapter,
        **extra,
    )
    inner = trainer.model.get_base_model() if adapter else trainer.model
    seen = count_backward(inner.base_model.get_encoder(modality="image"))
    trainer.train()
    weights = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    return trainer, len(seen), weights


@pytest.mark.parametrize("use_reentrant", CHECKPOINTING)
@pytest.mark.parametrize("family", SHARING)
@pytest.mark.parametrize("recipe", ["sft", "grpo", "grpo without shared prefix"])
def test_no_block_of_a_frozen_tower_runs_backward(recipe, family, use_reentrant, tmp_path):
    more = {"shared_prefix": "off" if "without" in recipe else "on"}
    trainer_class = MrsiTrainer if recipe == "sft" else CvoTrainer
    trainer, num_backward, _ = trained(family, tmp_path, trainer_class, use_reentrant=use_reentrant, **more)
    assert num_backward == 0
    assert trainer.state.log_history[0]["grad_norm"] > 0


@pytest.mark.parametrize("family", [*FAMILIES, *TINY_FAMILIES])
def test_the_output_of_a_frozen_tower_requires_no_gradient_and_the_gradients_are_the_same(family):
    gradients = []
    for is_kept_out in (False, True):
        model, processor = make(family)
        torch.manual_seed(1)
        adapted = get_peft_model(model, ADAPTER)
        model.enable_input_require_grads()
        if is_kept_out:
            keep_frozen_vision_out_of_backward(model)
        features = outputs_of(model.base_model.get_encoder(modality="image"))
        adapted(**inputs_of(processor)).logits.square().mean().backward()
        gradients.append({name: weight.grad for name, weight in adapted.named_parameters() if weight.grad is not None})
        if is_kept_out:
            assert not any(value.requires_grad for value in features[0].values() if isinstance(value, torch.Tensor))
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.equal(gradient, gradients[1][name]), name


@pytest.mark.parametrize("use_reentrant", CHECKPOINTING)
@pytest.mark.parametrize("family", SHARING)
def test_a_tower_that_trains_runs_backward_as_before(family, use_reentrant, tmp_path):
    if use_reentrant:
        pytest.skip("reentrant checkpoints need an input that requires gradients, which full fine-tuning of a tower has not")
    _, num_backward, weights = trained(family, tmp_path, MrsiTrainer, use_reentrant=use_reentrant, adapter=None)
    assert num_backward > 0
    assert any("visual" in name for name in weights)


def test_an_adapter_on_the_tower_trains(tmp_path):
    adapter = LoraConfig(r=2, target_modules=r".*visual.*\.(qkv|proj)", init_lora_weights=False)
    trainer, num_backward, _ = trained("qwen2_5_vl", tmp_path, MrsiTrainer, use_reentrant=False, adapter=adapter)
    assert num_backward > 0
    assert trainer.state.log_history[0]["grad_norm"] > 0


@pytest.mark.parametrize("family", [*FAMILIES, *TINY_FAMILIES])
def test_a_blank_image_changes_neither_loss_nor_gradients(family):
    results = []
    for has_blank in (False, True):
        model, processor = make(family)
        blank = AlwaysRunVision(model, processor) if has_blank else None
        logits = model(**inputs_of(processor, has_image=False)).logits
        logits.square().mean().backward()
        results.append((logits.detach(), {name: weight.grad for name, weight in model.named_parameters()}))
    assert blank.num_blank == 1
    assert torch.equal(results[0][0], results[1][0])
    for name, gradient in results[0][1].items():
        other = results[1][1][name]
        assert other is None or torch.equal(other, torch.zeros_like(other) if gradient is None else gradient), name


@pytest.mark.parametrize("family", [*FAMILIES, *TINY_FAMILIES])
def test_every_weight_has_a_gradient_that_has_one_with_an_image(family):
    """Which is what ZeRO reduces: the same weights on every process, in the same order of modules."""
    orders, weights = [], []
    for has_image in (True, False):
        model, processor = make(family)
        AlwaysRunVision(model, processor)
        order = order_of_modules(model)
        model(**inputs_of(processor, has_image=has_image)).logits.square().mean().backward()
        orders.append(order)
        weights.append({name for name, weight in model.named_parameters() if weight.grad is not None})
    assert weights[0] == weights[1]
    assert orders[0] == orders[1]


def test_generation_of_text_alone_runs_no_tower():
    model, processor = make("qwen3_vl")
    blank = AlwaysRunVision(model, processor)
    model.generate(**inputs_of(processor, has_image=False), max_new_tokens=3, do_sample=False)
    assert blank.num_blank == 0


@pytest.mark.parametrize(
    ("images", "expected"), [([["a.jpg"], []], True), ([["a.jpg"], ["b.jpg", "c.jpg"]], False), ([[], []], False)]
)
def test_a_set_is_mixed_where_some_rows_have_images_and_others_none(images, expected):
    assert mixes_images(Dataset.from_dict({"images": images})) is expected
