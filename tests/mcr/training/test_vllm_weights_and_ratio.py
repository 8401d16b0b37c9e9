"""What vLLM is sent, and what its log-probabilities are set against, with a stand-in for the engine."""

import copy

import pytest

torch = pytest.importorskip("torch")
import numpy as np
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from PIL import Image
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from trl import GRPOConfig

from mcr.families import FAMILIES
from mcr.models.load import load_model, load_processor
from mcr.models.vision_tokens import NEVER_SAMPLED, vision_token_ids
from mcr.rollouts.vllm.merged_weights import iter_merged_params
from mcr.shared_prefix.truncation import Truncation, log_truncation_mass, read_truncation, truncate
from mcr.training.grpo import CvoTrainer

LORA = LoraConfig(r=4, lora_alpha=8, target_modules=r".*language_model.*\.(q_proj|v_proj|down_proj)", init_lora_weights=False)


@pytest.mark.parametrize(
    "cut", [Truncation(), Truncation(1.5, 20), Truncation(0.7, 0, 0.9), Truncation(1.5, 200, 0.95), Truncation(1, 3, 0.5)]
)
def test_truncation_equals_the_warpers_of_transformers(cut):
    torch.manual_seed(0)
    logits = torch.randn(40, 500) * 3
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(cut.temperature))])
    if cut.top_k:
        warpers.append(TopKLogitsWarper(cut.top_k))
    if cut.top_p < 1:
        warpers.append(TopPLogitsWarper(cut.top_p))
    expected = warpers(None, logits.clone())
    got = truncate(logits, cut)
    assert torch.equal(got.isinf(), expected.isinf())
    assert torch.allclose(got.softmax(-1), expected.softmax(-1), atol=1e-6)


def test_truncation_mass_by_hand():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for cut, mass in (
        (Truncation(), 1.0),
        (Truncation(top_k=3), 0.95),
        (Truncation(top_p=0.6), 0.8),
        (Truncation(forbidden=(0,)), 0.5),
        (Truncation(top_k=2, forbidden=(0,)), 0.45),
        (Truncation(top_k=99), 1.0),
    ):
        assert float(log_truncation_mass(logits, cut).exp()) == pytest.approx(mass, abs=1e-6)
    assert read_truncation(1.5, None, 0.95, ["7", 3]) == Truncation(1.5, 0, 0.95, (3, 7))
    assert read_truncation(1.0, -1, 1.0, []) == Truncation()


def test_a_hundred_synchronisations_in_bfloat16_leave_the_base_as_it_is(sandbox_qwen3):
    torch.manual_seed(0)
    model = get_peft_model(load_model(str(sandbox_qwen3 / "start")).to(torch.bfloat16), copy.deepcopy(LORA))
    before = {name: param.clone() for name, param in model.named_parameters()}
    plain = {name for name, _ in load_model(str(sandbox_qwen3 / "start")).named_parameters()}
    for _ in range(100):
        sent = dict(iter_merged_params(model))
    assert set(sent) == plain
    assert all(torch.equal(param, before[name]) for name, param in model.named_parameters())
    for name, module in model.named_modules():
        if not hasattr(module, "lora_A"):
            continue
        delta = module.lora_B["default"].weight.float() @ module.lora_A["default"].weight.float() * module.scaling["default"]
        weight = sent[name.removeprefix("base_model.model.") + ".weight"]
        expected = module.get_base_layer().weight.float() + delta
        assert weight.data_ptr() != module.get_base_layer().weight.data_ptr()
        assert (weight.float() - expected).abs().max() <= 2**-7 * expected.abs().max()
        assert (weight.float() - module.get_base_layer().weight.float()).abs().max() > 0


class FakeEngine:
    """Samples as vLLM does, from the trainer's own model, and gives the log-probabilities of the truncated distribution."""

    def __init__(self, trainer, cut, num_tokens):
        self.trainer, self.cut, self.num_tokens = trainer, cut, num_tokens

    def sync_weights(self):
        pass

    @torch.no_grad()
    def generate(self, prompts, images, num_generations, profiler):
        processor, model = self.trainer.processing_class, self.trainer.model
        pad = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        completions, logprobs = [], []
        for prompt, pictures in zip(prompts, images, strict=True):
            vision = processor.image_processor(images=pictures, return_tensors="pt")
            size = int(vision["image_grid_thw"].prod()) // processor.image_processor.merge_size**2
            ids = torch.tensor([[token for t in prompt for token in ([pad] * size if t == pad else [t])]])
            chosen = []
            for _ in range(self.num_tokens):
                logits = model(input_ids=ids, mm_token_type_ids=(ids == pad).long(), **vision).logits[0, -1]
                distribution = truncate(logits, self.cut).log_softmax(-1)
                token = torch.multinomial(distribution.exp(), 1)
                chosen.append((int(token), float(distribution[token])))
                ids = torch.cat([ids, token[None]], dim=1)
            completions.append([token for token, _ in chosen])
            logprobs.append([[value] for _, value in chosen])
        return None, completions, logprobs, None


