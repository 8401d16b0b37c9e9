"""A batch whose gradient is not a number leaves no trace in the weights; three in a row end the run. transformers' own Trainer."""

import json

import pytest

torch = pytest.importorskip("torch")
from transformers import Trainer, TrainingArguments

from mcr.errors import McrError
from mcr.training.callbacks.curves import MetricsFile
from mcr.training.callbacks.finite_steps import FiniteSteps


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.0, 1.0]))

    def forward(self, x, y):
        return {"loss": ((self.weight[0] + self.weight[1] * x - y) ** 2).mean()}


def train(out, bad_steps, **settings):
    rows = [{"x": float(i % 3), "y": float("nan") if i in bad_steps else 2.0 * (i % 3)} for i in range(12)]
    config = TrainingArguments(
        output_dir=str(out), use_cpu=True, report_to="none", per_device_train_batch_size=1, max_steps=12, logging_steps=1,
        learning_rate=0.1, save_strategy="no", train_sampling_strategy="sequential", **settings,
    )  # fmt: skip
    guard, model = FiniteSteps(out), Line()
    before = model.weight.detach().clone()
    trainer = Trainer(model, config, train_dataset=rows, callbacks=[guard, MetricsFile(out / "metrics.jsonl")])
    trainer.train()
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return guard, (model.weight - before).detach(), [row for row in rows if "grad_norm" in row]


@pytest.mark.parametrize("settings", [{}, {"max_grad_norm": 0.0}, {"gradient_accumulation_steps": 1, "optim": "sgd"}])
def test_bad_steps_are_left_out_counted_and_told(tmp_path, capsys, settings):
    guard, change, rows = train(tmp_path, {2, 3, 7}, **settings)
    assert guard.num_left_out == 3
    assert torch.isfinite(change).all()
    assert change.abs().sum() > 0
    assert [row.get("steps_left_out", 0) for row in rows] == [0, 0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3]
    assert "step 8: the gradient is not finite" in capsys.readouterr().out


def test_a_left_out_step_changes_nothing_at_all(tmp_path):
    (tmp_path / "a").mkdir()
    assert train(tmp_path / "a", {10, 11})[1].isfinite().all()
    with pytest.raises(McrError, match=r"step 3: the gradients of 3 steps in a row.*resumes from the start"):
        train(tmp_path, {0, 1, 2})


def test_a_norm_that_came_past_the_guard_stops_the_run(tmp_path):
    class Args:
        fp16 = False

    class State:
        global_step = 4

    with pytest.raises(McrError, match="step 4: grad_norm not a finite number"):
        FiniteSteps(tmp_path).on_log(Args, State, None, logs={"grad_norm": float("inf")})
