"""recipes/filter.py on a tiny model: statistics sampled once, rules and weights applied again, what it refuses."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
from recipe_flags import filter_flags, grpo_flags

from data_prep import write_schemas
from mcr.training.data import read_reward_record
from rewards import RewardOptions

pytestmark = pytest.mark.recipe


@pytest.fixture(scope="module")
def filtered(trained_qwen3, recipe, tmp_path_factory):
    """Statistics of that model, with a rule that keeps everything."""
    out = tmp_path_factory.mktemp("filtered")
    recipe("filter", *filter_flags(trained_qwen3, out))
    return out


def rows_of(out):
    return [json.loads(line) for line in (out / "statistics.jsonl").read_text().splitlines()]


@pytest.fixture
def copied(filtered, tmp_path):
    return shutil.copytree(filtered, tmp_path / "filter")


def test_every_prompt_is_sampled_once_and_kept_or_not(trained_qwen3, filtered):
    ids = pq.read_table(trained_qwen3 / "schemas/d2.parquet")["prompt_id"].to_pylist()
    assert len(set(ids)) == len(ids) > len({one.split("/")[0] for one in ids})
    assert sorted(row["id"] for row in rows_of(filtered)) == sorted(ids)
    assert all(len(row["rewards"]) == 4 and row["kept"] for row in rows_of(filtered))
    assert pq.read_table(filtered / "kept.parquet").num_rows == len(ids)
    assert (filtered / "mcr_prompt.json").read_bytes() == (trained_qwen3 / "schemas/mcr_prompt.json").read_bytes()
    assert (filtered / "histograms.png").read_bytes().startswith(b"\x89PNG")


def test_schemas_of_one_prompt_share_its_group(trained_qwen3, recipe, tmp_path):
    """With one instruction for all routes, the schemas of a sample have one prompt, which is sampled and kept once."""
    flags = [
        "--samples",
        str(trained_qwen3 / "data/train.jsonl"),
        "--family",
        "qwen3_vl",
        "--output_dir",
        str(tmp_path / "schemas"),
    ]
    flags += ["--styles", "steps_image_first,brief", "--detail", "brief", "--d2_share", "0.1", "--instruction", "common"]
    write_schemas.main(flags)
    rows = pq.read_table(tmp_path / "schemas/d2.parquet").to_pylist()
    ids = {row["sample_id"] for row in rows}
    done = recipe("filter", *filter_flags(trained_qwen3, tmp_path / "out", "--train_set", tmp_path / "schemas/d2.parquet"))
    assert f"{len(rows)} schemas have {len(ids)} different prompts; each is sampled once" in done.stdout
    assert len(rows) == 2 * len(ids)
    assert {row["id"] for row in rows_of(tmp_path / "out")} == ids
    assert pq.read_table(tmp_path / "out/kept.parquet").num_rows == len(ids)


def test_another_rule_and_other_weights_need_no_new_sampling(trained_qwen3, copied, recipe):
    before = (copied / "statistics-000.jsonl").read_bytes()
    recipe("filter", *filter_flags(trained_qwen3, copied, "--count_weight", 1, "--span_weight", 0))
    assert (copied / "statistics-000.jsonl").read_bytes() == before
    weights = {"count": 1.0, "span": 0.0, "type": 0.2, "entailment": 0.2, "grounding": 0.2}
    for row in rows_of(copied):
        totals = [sum(weights[part] * row["parts"][part][index] for part in weights) for index in range(4)]
        assert row["rewards"] == pytest.approx(totals)
    assert read_reward_record(copied / "kept.parquet") == RewardOptions(weights, formats="taught").to_dict()
    assert json.loads((copied / "summary.json").read_text())["rewards"]["weights"] == weights


@pytest.mark.parametrize(
    "flag",
    [("--temperature", 0.5), ("--count", "f1"), ("--sigma", 0.4), ("--normalization", "larger_count"), ("--formats", "all")],
)
def test_other_sampling_and_other_rules_of_rewards_are_not_mixed(trained_qwen3, copied, recipe, flag):
    other = recipe("filter", *filter_flags(trained_qwen3, copied, *flag), check=False)
    assert other.returncode
    assert "other settings" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_rule_that_keeps_nothing_says_which_threshold_to_change(trained_qwen3, copied, recipe):
    failed = recipe("filter", *filter_flags(trained_qwen3, copied, "--min_std", 0, "--min_max", 1), check=False)
    assert failed.returncode
    assert "error: filter: kept 0 of" in failed.stderr
    assert "Lower --min_max" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert sum(json.loads((copied / "summary.json").read_text())["reasons"].values()) == len(rows_of(copied))
    grpo = recipe("grpo", *grpo_flags(trained_qwen3, copied / "cvo", "--train_set", copied / "kept.parquet"), check=False)
    assert grpo.returncode
    assert "kept.parquet has no rows" in grpo.stderr
    assert "Traceback" not in grpo.stderr


def test_an_empty_d2_and_a_group_of_one_are_refused(trained_qwen3, recipe, tmp_path):
    table = pq.read_table(trained_qwen3 / "schemas/d2.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "d2.parquet")
    for name, flags in (("filter", filter_flags), ("grpo", grpo_flags)):
        failed = recipe(name, *flags(trained_qwen3, tmp_path / "out", "--train_set", tmp_path / "d2.parquet"), check=False)
        assert failed.returncode
        assert "d2.parquet has no rows" in failed.stderr
        assert "Traceback" not in failed.stderr
    one = recipe("filter", *filter_flags(trained_qwen3, tmp_path / "out", "--num_generations", 1), check=False)
    assert "error: num_generations: got 1, expected 2 or more" in one.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--count_weight", 0.3), "weights"),
        (("--sigma", 0.4), "sigma 0.5 there and 0.4 here"),
        (("--count", "f1"), "count stepwise there and f1 here"),
        (("--reward_weights", 1, 0, 0, 0, 0), "count_weight, span_weight"),
    ],
)
def test_cvo_takes_the_rewards_of_the_filter(trained_qwen3, filtered, recipe, tmp_path, flags, told):
    kept = ("--train_set", filtered / "kept.parquet")
    failed = recipe("grpo", *grpo_flags(trained_qwen3, tmp_path / "out", *kept, *flags), check=False)
    assert failed.returncode
    assert told in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "out").exists()


def test_cvo_trains_on_a_kept_set_with_the_same_rewards(trained_qwen3, filtered, recipe, tmp_path):
    recipe("grpo", *grpo_flags(trained_qwen3, tmp_path, "--train_set", filtered / "kept.parquet", "--max_steps", 1))
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["settings"]["RewardArguments"]["count"] == "stepwise"


def test_sampling_resumes_after_a_torn_row(trained_qwen3, filtered, recipe, tmp_path):
    torn = shutil.copytree(filtered, tmp_path / "torn")
    lines = (filtered / "statistics-000.jsonl").read_text().splitlines(keepends=True)
    (torn / "statistics-000.jsonl").write_text("".join(lines[:3]) + lines[3][:20])
    recipe("filter", *filter_flags(trained_qwen3, torn))
    assert {row["id"] for row in rows_of(torn)} == {row["id"] for row in rows_of(filtered)}
