"""Every row is checked before a model is loaded: places of images, frames, sizes, and what the processor refuses."""

import json
import shutil

import pytest

pytest.importorskip("torch")
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mcr.errors import ConfigError, DataError
from mcr.models.image_rules import fits_processor
from mcr.models.load import load_processor
from mcr.prompts.settings import PromptSettings
from mcr.runs.config import parse_settings
from mcr.training.data import check_rows, read_rows
from recipes import evaluate, grpo, sft
from recipes import filter as filter_recipe


@pytest.fixture
def world(sandbox, tmp_path):
    for name in ("schemas", "data", "start"):
        shutil.copytree(sandbox / name, tmp_path / name)
    shutil.copyfile(sandbox / "schemas/mcr_prompt.json", tmp_path / "start/mcr_prompt.json")
    return tmp_path


def checked(world, **checks):
    checks = {"processor": load_processor(world / "start"), "frame": PromptSettings.load(world / "schemas").frame} | checks
    return check_rows(read_rows(world / "schemas/d1.parquet", needs_completion=True), world / "data", **checks)


def image_of(world, row=0):
    return pq.read_table(world / "schemas/d1.parquet")["images"][row].as_py()[0]


def test_a_set_as_it_was_written_is_fine(world):
    assert len(checked(world))


def test_what_a_processor_refuses_is_named_with_everything_else(world):
    """Too wide, broken, missing, another size: one list."""
    table = pq.read_table(world / "schemas/d1.parquet")
    wide, broken, missing, other = list(dict.fromkeys(images[0] for images in table["images"].to_pylist()))[:4]
    Image.new("RGB", (3000, 10)).save(world / "data" / wide)
    (world / "data" / broken).write_bytes(b"no image")
    (world / "data" / missing).unlink()
    Image.new("RGB", (40, 40)).save(world / "data" / other)
    with pytest.raises(DataError) as caught:
        checked(world)
    text = str(caught.value)
    assert f"{wide}: 3000x10 pixels, which the model's processor refuses (absolute aspect ratio" in text
    assert f"{broken}: cannot be read" in text
    assert f"{missing}: no such file" in text
    assert f"{other}: got 40x40 pixels as shown, expected" in text


def test_rows_need_as_many_places_as_images(world):
    table = pq.read_table(world / "schemas/d1.parquet")
    rows = table.to_pylist()
    rows[0]["images"] = [*rows[0]["images"], *rows[0]["images"]]
    rows[1]["images"] = []
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), world / "schemas/d1.parquet")
    with pytest.raises(DataError) as caught:
        checked(world)
    assert f"sample {rows[0]['sample_id']}: its prompt has 1 places for images and its row 2 images" in str(caught.value)
    assert f"sample {rows[1]['sample_id']}: its prompt has 1 places for images and its row 0 images" in str(caught.value)


def test_rows_in_another_frame_than_their_prompt_settings_are_refused(world):
    path = world / "schemas/mcr_prompt.json"
    row = json.loads(path.read_text())
    row["frame"]["kind"] = "norm1"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=r"its prompt settings ask for norm1 xyxy up to 1x1"):
        checked(world)


def test_a_turned_image_whose_size_stays_is_a_warning(world):
    path = world / "data" / image_of(world)
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif[0x0112] = 3
        picture.copy().save(path, exif=exif)
    with pytest.warns(UserWarning, match=r"EXIF orientation turns or mirrors 1 images in place"):
        checked(world)


@pytest.mark.parametrize("recipe", [sft, grpo, filter_recipe], ids=["sft", "grpo", "filter"])
def test_recipes_that_read_a_training_set_refuse_a_wide_image(world, recipe):
    Image.new("RGB", (10, 3000)).save(world / "data" / image_of(world))
    flags = ["--model_name_or_path", world / "start", "--train_set", world / "schemas/d1.parquet"]
    flags += ["--image_root", world / "data", "--output_dir", world / "out"]
    flags += [] if recipe is filter_recipe else ["--use_cpu", "true", "--bf16", "false"]
    with pytest.raises(DataError, match="10x3000 pixels, which the model's processor refuses"):
        recipe.prepare(parse_settings(recipe.SETTINGS, list(map(str, flags))))
    assert not (world / "out").exists()


