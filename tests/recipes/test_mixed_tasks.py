"""One training set of gmner, mner and vg samples, with one, two and four images, through sft, filter, grpo and evaluate."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
from recipe_flags import evaluate_flags, filter_flags, grpo_flags, read_metrics, sft_flags

from data_prep import write_schemas
from mcr.io.samples import load_samples, write_samples
from mcr.records import Entity

pytestmark = pytest.mark.recipe


def as_names(sample, num_images):
    """The same tweet without places, with as many images."""
    entities = tuple(Entity(entity.text, entity.type) for entity in sample.entities)
    return replace(sample, id=f"n{sample.id}", task="mner", entities=entities, images=sample.images * num_images, regions=())


def as_place(sample):
    """The first name alone, as a phrase to be found."""
    first = sample.entities[0]
    return replace(sample, id=f"v{sample.id}", task="vg", sentence=first.text, entities=(replace(first, type=""),))


def mixed(samples):
    named = [sample for sample in samples if sample.entities]
    return [one for i, sample in enumerate(named) for one in (sample, as_names(sample, (1, 2, 4)[i % 3]), as_place(sample))]


@pytest.fixture(scope="module")
def mix(tmp_path_factory, sandbox_qwen3, recipe):
    """A folder laid out like the sandbox's, with a model that has seen a few steps of the mix."""
    out = tmp_path_factory.mktemp("mix")
    (out / "data").symlink_to(sandbox_qwen3 / "data")
    (out / "start").symlink_to(sandbox_qwen3 / "start")
    for split in ("train", "test"):
        write_samples(out / f"{split}.jsonl", mixed(load_samples(sandbox_qwen3 / f"data/{split}.jsonl"))[:36])
    flags = ["--samples", out / "train.jsonl", "--output_dir", out / "schemas", "--family", "qwen3_vl", "--d2_share", 0.4]
    write_schemas.main([*map(str, flags), "--styles", "brief,steps_text_first", "--detail", "brief"])
    held_out = ["--held_out", out / "test.jsonl", "--held_out_steps", 2, "--held_out_size", 6, "--held_out_tokens", 8]
    recipe("sft", *sft_flags(out, out / "mrsi", "--max_steps", 4, "--grbp_beta", 0.03, *held_out))
    return out


def test_a_mix_trains_and_is_scored_by_its_tasks(mix, recipe, tmp_path):
    scored = [row for row in read_metrics(mix / "mrsi") if "held_out/unreadable" in row]
    assert scored
    assert {"held_out/gmner_f1", "held_out/mner_f1", "held_out/grec_pr"} <= scored[0].keys()
    recipe("filter", *filter_flags(mix, tmp_path / "filter"))
    tasks = {json.loads(line)["id"][0] for line in (tmp_path / "filter/statistics.jsonl").read_text().splitlines()}
    assert tasks == {"n", "v", "t"}
    recipe("grpo", *grpo_flags(mix, tmp_path / "cvo", "--per_device_train_batch_size", 8))
    assert any("rewards/grounding_reward/mean" in row for row in read_metrics(tmp_path / "cvo"))
    flags = evaluate_flags(mix, tmp_path / "eval", "--gold", mix / "test.jsonl")
    recipe("evaluate", *flags)
    metrics = json.loads((tmp_path / "eval/metrics.json").read_text())
    assert metrics["num_unreadable"] <= metrics["num_samples"]
    assert "grec" in metrics


def test_prompts_without_an_image_among_others_are_refused_by_grpo(mix, recipe, tmp_path):
    samples = load_samples(mix / "train.jsonl")
    bare = replace(samples[1], id="bare", images=())
    write_samples(tmp_path / "s.jsonl", [*samples[:8], bare])
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "schemas", "--family", "qwen3_vl", "--d2_share", 1]
    write_schemas.main([*map(str, flags), "--styles", "brief", "--detail", "brief", "--per_sample", "1"])
    done = recipe(
        "grpo", *grpo_flags(mix, tmp_path / "cvo", "--train_set", tmp_path / "schemas/d2.parquet"), check=False, timeout=300
    )
    assert "1 of 9 prompts have no image (bare, ...)" in done.stderr
