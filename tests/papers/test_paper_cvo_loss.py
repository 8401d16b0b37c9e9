"""CVO's loss and advantage through the trainer against MCR Eqs. 11 and 12, derived anew from the paper, on 2,000 random cases."""

import random

import paper_equations as paper
import pytest

torch = pytest.importorskip("torch")
from datasets import Dataset
from trl import GRPOConfig

from mcr.models.load import load_model, load_processor
from mcr.training.grpo import CvoTrainer

G, NUM_CASES, CLIP = 4, 2000, {"epsilon": 0.15, "epsilon_high": 0.25}


def make_trainer(sandbox, out):
    """A real trainer whose forward pass the tests replace by given log-probabilities."""
    path = str(sandbox / "start")
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        num_generations=G,
        per_device_train_batch_size=2 * G,
        max_completion_length=4,
        loss_type="grpo",
        beta=0.005,
        use_bias_correction_kl=False,
        **CLIP,
    )
    rows = Dataset.from_dict({"prompt": [[{"role": "user", "content": "who"}]] * 4, "reward": [0.0] * 4})
    return CvoTrainer(
        model=load_model(path),
        reward_funcs=[lambda completions, **_: [0.0] * len(completions)],
        args=config,
        train_dataset=rows,
        processing_class=load_processor(path),
        shared_prefix="off",
    )


@pytest.fixture(scope="module")
def trainer(sandbox_qwen3, tmp_path_factory):
    trainer = make_trainer(sandbox_qwen3, tmp_path_factory.mktemp("loss"))
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def random_case(rng):
    lengths = [rng.randint(1, 6) for _ in range(2 * G)]
    current = [[-rng.random() * 3 for _ in range(length)] for length in lengths]
    old = [[value + rng.gauss(0, 0.3) for value in row] for row in current]
    reference = [[value + rng.gauss(0, 0.5) for value in row] for row in current]
    return current, old, reference, [rng.gauss(0, 1) for _ in lengths]


def padded(rows):
    width = max(map(len, rows))
    return torch.tensor([row + [0.0] * (width - len(row)) for row in rows], dtype=torch.float64)


def test_the_loss_agrees_with_equation_12_and_its_kl(trainer, monkeypatch):
    rng, given = random.Random(12), {}
    monkeypatch.setattr(
        trainer,
        "_get_per_token_logps_and_entropies",
        lambda *_, **__: (given["current"], torch.zeros_like(given["current"]), None),
    )
    for _ in range(NUM_CASES):
        current, old, reference, advantages = random_case(rng)
        trainer.beta = rng.choice([0.0, 0.005, 0.5])
        mask = (padded([[1.0] * len(row) for row in current]) > 0).long()
        given["current"] = padded(current)
        inputs = {
            "prompt_ids": torch.ones(2 * G, 1, dtype=torch.long),
            "prompt_mask": torch.ones(2 * G, 1, dtype=torch.long),
            "completion_ids": torch.ones_like(mask),
            "completion_mask": mask,
            "advantages": torch.tensor(advantages, dtype=torch.float64),
            "old_per_token_logps": padded(old),
            "ref_per_token_logps": padded(reference),
            "num_items_in_batch": mask.sum(),
        }
        loss = trainer._compute_loss(trainer.model, inputs).item()
        clip = CLIP["epsilon"], CLIP["epsilon_high"]
        expected = paper.cvo_loss(current, old, reference, advantages, *clip, trainer.beta)
        assert loss == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_advantage_agrees_with_equation_11(trainer, monkeypatch):
    """Differs: TRL divides by the deviation plus 1e-4."""
    rng = random.Random(11)
    rewards = [rng.choice([0.0, 0.5, 1.0, rng.random()]) for _ in range(NUM_CASES * G)]
    answered = (
        [[1]] * len(rewards),
        [[1]] * len(rewards),
        None,
        [[{"role": "assistant", "content": "a"}]] * len(rewards),
        *[None] * 4,
    )
    monkeypatch.setattr(trainer, "beta", 0.0)
    monkeypatch.setattr(trainer, "_generate", lambda prompts: answered)
    monkeypatch.setattr(trainer, "_calculate_rewards", lambda *_: torch.tensor(rewards, dtype=torch.float64).unsqueeze(1))
    monkeypatch.setattr(trainer.args, "gradient_accumulation_steps", 1)
    rows = [{"prompt": [{"role": "user", "content": "who"}]}] * len(rewards)
    got = trainer._generate_and_score_completions(rows)["advantages"].tolist()
    for start in range(0, len(rewards), G):
        group = rewards[start : start + G]
        spread = torch.tensor(group, dtype=torch.float64).std().item()
        expected = [value * spread / (spread + 1e-4) for value in paper.advantages(group, ddof=1)]
        assert got[start : start + G] == pytest.approx(expected, abs=1e-5)