def test_evaluation_and_held_out_samples_refuse_a_wide_image(world):
    first = json.loads((world / "data/test.jsonl").read_text().splitlines()[0])["images"][0]["path"]
    Image.new("RGB", (10, 3000)).save(world / "data" / first)
    flags = ["--gold", world / "data/test.jsonl", "--image_root", world / "data", "--model_name_or_path", world / "start"]
    with pytest.raises(DataError, match="10x3000 pixels, which the model's processor refuses"):
        evaluate.main([*map(str, flags), "--output_dir", str(world / "eval")])
    flags = ["--model_name_or_path", world / "start", "--train_set", world / "schemas/d1.parquet"]
    flags += ["--image_root", world / "data", "--output_dir", world / "out", "--use_cpu", "true", "--bf16", "false"]
    with pytest.raises(DataError, match="10x3000 pixels, which the model's processor refuses"):
        sft.prepare(parse_settings(sft.SETTINGS, [*map(str, flags), "--held_out", str(world / "data/test.jsonl")]))


def test_a_processor_without_a_count_of_patches_is_asked_itself():
    class Strict:
        def __call__(self, images, return_tensors):
            if min(images[0].size) < 4:
                raise ValueError("too small")

    class Processor:
        image_processor = Strict()

    find_fault = fits_processor(Processor())
    assert "3x9 pixels, which the model's processor refuses (too small)" in find_fault("a.png", (3, 9))
    assert find_fault("a.png", (4, 9)) == ""


def test_a_prompting_baseline_asks_for_golds_labels(world):
    from dataclasses import replace

    from mcr.io.samples import load_samples

    flags = ["--gold", "g", "--output_dir", "o", "--image_root", "i", "--model_name_or_path", "m", "--prompting", "cot"]
    arguments, generation, *_ = parse_settings(evaluate.SETTINGS, [*flags, "--family", "qwen3_vl"])
    samples = load_samples(world / "data/test.jsonl")

    def asked(samples, generation=generation):
        return evaluate.make_prompter("m", arguments, generation, samples).labels

    assert asked(samples).labels == ("PER", "LOC", "ORG", "OTHER")
    fine = [replace(sample, dataset="twitter-fmnerg", entities=()) for sample in samples]
    assert asked(fine).name == "twitter-fmnerg"
    menu = [replace(one, entities=tuple(replace(entity, type="soup") for entity in one.entities)) for one in samples]
    assert asked(menu).labels == ("soup",)
    assert asked(fine, replace(generation, labels="A,B")).labels == ("A", "B")


def test_vllm_is_not_given_an_adapter_that_it_would_not_have(world):
    flags = ["--model_name_or_path", world / "start", "--train_set", world / "schemas/d2.parquet", "--image_root"]
    flags += [world / "data", "--output_dir", world / "out", "--use_cpu", "true", "--bf16", "false", "--num_generations", 4]
    flags += ["--per_device_train_batch_size", 4, "--use_peft", "true", "--lora_target_modules", "q_proj"]
    for more in (["--lora_modules_to_save", "lm_head"], ["--lora_modules_to_save", "embed_tokens"], ["embed_tokens"], []):
        settings = parse_settings(grpo.SETTINGS, [*map(str, flags), *more])
        grpo.prepare(settings)  # transformers samples from the policy itself
        settings[2].use_vllm = True
        if not more:
            grpo.prepare(settings)
            continue
        with pytest.raises(ConfigError, match=r"(embed_tokens|lm_head) is tied to the other embedding, and vLLM"):
            grpo.prepare(settings)
