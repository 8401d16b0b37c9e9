"""CvoTrainer with the shared prefix against TRL's own trainer on the same batch."""

import copy

import pytest

torch = pytest.importorskip("torch")
import numpy as np
from datasets import Dataset
from group_rows import LORA, C, G, assert_close, gradients, picture
from trl import GRPOConfig

from mcr.errors import ConfigError, McrError
from mcr.models.load import load_model, load_processor
from mcr.shared_prefix.logprobs import group_logprobs
from mcr.shared_prefix.support import why_unsupported
from mcr.training import grpo
from mcr.training.grpo import CvoTrainer
from mcr.training.grpo_checks import decide_shared_prefix


def length_reward(completions, **_):
    return [min(1.0, len(completion[0]["content"]) / 40) for completion in completions]


def make_trainer(sandbox, out, shared_prefix, **settings):
    """A real trainer over eight prompts; the same model for the same arguments."""
    path = str(sandbox / "start")
    prompts = [[{"role": "user", "content": f"where is name {i} " + "and more " * (i % 3)}] for i in range(8)]
    rows = Dataset.from_dict({"prompt": prompts, "images": [[picture(i)] for i in range(8)]})
    lora = settings.pop("lora", False)
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        gradient_checkpointing=False,
        report_to="none",
        num_generations=G,
        max_completion_length=C,
        logging_steps=1,
        save_strategy="no",
        seed=3,
        **{
            "per_device_train_batch_size": 2 * G,
            "learning_rate": 1e-3,
            "max_steps": 2,
            "loss_type": "grpo",
            "bf16": False,
            **settings,
        },
    )
    torch.manual_seed(2)
    return CvoTrainer(
        model=load_model(path),
        reward_funcs=[length_reward],
        args=config,
        train_dataset=rows,
        processing_class=load_processor(path),
        peft_config=copy.deepcopy(LORA) if lora else None,
        shared_prefix=shared_prefix,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta": 0.04},
        {"beta": 0.04, "lora": True},
        {"num_iterations": 2, "loss_type": "dapo"},
        {"mask_truncated_completions": True},
    ],
    ids=["full", "kl", "lora and kl", "two iterations", "cut ones masked"],
)
def test_loss_and_gradients_equal_trls_path_on_the_same_batch(sandbox_qwen3, tmp_path, settings):
    shared, plain = (make_trainer(sandbox_qwen3, tmp_path / name, name, **settings) for name in ("on", "off"))
    plain.model.load_state_dict(shared.model.state_dict())
    if plain.ref_model is not None:
        plain.ref_model.load_state_dict(shared.ref_model.state_dict())
    assert shared.shares_prefix
    assert not plain.shares_prefix
    batch = next(iter(shared.get_train_dataloader()))
    for trainer in (shared, plain):
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = 1
    inputs = shared._generate_and_score_completions(batch)
    assert ("ref_per_token_logps" in inputs) == ("beta" in settings)
    losses, found = [], []
    for trainer in (shared, plain):
        loss = trainer._compute_loss(trainer.model, inputs)
        loss.backward()
        losses.append(loss.item())
        found.append(gradients(trainer.model))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5, abs=1e-7)
    assert set(found[0]) == set(found[1])
    for name, gradient in found[1].items():
        assert_close(found[0][name], gradient, relative=1e-4)


def move_policy(trainer):
    """Move the policy away from its reference: the whole model, or the adapter that the reference goes without."""
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.add_(0.02 * torch.randn_like(weight))


def sampled_batch(trainer):
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))


def slow_loss(inputs, logprobs, *, beta, is_kl_corrected=False):
    """MCR Eq. 12 token by token, clipped at 0.15 and 0.25, less beta times the k3 estimate of the KL divergence."""
    total = 0.0
    for i in range(len(logprobs)):
        tokens = []
        for t in range(int(inputs["completion_mask"][i].sum())):
            ratio = float((logprobs[i, t] - inputs["old_per_token_logps"][i, t]).exp())
            advantage = float(inputs["advantages"][i])
            clipped = min(max(ratio, 1 - 0.15), 1 + 0.25)
            log_ref = float(inputs["ref_per_token_logps"][i, t] - logprobs[i, t])
            kl = np.exp(log_ref) - log_ref - 1
            tokens.append(min(ratio * advantage, clipped * advantage) - beta * kl * (ratio if is_kl_corrected else 1))
        total -= sum(tokens) / len(tokens)
    return total / len(logprobs)


