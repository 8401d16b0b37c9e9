"""The models that ship: of the recipes' making, small, and able to do what docs/sandbox.md says."""

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors import safe_open

from data_prep.sandbox.corpus.probes import make_probes, score_probes
from mcr.models.load import load_model, load_processor
from mcr.rollouts.transformers_sampler import TransformersSampler
from mcr.systems.datasets import SANDBOX_BASE, SANDBOX_CLIP
from recipes.sandbox_base import corpus_tokenizer
from recipes.sandbox_clip import SCENES_PER_STEP, score_matches

pytestmark = pytest.mark.recipe
MB = 1e6


@pytest.fixture(scope="module")
def sampler():
    return TransformersSampler(load_model(SANDBOX_BASE, dtype="float32"), load_processor(SANDBOX_BASE), batch_size=100)


@pytest.mark.parametrize("folder", [SANDBOX_BASE, SANDBOX_CLIP], ids=["base", "clip"])
def test_a_model_that_ships_is_small_safe_and_described(folder):
    weights = folder / "model.safetensors"
    assert weights.stat().st_size < 6 * MB
    with safe_open(weights, "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} <= {torch.bfloat16, torch.int64}  # noqa: SIM118
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("license", "make sandbox-", "docs/sandbox.md"))
    assert {path.suffix for path in folder.iterdir()} <= {".safetensors", ".json", ".jinja", ".md"}


def test_the_tokenizer_that_ships_is_the_one_that_the_recipe_builds():
    shipped = json.loads((SANDBOX_BASE / "tokenizer.json").read_text(encoding="utf-8"))
    built = json.loads(corpus_tokenizer(0).backend_tokenizer.to_str())
    assert {**shipped, "truncation": None, "padding": None} == {**built, "truncation": None, "padding": None}


@pytest.mark.parametrize("skill", ["look_at_box", "find_look"])
def test_the_base_model_sees_and_finds_in_phrasings_that_it_never_met(sampler, skill):
    assert score_probes(sampler, {skill: make_probes(skill, 60, seed=1)})[skill] >= 0.9


def test_the_clip_knows_which_picture_a_caption_belongs_to():
    from transformers import CLIPModel, CLIPProcessor

    model = CLIPModel.from_pretrained(SANDBOX_CLIP, dtype=torch.float32).eval()
    assert score_matches(model, CLIPProcessor.from_pretrained(SANDBOX_CLIP), SCENES_PER_STEP, seed=1) >= 0.6
