"""Every recipe runs through tweets that hold the texts of control tokens, from samples to scores."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recipe_flags import evaluate_flags, filter_flags, grpo_flags, read_metrics, sft_flags
from test_processes import launch

from data_prep import write_schemas

FAMILY_FRAMES = {"qwen3_vl": (), "qwen2_5_vl": ("--factor", "32", "--min_pixels", "1024", "--max_pixels", "25600")}
TAGS = ("<|image_pad|>", "<|video_pad|>", "<|im_end|>", "<|vision_start|><|image_pad|><|vision_end|>", "<|endoftext|>", "<think>")


def family_of_sandbox(sandbox):
    return json.loads((sandbox / "start/config.json").read_text())["model_type"]


@pytest.fixture(scope="module")
def strangers(sandbox, recipe, tmp_path_factory):
    """The sandbox with a control token in every other tweet, in front, behind, and in the first entity's name; a trained model."""
    out = tmp_path_factory.mktemp("strangers")
    (out / "data").symlink_to(sandbox / "data")
    (out / "start").symlink_to(sandbox / "start")
    for split in ("train", "dev", "test"):
        rows = [json.loads(line) for line in (sandbox / f"data/{split}.jsonl").read_text().splitlines()]
        for number, row in enumerate(rows):
            if number % 2 == 0:
                tag_sample(row, TAGS[number // 2 % len(TAGS)])
        (out / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    family = family_of_sandbox(sandbox)
    flags = ["--samples", str(out / "train.jsonl"), "--output_dir", str(out / "schemas"), "--family", family]
    flags += [*FAMILY_FRAMES[family], "--styles", "steps_image_first,brief", "--answer_formats", "rows", "--detail", "brief"]
    write_schemas.main([*flags, "--d2_share", "0.2"])
    recipe("sft", *sft_flags(out, out / "mrsi", "--max_steps", 2))
    return out


def tag_sample(row, tag):
    """Put a tag before and behind the sentence; into the name of the first entity, too, where readers do not take it for an end."""
    if row["entities"] and tag not in ("<think>", "<|im_end|>", "<|endoftext|>"):
        name = row["entities"][0]["text"]
        row["entities"][0]["text"] = f"{name}{tag}"
        row["sentence"] = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda match: f"{match[0]}{tag}", row["sentence"], count=1)
    row["sentence"] = f"{tag} {row['sentence']} {tag}"


@pytest.mark.recipe
def test_schemas_with_control_tokens_are_written_and_hold_them(strangers):
    rows = pq.read_table(strangers / "schemas/d1.parquet").to_pylist()
    texts = [row["prompt"][0]["content"][-1]["text"] for row in rows]
    answers = [row["completion"][0]["content"] for row in rows]
    assert all(any(tag in text for text in texts) for tag in TAGS)
    assert any("<|image_pad|>" in answer for answer in answers)


@pytest.mark.recipe
def test_sft_makes_every_step_of_its_epoch(strangers, recipe, tmp_path):
    num_rows = pq.read_metadata(strangers / "schemas/d1.parquet").num_rows
    epoch = ("--num_train_epochs", 1, "--max_steps", -1, "--per_device_train_batch_size", 8)
    held_out = ("--held_out", strangers / "dev.jsonl", "--held_out_size", 4, "--held_out_tokens", 8)
    recipe("sft", *sft_flags(strangers, tmp_path, *epoch, *held_out))
    rows = read_metrics(tmp_path)
    assert max(row["step"] for row in rows) == -(-num_rows // 8)
    assert any("held_out/unreadable" in row for row in rows)


@pytest.mark.recipe
@pytest.mark.parametrize("shared_prefix", ["on", "off"])
def test_grpo_makes_every_step(strangers, recipe, tmp_path, shared_prefix):
    recipe("grpo", *grpo_flags(strangers, tmp_path, "--max_steps", 6, "--max_unreadable", 1, "--shared_prefix", shared_prefix))
    assert max(row["step"] for row in read_metrics(tmp_path)) == 6


@pytest.mark.recipe
def test_the_filter_samples_every_prompt(strangers, recipe, tmp_path):
    recipe("filter", *filter_flags(strangers, tmp_path))
    prompts = {row["prompt_id"] for row in pq.read_table(strangers / "schemas/d2.parquet").to_pylist()}
    assert {json.loads(line)["id"] for line in (tmp_path / "statistics.jsonl").read_text().splitlines()} == prompts


@pytest.mark.recipe
def test_evaluation_predicts_every_sample_with_and_without_demonstrations(strangers, recipe, tmp_path):
    gold = ("--gold", strangers / "test.jsonl")
    shown = ("--prompting", "cot_demonstrations", "--family", family_of_sandbox(strangers), "--num_demonstrations", 2)
    for name, more in (("plain", ()), ("shown", (*shown, "--train_samples", strangers / "train.jsonl"))):
        recipe("evaluate", *evaluate_flags(strangers, tmp_path / name, *gold, *more))
        assert len((tmp_path / name / "predictions-000.jsonl").read_text().splitlines()) == 7


@pytest.mark.recipe
def test_a_row_with_more_places_than_images_is_named(strangers, recipe, tmp_path):
    table = pq.read_table(strangers / "schemas/d1.parquet")
    rows = table.to_pylist()
    rows[3]["prompt"][0]["content"].insert(0, {"type": "image", "text": None})
    (tmp_path / "mcr_prompt.json").write_bytes((strangers / "schemas/mcr_prompt.json").read_bytes())
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "d1.parquet")
    epoch = ("--num_train_epochs", 1, "--max_steps", -1)
    done = recipe("sft", *sft_flags(strangers, tmp_path / "out", "--train_set", tmp_path / "d1.parquet", *epoch), check=False)
    assert done.returncode == 1
    message = done.stderr.partition("error: ")[2]
    assert f"{rows[3]['sample_id']}: " in message
    assert "Traceback" not in done.stderr


@pytest.mark.distributed
def test_two_processes_make_every_step(strangers, tmp_path):
    epoch = ("--num_train_epochs", 1, "--max_steps", -1, "--use_muon", "false", "--per_device_train_batch_size", 4)
    launch("sft", "several_gpus", sft_flags(strangers, tmp_path, *epoch))
    num_rows = pq.read_metadata(strangers / "schemas/d1.parquet").num_rows
    assert max(row["step"] for row in read_metrics(tmp_path)) == -(-num_rows // 8)
