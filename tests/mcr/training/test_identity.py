"""A run folder holds one run: what differs is named, what changes no number may differ."""

import json
import shutil

import pytest

pytest.importorskip("torch")
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file

from mcr.errors import ConfigError
from mcr.labels import load_labels
from mcr.prompts.settings import PromptSettings
from mcr.runs.config import parse_settings
from mcr.runs.fingerprint import file_hash, weights_hash
from mcr.training.checkpoints.resume import COMPLETE_MARKER
from recipes import filter as filter_recipe
from recipes import grpo, sft


@pytest.fixture
def world(sandbox_qwen3, tmp_path):
    """A model, a training set and images of the test's own, to change."""
    for name in ("start", "schemas", "data"):
        shutil.copytree(sandbox_qwen3 / name, tmp_path / name)
    return tmp_path


def settings_for(world, recipe, **changes):
    flags = {
        "model_name_or_path": world / "start",
        "train_set": world / ("schemas/d1.parquet" if recipe is sft else "schemas/d2.parquet"),
        "image_root": world / "data",
        "output_dir": world / "out",
    }
    if recipe is not filter_recipe:
        flags |= {"use_cpu": True, "bf16": False, "max_steps": 4, "per_device_train_batch_size": 4, "learning_rate": 0.001}
    if recipe is not sft:
        flags |= {"num_generations": 4}
    words = [str(word) for name, value in (flags | changes).items() for word in (f"--{name}", value)]
    return parse_settings(recipe.SETTINGS, words)


def begin(world, recipe, step=4, **changes):
    """Leave what a run leaves that was stopped after a checkpoint."""
    ready = recipe.prepare(settings_for(world, recipe, **changes))
    checkpoint = world / f"out/checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / COMPLETE_MARKER).write_text(json.dumps({"step": step, "num_processes": 1}))
    ready.identity.save(world / "out")


def change_weights(world):
    weights = load_file(world / "start/model.safetensors")
    name = sorted(weights)[len(weights) // 2]
    weights[name] = weights[name] + 1e-3
    save_file(weights, world / "start/model.safetensors", {"format": "pt"})


def change_set(world):
    for name in ("d1", "d2"):
        table = pq.read_table(world / f"schemas/{name}.parquet")
        pq.write_table(table.slice(0, len(table) - 1), world / f"schemas/{name}.parquet")


def change_image(world):
    """Another picture of the same name and size."""
    from PIL import Image

    for path in (world / "data/images/train").iterdir():
        with Image.open(path) as picture:
            size = picture.size
        Image.effect_noise(size, 40).convert("RGB").save(path)


def change_labels(world):
    settings = PromptSettings.load(world / "schemas")
    from dataclasses import replace

    replace(settings, labels=load_labels("PER,LOC,ORG,OTHER,MISC")).save(world / "schemas")


@pytest.mark.parametrize("recipe", [sft, grpo], ids=["sft", "grpo"])
def test_the_same_run_and_what_changes_no_number_is_taken_up(world, recipe):
    begin(world, recipe)
    shutil.copytree(world / "start", world / "moved")
    for changes in (
        {},
        {"max_steps": 9},
        {"logging_steps": 3, "save_steps": 7, "dataloader_num_workers": 2, "report_to": "none"},
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "gradient_checkpointing": True},
        {"model_name_or_path": world / "moved"},
    ):
        assert recipe.prepare(settings_for(world, recipe, **changes)).identity.changes == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_rate": 0.5}, "learning_rate: 0.001 there, 0.5 here"),
        ({"seed": 3}, "seed: 0 there, 3 here|seed: 42 there, 3 here"),
        ({"max_steps": 2}, "max_steps: 4 there, 2 here"),
        ({"max_steps": -1}, "max_steps: 4 there, -1 here"),
        ({"per_device_train_batch_size": 8}, "rows_a_step: 4 there, 8 here"),
        ({"use_peft": True, "lora_target_modules": "q_proj"}, "use_peft: false there, true here"),
    ],
)
@pytest.mark.parametrize("recipe", [sft, grpo], ids=["sft", "grpo"])
def test_other_settings_are_refused_with_both_values_and_can_be_forced(world, recipe, changes, told):
    begin(world, recipe)
    with pytest.raises(ConfigError, match=f"a run up to step 4 that was made otherwise .*({told}).*--resume_with_changes"):
        recipe.prepare(settings_for(world, recipe, **changes))
    forced = recipe.prepare(settings_for(world, recipe, **changes, resume_with_changes=True))
    assert forced.identity.changes


@pytest.mark.parametrize(
    ("change", "told"),
    [(change_weights, "model_name_or_path"), (change_set, "train_set"), (change_image, "images"), (change_labels, "prompts")],
    ids=["weights", "set", "images", "prompts"],
)
@pytest.mark.parametrize("recipe", [sft, grpo], ids=["sft", "grpo"])
def test_other_data_and_weights_behind_the_same_names_are_refused(world, recipe, change, told):
    begin(world, recipe)
    change(world)
    with pytest.raises(ConfigError, match=rf'{told}: "\w+" there, "\w+" here'):
        recipe.prepare(settings_for(world, recipe))


@pytest.mark.parametrize(
    ("change", "told"),
    [(change_weights, "model_name_or_path"), (change_set, "train_set"), (change_image, "images"), (change_labels, "prompts")],
    ids=["weights", "set", "images", "prompts"],
)
def test_the_filters_statistics_are_of_one_model_set_and_prompt(world, change, told):
    settings = settings_for(world, filter_recipe)
    ready = filter_recipe.prepare(settings)
    (world / "out").mkdir()
    filter_recipe.check_fingerprint(
        world / "out" / filter_recipe.FINGERPRINT, filter_recipe.fingerprint_of(settings[0], ready), "statistics"
    )
    filter_recipe.prepare(settings)
    filter_recipe.prepare(settings_for(world, filter_recipe, max_median=0.7, count_weight=0.3))
    change(world)
    with pytest.raises(ConfigError, match=rf'holds statistics made with other settings \({told}: "\w+" there'):
        filter_recipe.prepare(settings)


def test_a_folder_that_says_nothing_of_its_run_is_refused_and_an_empty_one_is_not(world):
    (world / "out").mkdir()
    sft.prepare(settings_for(world, sft))
    (world / "out/model").mkdir()
    with pytest.raises(ConfigError, match=r"holds a model that was made otherwise \(it lacks training\.json"):
        sft.prepare(settings_for(world, sft))


def test_hashes_of_weights_see_every_part_of_them_and_an_adapters_base(world, tmp_path):
    before = weights_hash(world / "start")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(world / "start")}))
    adapter = weights_hash(tmp_path / "adapter")
    change_weights(world)
    assert weights_hash(world / "start") != before
    assert weights_hash(tmp_path / "adapter") != adapter
    assert weights_hash("acme/model") == "acme/model"


def test_a_large_file_is_hashed_by_its_ends_and_blocks_between(tmp_path, monkeypatch):
    from mcr.runs import fingerprint

    monkeypatch.setattr(fingerprint, "WHOLE_BYTES", 0)
    monkeypatch.setattr(fingerprint, "BLOCK_BYTES", 1000)
    content = bytearray(100_000)
    (tmp_path / "a").write_bytes(content)
    before = file_hash(tmp_path / "a")
    for place in (0, 50_000, 99_999):
        (tmp_path / "a").write_bytes(content[:place] + b"x" + content[place + 1 :])
        assert file_hash(tmp_path / "a") != before
