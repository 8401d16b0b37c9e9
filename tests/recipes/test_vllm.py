"""vLLM for real (its CPU build): the same distribution as the trainer's, no vision token, rollouts in the recipes."""

import json
import os
from pathlib import Path

import pytest
from recipe_flags import KEEP_ALL

pytestmark = pytest.mark.vllm
CONFIGS = Path(__file__).resolve().parents[2] / "recipes/configs/mcr"


@pytest.fixture(scope="module")
def engine(sandbox_qwen3):
    pytest.importorskip("vllm", reason="make test-vllm sets vLLM up")
    from mcr.models.load import load_processor
    from mcr.rollouts.vllm.sampler import VllmSampler

    path = sandbox_qwen3 / "start"
    return VllmSampler(str(path), load_processor(path), dtype="float32", enforce_eager=True, max_model_len=512)


@pytest.fixture(scope="module")
def requests(sandbox_qwen3):
    from mcr.io.images import open_image
    from mcr.io.samples import load_samples
    from mcr.prompts.settings import PromptSettings
    from mcr.rollouts import RolloutRequest

    settings = PromptSettings.load(sandbox_qwen3 / "schemas")
    samples = load_samples(sandbox_qwen3 / "data/test.jsonl")[:3]
    return [RolloutRequest(s.id, settings.prompt_for(s), [open_image(sandbox_qwen3 / "data", s.images[0].path)]) for s in samples]


@pytest.fixture(scope="module")
def groups(engine, requests):
    from mcr.rollouts import SamplingSettings

    return engine.sample(requests, SamplingSettings(num_generations=4, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=16))


def trainer_logprobs(sandbox, request, token_ids):
    """The log-probabilities that a training forward gives the completion."""
    import torch

    from mcr.families import FAMILIES
    from mcr.models.load import load_model, load_processor
    from mcr.models.vision_tokens import vision_token_ids
    from mcr.rollouts.image_pads import prompt_texts

    processor, model = load_processor(sandbox / "start"), load_model(sandbox / "start")
    inputs = processor(text=prompt_texts(processor, [request.prompt]), images=request.images, return_tensors="pt")
    completion = torch.tensor([token_ids])
    for key, filler in (
        ("input_ids", completion),
        ("attention_mask", torch.ones_like(completion)),
        ("mm_token_type_ids", torch.zeros_like(completion)),
    ):
        inputs[key] = torch.cat([inputs[key], filler], dim=1)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -len(token_ids) - 1 : -1]
    logits[:, vision_token_ids(processor, FAMILIES["qwen3_vl"], model.config)] += -100.0
    return logits.log_softmax(-1).gather(1, completion[0][:, None])[:, 0].tolist()


def test_vllm_logprobs_equal_the_trainers(sandbox_qwen3, requests, groups):
    for request, group in zip(requests, groups, strict=True):
        for rollout in group:
            assert rollout.logprobs == pytest.approx(trainer_logprobs(sandbox_qwen3, request, rollout.token_ids), abs=1e-4)


def test_prompts_grow_when_pads_are_expanded_twice(engine, requests):
    """The trap that collapse_image_pads avoids: if this ever fails, vLLM has mended it."""
    from vllm import SamplingParams

    from mcr.rollouts.image_pads import prompt_texts

    processor = engine.processor
    texts = prompt_texts(processor, [requests[0].prompt])
    expanded = processor(text=texts, images=requests[0].images)["input_ids"][0]
    (right,) = engine._engine_prompts(requests[:1], texts)
    one = SamplingParams(max_tokens=1)
    (good,) = engine.engine.generate([right], one, use_tqdm=False)
    assert list(good.prompt_token_ids) == list(expanded)
    wrong = {"prompt_token_ids": list(expanded), "multi_modal_data": {"image": requests[0].images}}
    (bad,) = engine.engine.generate([wrong], one, use_tqdm=False)
    assert len(bad.prompt_token_ids) > len(expanded)


