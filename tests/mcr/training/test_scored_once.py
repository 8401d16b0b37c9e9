"""A completion is read once on its way through GRPO, and gold is never made JSON."""

import json

import pytest

torch = pytest.importorskip("torch")

import rewards.score
from mcr.models.load import load_model, load_processor
from mcr.training.data import load_training_set
from mcr.training.grpo import CvoTrainer
from mcr.training.trainer_configs import CvoConfig
from rewards.for_trl import weighted_rewards
from rewards.parts import PARTS

ANSWERS = ("<answer>\nnobody | PER | None\n</answer>", "<answer>None</answer>", "I do not know.", "<answer>\n|||\n</answer>")


@pytest.fixture(scope="module")
def trainer(sandbox_qwen3, tmp_path_factory):
    rewarded = weighted_rewards()
    path = str(sandbox_qwen3 / "start")
    config = CvoConfig(
        output_dir=str(tmp_path_factory.mktemp("grpo")),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=4,
        num_generations=4,
        beta=0.0,
        reward_weights=rewarded.weights,
    )
    return CvoTrainer(
        model=load_model(path),
        reward_funcs=rewarded.functions,
        scorer=rewarded.scorer,
        args=config,
        train_dataset=load_training_set(sandbox_qwen3 / "schemas/d2.parquet", sandbox_qwen3 / "data", needs_completion=False),
        processing_class=load_processor(path),
    )


def batch_of(trainer):
    """Rows of two prompts with a group each: answers of the row's own gold among those that are none."""
    rows = [trainer.train_dataset[index] for index in (0, 1)]
    names = ["\n".join(f"{entity['text']} | {entity['type']} | None" for entity in row["gold"]) for row in rows]
    texts = [[f"<answer>\n{right}\n</answer>", *ANSWERS[1:]] for right in names]
    inputs = [row for row in rows for _ in ANSWERS]
    completions = [[{"role": "assistant", "content": text}] for group in texts for text in group]
    return inputs, [row["prompt"] for row in inputs], completions, [[1]] * len(completions)


def count_calls(monkeypatch, owner, name):
    calls, real = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **settings: calls.append(args) or real(*args, **settings))
    return calls


def test_a_completion_is_parsed_once_and_gold_is_never_json(trainer, monkeypatch):
    batch = batch_of(trainer)
    parsed = count_calls(monkeypatch, rewards.score, "parse_completion")
    written, read = (count_calls(monkeypatch, json, name) for name in ("dumps", "loads"))
    values = trainer._calculate_rewards(*batch)
    assert [text for text, *_ in parsed] == [completion[0]["content"] for completion in batch[2]]
    assert (len(written), len(read)) == (0, 0)
    assert values.shape == (8, len(PARTS))
    assert values[0].sum() > values[1].sum()


def test_trls_own_way_gives_the_same_rewards(trainer, monkeypatch):
    batch = batch_of(trainer)
    values = trainer._calculate_rewards(*batch)
    monkeypatch.setattr(trainer, "scorer", None)
    written = count_calls(monkeypatch, json, "dumps")
    assert torch.equal(trainer._calculate_rewards(*batch), values)
    assert not written


def test_unreadable_completions_are_counted_from_the_same_scores(trainer):
    trainer._pending_metrics.clear()
    trainer._calculate_rewards(*batch_of(trainer))
    assert trainer._pending_metrics["completions/unreadable"] == [0.0, 0.0, 1.0, 1.0] * 2
