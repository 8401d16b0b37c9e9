"""VKEL's predictor: one process with two adapters on one base, names from a file, and what it refuses."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
from peft import LoraConfig, get_peft_model

from data_prep import make_sandbox, staged_sets
from mcr.errors import ConfigError
from mcr.io.predictions import load_predictions
from mcr.io.samples import load_samples
from mcr.models.load import load_adapters, load_model, load_processor
from mcr.runs.fingerprint import weights_hash
from mcr.systems.vkel.adapter_flags import VkelSettings
from mcr.systems.vkel.two_stages import VkelPredictor

IDS = torch.arange(20, 60)[None]
ANN = {"text": "Ann", "type": "person", "boxes": None}
SHORT = {"vkel_max_new_tokens": 8, "vkel_dtype": "float32"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    make_sandbox.main(["--output_dir", str(folder), "--train", "6", "--dev", "2", "--test", "2", "--fine_types"])
    return folder


@pytest.fixture(scope="module")
def adapters(sandbox, world, tmp_path_factory):
    """Save an adapter a stage on the tiny model, each with its prompts."""
    folder, base = tmp_path_factory.mktemp("adapters"), sandbox / "start"
    asked = ["--samples", str(world / "train.jsonl"), "--family", "qwen3_vl", "--labels", "twitter-fmnerg"]
    for seed, stage in enumerate(("names", "places", "joint", "direct")):
        staged_sets.main([stage, *asked, "--output_dir", str(folder / stage)])
        save_adapter(base, folder / stage, seed)
    return folder


def save_adapter(base, folder, seed):
    model = get_peft_model(load_model(base, dtype="float32"), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for param in model.parameters():
            if param.requires_grad:
                param += 0.2 * torch.randn(param.shape, generator=generator)
    model.save_pretrained(folder)
    load_processor(base).save_pretrained(folder)


def predictor(world, out, **settings):
    return VkelPredictor(VkelSettings(**SHORT, **{name: str(value) for name, value in settings.items()}), world, out)


def test_adapters_on_one_base_answer_as_each_alone_does(sandbox, adapters):
    both = load_adapters({"one": adapters / "names", "other": adapters / "places"}, dtype="float32").eval()
    with torch.no_grad():
        for name, folder in (("one", "names"), ("other", "places"), ("one", "names")):
            both.set_adapter(name)
            alone = load_adapters({"alone": adapters / folder}, dtype="float32").eval()
            assert torch.equal(both(input_ids=IDS).logits, alone(input_ids=IDS).logits)
        base = load_model(sandbox / "start", dtype="float32").eval()
        with both.disable_adapter():
            assert torch.equal(both(input_ids=IDS).logits, base(input_ids=IDS).logits)
        assert not torch.equal(both(input_ids=IDS).logits, base(input_ids=IDS).logits)


def test_adapters_on_different_bases_are_refused(sandbox, adapters, tmp_path):
    other = tmp_path / "base"
    shutil.copytree(sandbox / "start", other)
    model = load_model(other, dtype="float32")
    with torch.no_grad():
        next(model.parameters()).add_(1)
    model.save_pretrained(other)
    save_adapter(other, tmp_path / "adapter", 0)
    with pytest.raises(ConfigError, match="expected adapters on one base"):
        load_adapters({"one": adapters / "names", "other": tmp_path / "adapter"})
    with pytest.raises(ConfigError, match="holds no adapter"):
        load_adapters({"one": other})


def test_one_process_serves_both_stages(world, adapters, tmp_path):
    samples = load_samples(world / "test.jsonl")
    before = [weights_hash(adapters / name) for name in ("names", "places")]
    made = predictor(world, tmp_path, vkel_names=adapters / "names", vkel_places=adapters / "places")
    found = list(made.predict(samples))
    assert [one.id for one in found] == [sample.id for sample in samples]
    assert [one.id for one in load_predictions(tmp_path / "names" / "predictions-000.jsonl")] == [one.id for one in samples]
    assert set(made._model.peft_config) == {"names", "places"}
    assert made._model.active_adapters == ["places"]
    assert made._names_predictor().sampler.model.active_adapters == ["names"]
    assert [weights_hash(adapters / name) for name in ("names", "places")] == before
    again = predictor(world, tmp_path, vkel_names=adapters / "names", vkel_places=adapters / "places")
    assert list(again.predict(samples)) == found


def test_a_model_that_learned_both_stages_is_asked_with_both_prompts(world, adapters, tmp_path):
    samples = load_samples(world / "test.jsonl")
    made = predictor(world, tmp_path, vkel_names=adapters / "joint", vkel_places=adapters / "joint")
    assert len(list(made.predict(samples))) == len(samples)
    prompts = made._names_predictor().prompts
    assert not prompts.shows
    assert "person" in prompts.labels.labels
    assert "athlete" not in prompts.labels.labels


def requests_of(made, samples, monkeypatch):
    """Return what stage 2 is asked; nothing answers."""
    asked = []

    class Noting:
        def sample(self, requests, settings):
            asked.extend(requests)
            raise StopIteration

    monkeypatch.setattr(made, "_sampler", lambda stage: Noting())
    with pytest.raises(RuntimeError):
        list(made.predict(samples))
    return asked


def test_names_of_a_file_reach_the_prompt_of_stage_two(world, adapters, tmp_path, monkeypatch):
    samples = load_samples(world / "test.jsonl")
    rows = [{"id": one.id, "sentence": one.sentence, "entities": [ANN]} for one in samples]
    named = tmp_path / "named.jsonl"
    named.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = predictor(world, tmp_path, vkel_named=named, vkel_places=adapters / "places")
    asked = requests_of(made, samples, monkeypatch)
    assert all("Named: Ann is a person" in request.prompt[0]["content"][-1]["text"] for request in asked)
    named.write_text(json.dumps(rows[0]) + "\n", encoding="utf-8")
    lacking = predictor(world, tmp_path, vkel_named=named, vkel_places=adapters / "places")
    with pytest.raises(ConfigError, match="lacks 1 of 2"):
        list(lacking.predict(samples))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "who names the entities"),
        ({"vkel_names": "x", "vkel_named": "y"}, "exclude each other"),
        ({"vkel_knowledge": "k"}, "give vkel_places"),
        ({"vkel_names": "x", "vkel_top_k": 0}, "vkel_top_k: got 0"),
    ],
)
def test_flags_that_do_not_fit_are_refused(world, tmp_path, settings, told):
    with pytest.raises(ConfigError, match=told):
        VkelPredictor(VkelSettings(**settings), world, tmp_path)


def test_stage_two_wants_the_context_it_was_trained_with(world, adapters, tmp_path):
    with pytest.raises(ConfigError, match="knowledge: leave out --vkel_knowledge"):
        predictor(world, tmp_path, vkel_names=adapters / "names", vkel_places=adapters / "places", vkel_knowledge="k.jsonl")


@pytest.mark.parametrize(
    ("names", "places", "told"),
    [
        ("names", "direct", "--vkel_places: .*direct learned stage direct, expected places or joint"),
        ("names", "names", "--vkel_places: .*names learned stage names"),
        ("places", "places", "--vkel_names: .*places learned stage places, expected names or joint"),
        ("direct", "places", "--vkel_names: .*direct learned stage direct"),
    ],
)
def test_a_model_of_another_stage_is_refused(world, adapters, tmp_path, names, places, told):
    with pytest.raises(ConfigError, match=told):
        predictor(world, tmp_path, vkel_names=adapters / names, vkel_places=adapters / places)


def test_stage_two_shows_knowledge_and_as_many_objects_as_in_training(world, tmp_path, monkeypatch):
    samples, places = load_samples(world / "test.jsonl"), tmp_path / "places"
    known = [{"id": one.id, "text": "Ann has red hair.", "source": "llm", "entity": "Ann", "type": "person"} for one in samples]
    named = [{"id": one.id, "sentence": one.sentence, "entities": [ANN]} for one in samples]
    for name, rows in (("known", known), ("named", named)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    trained = ["--knowledge", tmp_path / "known", "--regions", world / "regions" / "train.jsonl", "--top_k", 1]
    asked = ["--samples", world / "train.jsonl", "--family", "qwen3_vl", "--labels", "twitter-fmnerg", "--output_dir", places]
    staged_sets.main(["places", *map(str, (*asked, *trained))])
    shown = {"vkel_named": tmp_path / "named", "vkel_knowledge": tmp_path / "known", "vkel_places": places}
    shown["vkel_regions"] = world / "regions" / "test.jsonl"
    with pytest.raises(ConfigError, match="objects: got --vkel_top_k 5, expected 1"):
        predictor(world, tmp_path, **shown)
    made = VkelPredictor(VkelSettings(**{name: str(value) for name, value in shown.items()}, vkel_top_k=1), world, tmp_path)
    texts = [request.prompt[0]["content"][-1]["text"] for request in requests_of(made, samples, monkeypatch)]
    assert len(texts) == len(samples)
    for text in texts:
        assert "\nKnown: Ann has red hair.\nObjects: " in text
        assert text.split("\nObjects: ")[1].split("\n")[0].count(" (") == 1