def test_a_turned_image_is_seen_as_it_is_shown(engine, requests, tmp_path):
    """An orientation in the file's EXIF is applied once: by our reader, not again by vLLM."""
    import numpy as np
    from PIL import Image, ImageOps

    from mcr.io.images import open_image
    from mcr.rollouts import RolloutRequest, SamplingSettings

    pixels = np.random.default_rng(0).integers(0, 255, (4, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).resize((160, 64), Image.Resampling.NEAREST)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=100)
    with Image.open(tmp_path / "turned.jpg") as turned:
        ImageOps.exif_transpose(turned).save(tmp_path / "shown.png")
    names = ("turned.jpg", "shown.png")
    asked = [RolloutRequest(name, requests[0].prompt, [open_image(tmp_path, name)]) for name in names]
    assert [one.images[0].size for one in asked] == [(64, 160), (64, 160)]
    greedy = SamplingSettings(num_generations=1, temperature=0.0, max_new_tokens=3)
    (turned,), (shown,) = engine.sample(asked, greedy)
    assert turned.token_ids == shown.token_ids
    assert turned.logprobs == pytest.approx(shown.logprobs, abs=1e-4)


def test_no_vision_token_is_sampled(sandbox_qwen3, engine, groups):
    from mcr.families import FAMILIES
    from mcr.models.load import load_config
    from mcr.models.vision_tokens import vision_token_ids

    forbidden = set(vision_token_ids(engine.processor, FAMILIES["qwen3_vl"], load_config(sandbox_qwen3 / "start")))
    assert len(forbidden) == 4
    assert not forbidden & {token for group in groups for rollout in group for token in rollout.token_ids}


@pytest.mark.skipif("CI_NO_VLLM_RECIPES" in os.environ, reason="asked to leave the recipes out")
def test_recipes_run_with_vllm(sandbox_qwen3, recipe, tmp_path):
    pytest.importorskip("vllm")
    common = [
        "--image_root",
        sandbox_qwen3 / "data",
        "--model_name_or_path",
        sandbox_qwen3 / "start",
        "--use_vllm",
        "true",
    ]
    recipe(
        "evaluate",
        "--config",
        CONFIGS / "sandbox_evaluate.yaml",
        "--gold",
        sandbox_qwen3 / "data/test.jsonl",
        "--output_dir",
        tmp_path / "eval",
        "--max_new_tokens",
        12,
        *common,
    )
    assert json.loads((tmp_path / "eval/metrics.json").read_text())["num_samples"] == 7
    prompts = ["--train_set", sandbox_qwen3 / "schemas/d2.parquet"]
    sampling = ["--output_dir", tmp_path / "filter", "--max_new_tokens", 12, *KEEP_ALL]
    recipe("filter", "--config", CONFIGS / "sandbox_filter.yaml", *sampling, *prompts, *common)
    assert (tmp_path / "filter/kept.parquet").is_file()
    recipe(
        "grpo",
        "--config",
        CONFIGS / "sandbox_grpo.yaml",
        "--output_dir",
        tmp_path / "cvo",
        "--per_device_train_batch_size",
        8,
        "--max_completion_length",
        12,
        "--max_steps",
        2,
        "--vllm_mode",
        "colocate",
        "--vllm_max_model_length",
        512,
        "--vllm_importance_sampling_correction",
        "true",
        *prompts,
        *common,
    )
    rows = [json.loads(line) for line in (tmp_path / "cvo/metrics.jsonl").read_text().splitlines()]
    ratios = [row["sampling/importance_sampling_ratio/mean"] for row in rows if "sampling/importance_sampling_ratio/mean" in row]
    assert len(ratios) == 2
    # Sampled at the paper's temperature 1.5, top-k 200, top-p 0.95 (sandbox_grpo.yaml), ratios of whole sequences. vLLM casts the
    # float32 checkpoint to bfloat16, hence the slack; against TRL's whole distribution the ratio would be about 0.5.
    assert ratios == pytest.approx([1, 1], abs=0.08)