@pytest.mark.parametrize("is_kl_corrected", [False, True], ids=["plain KL", "corrected KL"])
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("shared_prefix", ["on", "off"])
def test_loss_equals_a_slow_loop_over_equation_12(sandbox_qwen3, tmp_path, shared_prefix, lora, is_kl_corrected):
    settings = {"beta": 0.5, "num_iterations": 2, "epsilon": 0.15, "epsilon_high": 0.25, "lora": lora}
    trainer = make_trainer(sandbox_qwen3, tmp_path, shared_prefix, use_bias_correction_kl=is_kl_corrected, **settings)
    move_policy(trainer)
    inputs = sampled_batch(trainer)
    inputs["old_per_token_logps"] = inputs["old_per_token_logps"] + 0.3 * torch.randn_like(inputs["old_per_token_logps"])
    rows = {name: torch.cat([inputs[f"prompt_{name}"], inputs[f"completion_{name}"]], 1) for name in ("ids", "mask")}
    num_tokens = inputs["completion_ids"].shape[1]
    images = {name: inputs[name] for name in ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")}
    trainer.model.eval()  # no dropout of the adapter's between the two forwards
    with torch.no_grad():
        loss = trainer._compute_loss(trainer.model, inputs).item()
        logprobs = trainer._get_per_token_logps_and_entropies(trainer.model, rows["ids"], rows["mask"], num_tokens, **images)[0]
    assert loss == pytest.approx(slow_loss(inputs, logprobs, beta=0.5, is_kl_corrected=is_kl_corrected), rel=1e-5)
    # Neither leaving the KL term out nor the other estimate gives this loss.
    assert loss != pytest.approx(slow_loss(inputs, logprobs, beta=0.0), rel=1e-2)
    assert loss != pytest.approx(slow_loss(inputs, logprobs, beta=0.5, is_kl_corrected=not is_kl_corrected), rel=1e-3)


def test_on_policy_the_corrected_kl_differs_in_its_gradient_alone(sandbox_qwen3, tmp_path):
    losses, found = [], []
    for is_corrected in (False, True):
        trainer = make_trainer(sandbox_qwen3, tmp_path, "on", beta=0.5, use_bias_correction_kl=is_corrected)
        move_policy(trainer)
        loss = trainer._compute_loss(trainer.model, sampled_batch(trainer))
        loss.backward()
        losses.append(loss.item())
        found.append(torch.cat([gradient.flatten() for gradient in gradients(trainer.model).values()]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert (found[0] - found[1]).norm() > 0.01 * found[0].norm()


def test_a_run_gives_the_same_losses_as_trls_path(sandbox_qwen3, tmp_path, monkeypatch):
    """One micro-batch a step, so that no shuffling of rows comes between."""
    histories = []
    for name in ("on", "off"):
        trainer = make_trainer(sandbox_qwen3, tmp_path / name, name, temperature=1.0, top_k=0)
        trainer.train()
        histories.append([row["loss"] for row in trainer.state.log_history if "loss" in row])
    assert len(histories[0]) == 2
    # Losses near 0 are sums of advantages that cancel: what is left is rounding, 2e-6 where this was written.
    assert histories[0] == pytest.approx(histories[1], abs=1e-5)


def test_several_micro_batches_hold_whole_groups(sandbox_qwen3, tmp_path):
    trainer = make_trainer(sandbox_qwen3, tmp_path, "on", per_device_train_batch_size=G, gradient_accumulation_steps=2)
    seen = []
    forward = trainer._compute_loss
    trainer._compute_loss = lambda model, inputs: seen.append(inputs["prompt_ids"]) or forward(model, inputs)
    trainer.train()
    assert len(seen) == 4
    assert all((prompts == prompts[0]).all() for prompts in seen)


def test_the_first_batch_is_checked(sandbox_qwen3, tmp_path, monkeypatch):
    def wrong(*args, **settings):
        logprobs, entropies = group_logprobs(*args, **settings)
        return logprobs + 0.1, entropies

    monkeypatch.setattr(grpo, "group_logprobs", wrong)
    with pytest.raises(McrError, match=r"differ from TRL's by 1\.00e-01"):
        make_trainer(sandbox_qwen3, tmp_path, "on").train()


def test_batches_that_cut_groups_and_unknown_models_are_told(sandbox_qwen3, tmp_path):
    with pytest.raises(ConfigError, match="set it to 4 or 8"):
        make_trainer(sandbox_qwen3, tmp_path, "on", per_device_train_batch_size=6, gradient_accumulation_steps=2)
    with pytest.warns(UserWarning, match="does not hold whole groups"):
        trainer = make_trainer(sandbox_qwen3, tmp_path, "auto", per_device_train_batch_size=6, gradient_accumulation_steps=2)
    assert not trainer.shares_prefix
    with pytest.raises(ConfigError, match="expected one of"):
        decide_shared_prefix("yes", trainer.model, trainer.args, G)
    trainer.model.config.model_type = "llava"
    assert "llava" in why_unsupported(trainer.model)


def test_bfloat16_autocast_over_float32_weights_is_within_its_rounding(sandbox_qwen3, tmp_path):
    trainer = make_trainer(sandbox_qwen3, tmp_path, "on", bf16=True, max_steps=1)
    trainer.train()
    assert trainer.checked_models