def length_reward(completions, **_):
    return [float(len(completion[0]["content"])) for completion in completions]


def make_trainer(sandbox, out, shared_prefix):
    path = str(sandbox / "start")
    processor, model = load_processor(path), load_model(path)
    forbidden = vision_token_ids(processor, FAMILIES["qwen3_vl"], model.config)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8))
    rows = Dataset.from_dict(
        {"prompt": [[{"role": "user", "content": f"name {i}"}] for i in range(4)], "images": [[picture]] * 4}
    )
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        per_device_train_batch_size=16,
        num_generations=4,
        max_completion_length=6,
        temperature=1.5,
        top_k=200,
        top_p=0.95,
        max_steps=1,
        generation_kwargs={"logit_bias": dict.fromkeys(forbidden, NEVER_SAMPLED)},
    )
    torch.manual_seed(0)
    trainer = CvoTrainer(
        model=model,
        reward_funcs=[length_reward],
        args=config,
        train_dataset=rows,
        processing_class=processor,
        shared_prefix=shared_prefix,
    )
    # The engine is put in after construction: TRL would start a real one.
    trainer.use_vllm, trainer.vllm_mode = True, "colocate"
    trainer.vllm_importance_sampling_correction, trainer.vllm_importance_sampling_mode = True, "token_truncate"
    trainer.vllm_importance_sampling_clip_min, trainer.vllm_importance_sampling_clip_max = None, 3.0
    trainer._last_loaded_step = -1
    cut = read_truncation(1.5, 200, 0.95, forbidden)
    trainer.vllm_generation = FakeEngine(trainer, cut, 6)
    trainer.model.train()
    return trainer


def test_on_policy_ratio_is_one_at_the_papers_sampling_settings(sandbox_qwen3, tmp_path):
    outputs = {}
    for name in ("on", "off"):
        trainer = make_trainer(sandbox_qwen3, tmp_path / name, name)
        outputs[name] = trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
    mask = outputs["on"]["completion_mask"].bool()
    assert torch.equal(outputs["on"]["completion_ids"], outputs["off"]["completion_ids"])
    ours, trls = (outputs[name]["importance_sampling_ratio"][mask] for name in ("on", "off"))
    assert ours.mean() == pytest.approx(1, abs=0.01)
    assert trls.mean() < 0.98  # 0.968 where this was written: the base model is sure of most tokens
    whole = [outputs[name]["old_per_token_logps"][mask] for name in ("on", "off")]
    assert torch.allclose(*whole, atol=1e-4)


def test_without_the_correction_the_gradient_is_equation_12s_and_vllms_probabilities_have_no_part_in_it(sandbox_qwen3, tmp_path):
    trainer = make_trainer(sandbox_qwen3, tmp_path, "on")
    trainer.vllm_importance_sampling_correction, trainer.loss_type = False, "grpo"
    trainer.current_gradient_accumulation_steps = 1
    inputs = trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
    assert not {"importance_sampling_ratio", "old_per_token_logps"} & set(inputs)
    trainer._compute_loss(trainer.model, inputs).backward()
    got = torch.cat([weight.grad.flatten() for weight in trainer.model.parameters() if weight.grad is not None])
    trainer.model.zero_grad()
    mask = inputs["completion_mask"]
    rows = [torch.cat([inputs[f"prompt_{name}"], inputs[f"completion_{name}"]], 1) for name in ("ids", "mask")]
    images = {name: inputs[name] for name in ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")}
    logprobs = trainer._get_per_token_logps_and_entropies(trainer.model, *rows, mask.shape[1], **images)[0]
    # On-policy the ratio is 1, and the gradient of Eq. 12 that of A / |o| times the sum of log-probabilities.
    lengths = mask.sum(1)
    (-(inputs["advantages"] / lengths * (logprobs * mask).sum(1)).mean()).backward()
    expected = torch.cat([weight.grad.flatten() for weight in trainer.model.parameters() if weight.grad is not None])
    assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert expected.norm() > 0
