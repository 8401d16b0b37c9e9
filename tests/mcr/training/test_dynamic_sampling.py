import pytest

torch = pytest.importorskip("torch")
import numpy as np
from datasets import Dataset
from PIL import Image
from trl import GRPOConfig

from mcr.errors import ConfigError
from mcr.models.load import load_model, load_processor
from mcr.training.dynamic_sampling import flat_groups, fresh_rows, replace_groups
from mcr.training.grpo import CvoTrainer


def batch(rows, prompt_len, completion_len, start):
    ids = torch.arange(start, start + rows)[:, None]
    return {
        "prompt_ids": ids.repeat(1, prompt_len),
        "prompt_mask": torch.ones(rows, prompt_len).long(),
        "completion_ids": ids.repeat(1, completion_len),
        "completion_mask": torch.ones(rows, completion_len).long(),
        "old_per_token_logps": -ids.repeat(1, completion_len).float(),
        "importance_sampling_ratio": ids.repeat(1, completion_len).float(),
        "mm_token_type_ids": torch.cat([torch.ones(rows, prompt_len), torch.zeros(rows, completion_len)], 1).long(),
        "advantages": ids[:, 0].float(),
        "pixel_values": [torch.full((2, 1), float(value)) for value in ids[:, 0]],
        "num_images": [1] * rows,
        "num_items_in_batch": torch.tensor(7),
    }


def test_a_group_is_replaced_row_by_row_and_padded_on_the_right_sides():
    got = replace_groups(batch(4, 2, 3, 10), batch(4, 3, 2, 20), [(1, 0)], 2, pad_id=99)
    assert got["prompt_ids"].tolist() == [[99, 10, 10], [99, 11, 11], [20, 20, 20], [21, 21, 21]]
    assert got["prompt_mask"].tolist() == [[0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert got["completion_ids"].tolist() == [[10] * 3, [11] * 3, [20, 20, 99], [21, 21, 99]]
    assert got["completion_mask"].tolist() == [[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 0]]
    assert got["old_per_token_logps"][2].tolist() == [-20, -20, 0]
    assert got["importance_sampling_ratio"][2].tolist() == [20, 20, 1]
    assert got["mm_token_type_ids"].tolist() == [[0, 1, 1, 0, 0, 0]] * 2 + [[1, 1, 1, 0, 0, 0]] * 2
    assert got["advantages"].tolist() == [10, 11, 20, 21]
    assert [int(pixels[0]) for pixels in got["pixel_values"]] == [10, 11, 20, 21]
    assert got["num_images"] == [1, 1, 1, 1]


@pytest.mark.parametrize("size", [4, 6, 7, 8, 12])
def test_equal_rewards_are_flat_whatever_their_rounding(size):
    torch.manual_seed(0)
    rewards = torch.rand(200, 1).expand(-1, size)
    advantages = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
    assert flat_groups(advantages.flatten(), size) == list(range(200))
    spread = torch.tensor([1.0] + [0.0] * (size - 1))
    assert flat_groups((spread - spread.mean()) / spread.std(), size) == []


def test_text_alone_and_images_can_be_mixed():
    text = {
        name: value
        for name, value in batch(2, 2, 3, 20).items()
        if name not in ("pixel_values", "num_images", "mm_token_type_ids")
    }
    for first, second, counts in ((batch(2, 2, 3, 10), text, [0, 0]), (text, batch(2, 2, 3, 10), [1, 1])):
        got = replace_groups(first, second, [(0, 0)], 2, pad_id=0)
        assert got["num_images"] == counts
        assert [len(pixels) for pixels in got["pixel_values"]] == [2 * count for count in counts]
        assert got["mm_token_type_ids"].shape == (2, 5)


def test_nothing_is_replaced_without_pairs():
    got = replace_groups(batch(2, 2, 3, 10), batch(2, 2, 3, 20), [], 2, pad_id=0)
    assert got["prompt_ids"].tolist() == batch(2, 2, 3, 10)["prompt_ids"].tolist()


def test_fresh_rows_follow_from_the_seed_and_come_in_groups():
    rows = [{"prompt": str(index)} for index in range(50)]
    drawn = fresh_rows(rows, 3, 2, "a")
    assert drawn == fresh_rows(rows, 3, 2, "a") != fresh_rows(rows, 3, 2, "b")
    assert [row["prompt"] for row in drawn[::2]] == [row["prompt"] for row in drawn[1::2]]
    with pytest.raises(ConfigError, match="streamed"):
        fresh_rows(iter(rows), 1, 2, "a")


def spread_for_even_names(prompts, completions, **_):
    """No spread for odd names."""
    numbers = [int(prompt[-1]["content"][-1]["text"].split()[-1]) for prompt in prompts]
    return [float(index % 4) if number % 2 == 0 else 0.5 for index, number in enumerate(numbers)]


def make_trainer(sandbox, out, rounds, batch_size=8):
    path = str(sandbox / "start")
    picture = Image.fromarray(np.zeros((96, 96, 3), dtype=np.uint8))
    names = [f"name {i if i >= 8 else 2 * i + 1}" for i in range(40)]
    rows = Dataset.from_dict({"prompt": [[{"role": "user", "content": n}] for n in names], "images": [[picture]] * len(names)})
    config = GRPOConfig(
        output_dir=str(out),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=1 if batch_size % 4 == 0 else 2,
        num_generations=4,
        max_completion_length=5,
        logging_steps=1,
        save_strategy="no",
        max_steps=2,
        beta=0.01,
    )
    return CvoTrainer(
        model=load_model(path),
        reward_funcs=[spread_for_even_names],
        args=config,
        train_dataset=rows,
        processing_class=load_processor(path),
        dynamic_sampling_rounds=rounds,
    )


def test_groups_without_spread_are_replaced_within_the_rounds(sandbox_qwen3, tmp_path):
    trainer = make_trainer(sandbox_qwen3, tmp_path, 6)
    trainer.model.train()
    rows = [row for index in (0, 1) for row in [trainer.train_dataset[index]] * 4]
    without = trainer._sample_and_score(rows)
    assert flat_groups(without["advantages"], 4) == [0, 1]
    output = trainer._generate_and_score_completions(rows)
    assert flat_groups(output["advantages"], 4) == []
    assert sum(trainer._metrics["train"]["dynamic_sampling/replaced"]) == 2
    assert output["num_items_in_batch"] == output["completion_mask"].sum()
    trainer.current_gradient_accumulation_steps = 1
    assert torch.isfinite(trainer._compute_loss(trainer.model, output))


def test_a_run_counts_what_was_replaced(sandbox_qwen3, tmp_path):
    trainer = make_trainer(sandbox_qwen3, tmp_path, 2)
    trainer.train()
    logs = [row for row in trainer.state.log_history if "reward" in row]
    assert len(logs) == 2
    assert any("dynamic_sampling/replaced" in row for row in logs)


def test_groups_spread_over_processes_cannot_be_replaced(sandbox_qwen3, tmp_path):
    with pytest.raises(ConfigError, match="dynamic_sampling_rounds: got -1"):
        make_trainer(sandbox_qwen3, tmp_path, -1)
