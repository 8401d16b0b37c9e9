"""Adapters: no training starts from one, and a merge gives what was trained or nothing."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from mcr.errors import ConfigError, McrError
from mcr.models import adapters
from mcr.models.adapters import changed_embeddings, check_is_whole, check_merge
from mcr.models.load import load_adapter, load_model, load_processor
from recipes import merge


@pytest.fixture
def make_adapter(sandbox, tmp_path):
    """Save an adapter on the tiny model, tied as published small models are, with weights as after some training."""

    def make(name="adapter", dtype="float32", base=None, **settings):
        base = base or sandbox / "start"
        model = get_peft_model(load_model(base, dtype=dtype), LoraConfig(r=4, **settings))
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for param in model.parameters():
                if param.requires_grad:
                    param += 0.05 * torch.randn(param.shape, generator=generator).to(param.dtype)
        folder = tmp_path / name
        model.save_pretrained(folder, save_embedding_layers=False)
        load_processor(base).save_pretrained(folder)
        shutil.copyfile(sandbox / "schemas/mcr_prompt.json", folder / "mcr_prompt.json")
        return folder, model.eval()

    return make


IDS = torch.arange(20, 60)[None]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"target_modules": ["lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj"], "use_dora": True},
        {"target_modules": "all-linear"},
    ],
    ids=["attention", "embedding", "head", "whole-embedding", "whole-head", "dora", "all-linear"],
)
def test_the_merged_model_has_the_logits_of_the_adapter(make_adapter, tmp_path, settings, dtype):
    folder, model = make_adapter(dtype=dtype, **settings)
    merge.main(["--model", str(folder), "--output_dir", str(tmp_path / "merged")])
    with torch.no_grad():
        trained = model(input_ids=IDS).logits.float()
        merged = load_model(tmp_path / "merged").eval()(input_ids=IDS).logits.float()
        read = load_model(folder).eval()(input_ids=IDS).logits.float()
    limit = (1e-4 if dtype == "float32" else 6e-2) * float(trained.abs().max())
    assert float((trained - merged).abs().max()) <= limit
    assert float((trained - read).abs().max()) <= limit  # an adapter that is evaluated without a merge


def test_a_merge_that_loses_the_adapter_leaves_no_folder(make_adapter, tmp_path, monkeypatch):
    """Tied embeddings that stay tied: the merge of one changes the other."""
    monkeypatch.setattr(adapters, "untie_embeddings", lambda base: None)
    folder, _ = make_adapter(target_modules=["embed_tokens"])
    with pytest.raises(McrError, match=r"logits of the merged model differ from the adapter's by \d.* Nothing was saved"):
        merge.main(["--model", str(folder), "--output_dir", str(tmp_path / "merged")])
    assert not list(tmp_path.glob("merged*"))


def test_an_adapter_that_changes_nothing_is_not_merged(make_adapter, tmp_path):
    folder, _ = make_adapter(target_modules=["q_proj"])
    weights = load_file(folder / "adapter_model.safetensors")
    save_file({name: value * ("lora_A" in name) for name, value in weights.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(McrError, match="equals its base"):
        merge.main(["--model", str(folder), "--output_dir", str(tmp_path / "merged")])
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("change", [lambda name: name.replace("layers.0", "layers.90"), lambda name: f"other.{name}"])
def test_an_adapter_whose_weights_do_not_fit_the_base_is_refused(make_adapter, change):
    """PEFT warns and leaves such weights as they were made: the merge would be the untrained model."""
    folder, _ = make_adapter(target_modules=["q_proj"])
    weights = load_file(folder / "adapter_model.safetensors")
    save_file({change(name): value for name, value in weights.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(ConfigError, match="does not fit its base"):
        load_adapter(folder)


def test_an_adapter_on_an_adapter_is_merged_with_both(make_adapter, tmp_path):
    first, model = make_adapter("first", target_modules=["q_proj", "embed_tokens"])
    second, model = make_adapter("second", base=first, target_modules=["v_proj"])
    settings = json.loads((second / "adapter_config.json").read_text())
    (second / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": str(first)}))
    merge.main(["--model", str(second), "--output_dir", str(tmp_path / "merged")])
    with torch.no_grad():
        trained, merged = model(input_ids=IDS).logits, load_model(tmp_path / "merged").eval()(input_ids=IDS).logits
    assert torch.allclose(trained, merged, atol=1e-4)


def test_training_from_an_adapter_is_refused_with_the_command_that_merges(make_adapter, sandbox):
    folder, _ = make_adapter(target_modules=["q_proj"])
    with pytest.raises(ConfigError, match=rf"Merge first: mcr merge --model {folder} --output_dir {folder}-merged"):
        check_is_whole(folder)
    shutil.copyfile(sandbox / "start/model.safetensors", folder / "model.safetensors")  # whole weights beside it
    with pytest.raises(ConfigError, match="Merge first"):
        check_is_whole(f"{folder}/")
    check_is_whole(sandbox / "start")


def test_what_an_adapter_changes_of_tied_embeddings(sandbox):
    base = load_model(sandbox / "start")
    for settings, wanted in (
        ({"target_modules": ["q_proj"]}, []),
        ({"target_modules": "all-linear"}, []),
        ({"target_modules": ["embed_tokens"]}, ["embed_tokens"]),
        ({"target_modules": ".*embed_tokens"}, ["embed_tokens"]),
        ({"target_modules": ["q_proj"], "modules_to_save": ["merger"]}, []),
        ({"target_modules": ["q_proj"], "modules_to_save": ["lm_head", "embed_tokens"]}, ["embed_tokens", "lm_head"]),
        ({"target_parameters": ["embed_tokens.weight"]}, ["embed_tokens"]),
    ):
        found = changed_embeddings(base, LoraConfig(**settings))
        assert [name.split(".")[-1] for name in found] == wanted, settings
    base.config.get_text_config().tie_word_embeddings = False
    assert changed_embeddings(base, LoraConfig(target_modules=["embed_tokens"])) == []


def test_a_merge_overwrites_a_merged_model_and_nothing_else(make_adapter, tmp_path):
    folder, _ = make_adapter(target_modules=["q_proj"])
    flags = ["--model", str(folder), "--output_dir"]
    merge.main([*flags, str(tmp_path / "merged")])
    merge.main([*flags, str(tmp_path / "merged")])
    for wrong in (folder, tmp_path):
        before = sorted(wrong.iterdir())
        with pytest.raises(ConfigError, match="something else than a merged model"):
            merge.main([*flags, str(wrong)])
        assert sorted(wrong.iterdir()) == before


def test_differences_beyond_rounding_are_refused_by_hand():
    base, trained = [torch.tensor([[1.0, 10.0]])], [torch.tensor([[2.0, 10.0]])]
    assert check_merge(base, trained, [torch.tensor([[2.0, 10.5]])], "bfloat16") == 0.5  # 0.06 x 10 is the limit
    with pytest.raises(McrError, match=r"by 0\.5, expected at most 0\.1"):
        check_merge(base, trained, [torch.tensor([[2.0, 10.5]])], "float16")
    with pytest.raises(McrError, match="differ"):
        check_merge(base, trained, [torch.tensor([[2.0, float("nan")]])], "float32")
