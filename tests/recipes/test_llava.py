"""The second kind of tiny model, a LLaVA, goes through fine-tuning, filtering, GRPO and evaluation."""

import json
import math

from recipe_flags import KEEP_ALL, evaluate_flags, filter_flags, grpo_flags, read_metrics, sft_flags


def test_a_llava_is_fine_tuned_filtered_for_rewarded_and_scored(sandbox_llava, recipe, tmp_path):
    mrsi = sandbox_llava / "mrsi"
    recipe("sft", *sft_flags(sandbox_llava, mrsi, "--max_steps", 4))
    losses = [row["loss"] for row in read_metrics(mrsi) if "loss" in row]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    recipe("filter", *filter_flags(sandbox_llava, tmp_path / "filter", *KEEP_ALL))
    assert (tmp_path / "filter/kept.parquet").is_file()
    recipe("grpo", *grpo_flags(sandbox_llava, tmp_path / "cvo"))
    rewards = [row["reward"] for row in read_metrics(tmp_path / "cvo") if "reward" in row]
    assert len(rewards) == 2
    assert all(map(math.isfinite, rewards))
    recipe("evaluate", *evaluate_flags(sandbox_llava, tmp_path / "eval"))
    assert json.loads((tmp_path / "eval/metrics.json").read_text())["num_samples"] == 7
