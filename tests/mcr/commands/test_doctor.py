"""The doctor: one line a check, exit code 1 where a run would fail."""

import shutil
from pathlib import Path

import pytest
import yaml

pytest.importorskip("torch")
from mcr.commands.doctor import main
from mcr.errors import ConfigError
from mcr.runs.memory import Estimate, count_tokens, estimate_memory


@pytest.fixture
def write(sandbox_qwen3, tmp_path):
    shutil.copyfile(sandbox_qwen3 / "schemas/mcr_prompt.json", sandbox_qwen3 / "start/mcr_prompt.json")

    def config(name="sft", **changes):
        row = {"model_name_or_path": str(sandbox_qwen3 / "start"), "image_root": str(sandbox_qwen3 / "data")}
        row |= {"train_set": str(sandbox_qwen3 / "schemas/d1.parquet"), "output_dir": str(tmp_path / "out"), "dtype": "float32"}
        if name == "grpo":
            row |= {
                "train_set": str(sandbox_qwen3 / "schemas/d2.parquet"),
                "num_generations": 4,
                "per_device_train_batch_size": 4,
            }
        path = tmp_path / f"c_{name}.yaml"
        path.write_text(yaml.safe_dump(row | changes))
        return ["--config", str(path)]

    return config


def fails(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        main(flags)
    assert caught.value.code == 1
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]


@pytest.mark.parametrize("name", ["sft", "grpo"])
def test_a_run_that_can_start_is_fine(write, capsys, name):
    main(write(name))
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok") for line in lines)
    for wanted in ("versions:", "batch:", "data:", "rewards:", "images:", "memory:", "disk:"):
        assert any(wanted in line for line in lines)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("grpo", {"per_device_train_batch_size": 6}, "4 or 8 would"),
        (
            "grpo",
            {"per_device_train_batch_size": 6, "gradient_accumulation_steps": 2, "shared_prefix": "on"},
            "prompts are not shared",
        ),
        ("sft", {"train_set": "nowhere.parquet"}, "nowhere.parquet does not exist. Run mcr write-schemas first."),
        ("grpo", {"train_set": "nowhere.parquet"}, "nowhere.parquet does not exist. Run mcr filter first."),
        ("sft", {"image_root": "nowhere"}, "nowhere is no folder"),
        ("sft", {"model_name_or_path": "/nowhere/model"}, "/nowhere/model does not exist. Run mcr sft or mcr merge first"),
    ],
)
def test_what_would_fail_is_told(write, capsys, name, changes, told):
    found = fails(write(name, **changes), capsys)
    assert any(told in line for line in found), found


def test_memory_that_is_not_there_is_told_with_what_helps(write, capsys):
    (found,) = fails([*write(), "--gpu_memory_gb", "0.001"], capsys)
    assert "Use LoRA" in found


def test_sharding_counts_and_the_filter_trains_nothing(write, capsys, monkeypatch):
    from mcr.commands import doctor

    asked = []
    monkeypatch.setattr(doctor, "estimate_memory", lambda *_, **sizes: asked.append(sizes) or Estimate(1, 1, 1, 1))
    main([*write(), "--processes", "4", "--zero", "zero3"])
    assert (asked[0]["zero"], asked[0]["processes"]) == ("zero3", 4)
    assert "memory: about 3.0 GB" in capsys.readouterr().out
    main(write("filter", num_generations=16))
    told = capsys.readouterr().out
    assert "memory: about 1.0 GB" in told
    assert "batch:" not in told


def test_memory_is_counted_in_the_type_that_the_recipe_loads(write, capsys, monkeypatch):
    from mcr.commands import doctor

    asked = []
    monkeypatch.setattr(doctor, "estimate_memory", lambda _, config, **__: asked.append(config) or Estimate(1, 1, 1, 1))
    batch, group = {"per_device_train_batch_size": 4}, {"num_generations": 4}
    for name, sizes in (("sft", batch), ("grpo", batch | group), ("filter", group)):
        path = write(name)
        main(path)
        settings = yaml.safe_load(Path(path[1]).read_text())
        del settings["dtype"]
        Path(path[1]).write_text(yaml.safe_dump(settings | sizes))
        main(path)
    assert [config.get("dtype") for config in asked] == ["float32"] * 5 + [None]
    capsys.readouterr()


def test_a_group_is_eight_where_the_config_says_nothing(write, capsys):
    path = write("grpo", per_device_train_batch_size=4)
    settings = yaml.safe_load(Path(path[1]).read_text())
    del settings["num_generations"]
    Path(path[1]).write_text(yaml.safe_dump(settings))
    assert any("whole groups of 8" in line for line in fails(path, capsys))


def test_a_config_of_any_name_needs_its_recipe(write, tmp_path, capsys):
    shutil.copyfile(write()[1], tmp_path / "mine.yaml")
    with pytest.raises(ConfigError, match="Say which recipe"):
        main(["--config", str(tmp_path / "mine.yaml")])
    main(["--config", str(tmp_path / "mine.yaml"), "--recipe", "sft"])


def test_a_port_that_is_taken_is_told(write, capsys, monkeypatch):
    import socket

    from mcr.commands import doctor

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setattr(doctor, "MASTER_PORT", listener.getsockname()[1])
        (found,) = fails([*write(), "--processes", "2"], capsys)
    assert "--main_process_port" in found


def test_versions_that_do_not_fit_are_told(write, capsys, monkeypatch):
    from mcr.commands import doctor

    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: ["torch<1", "no-such-package>=1"])
    found = fails(write(), capsys)
    assert any("torch" in line and "<1" in line for line in found)
    assert any("no-such-package is not installed" in line for line in found)


def test_the_estimate_counts_weights_exactly_and_shards_them(sandbox_qwen3):
    from mcr.models.load import load_model

    path = str(sandbox_qwen3 / "start")
    num = sum(weight.numel() for weight in load_model(path).parameters())
    config = {"dtype": "float32", "max_length": 100}
    whole = estimate_memory(path, config, micro_batch=2, processes=4)
    assert whole.weights_gb == pytest.approx(4 * num / 1e9, rel=0.05)
    zero2, zero3 = (estimate_memory(path, config, micro_batch=2, processes=4, zero=zero) for zero in ("zero2", "zero3"))
    assert (zero2.weights_gb, zero2.trained_gb) == (whole.weights_gb, pytest.approx(whole.trained_gb / 4))
    assert zero3.weights_gb == pytest.approx(whole.weights_gb / 4)
    lora = estimate_memory(path, config | {"use_peft": True, "lora_r": 4}, micro_batch=2, processes=1)
    assert lora.trained_gb < whole.trained_gb
    assert "not at hand" in estimate_memory("no/such", config, micro_batch=1, processes=1)


def test_shared_prompts_count_once():
    config = {"num_generations": 8, "max_completion_length": 100}
    shared, plain = count_tokens(config, 8), count_tokens(config | {"shared_prefix": "off"}, 8)
    assert plain - shared == 7 * 1500


def test_configs_of_other_recipes_and_misspelt_keys_are_told(tmp_path):
    path = tmp_path / "evaluate.yaml"
    path.write_text("gold: a\nout: b\ntrain_sett: c\nmodel_name_or_path: d\nimage_root: e\noutput_dir: f\n")
    with pytest.raises(ConfigError, match=r"train_set \(did you mean train_sett\?\)"):
        main(["--config", str(path)])


def test_a_file_that_is_no_config_is_told(tmp_path):
    (tmp_path / "c.yaml").write_text("- a")
    for path in (tmp_path / "c.yaml", tmp_path / "none.yaml"):
        with pytest.raises(ConfigError, match=r"--config: .* (holds no mapping|does not exist)"):
            main(["--config", str(path)])


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("sft", {"learning_rat": 1e-4}, "keys: sft knows no learning_rat (did you mean learning_rate?)"),
        ("grpo", {"num_generation": 4, "sigma": 0.5}, "keys: grpo knows no num_generation (did you mean num_generations?)"),
    ],
)
def test_keys_that_the_recipe_does_not_know_are_findings(write, capsys, name, changes, told):
    assert any(told in line for line in fails(write(name, **changes), capsys))


def test_values_that_the_recipe_refuses_are_one_finding(write, capsys):
    for name, changes, told in (
        ("sft", {"learning_rate": "fast"}, "settings: "),
        ("sft", {"per_device_train_batch_size": "many"}, "per_device_train_batch_size"),
        ("sft", {"max_length": 100}, "max_length: got 100"),
        ("sft", {"eval_strategy": "steps"}, "eval_strategy steps"),
        ("grpo", {"temperature": 0.0}, "temperature 0.0"),
        ("grpo", {"reward_weights": [1, 0, 0, 0, 0]}, "reward_weights"),
        ("grpo", {"generation_kwargs": {"temperature": 2.0}}, "generation_kwargs: got temperature"),
        ("filter", {"num_generations": 1}, "num_generations: got 1"),
        ("filter", {"top_p": 2.0}, "top_p=2.0"),
    ):
        (found,) = fails(write(name, **changes), capsys)
        assert told in found, found


def test_schemas_of_another_familys_frame_are_refused_with_the_families_name(write, sandbox, capsys, tmp_path):
    """The sandbox of the other family has its own frame; of the same family there is nothing to refuse."""
    for name in ("sft", "grpo", "filter"):
        path = write(name, train_set=str(sandbox / "schemas/d1.parquet"), image_root=str(sandbox / "data"), num_generations=4)
        if name == "sft":
            path = write(name, train_set=str(sandbox / "schemas/d1.parquet"), image_root=str(sandbox / "data"))
        if "qwen2_5" not in str(sandbox):
            main(path)
            capsys.readouterr()
            continue
        found = fails(path, capsys)
        assert any("boxes were written as absolute" in line and "--family qwen3_vl" in line for line in found), found


def test_a_folder_of_another_run_is_refused(write, capsys, tmp_path):
    (tmp_path / "out/model").mkdir(parents=True)
    (found,) = fails(write(), capsys)
    assert "lacks training.json" in found
    (tmp_path / "out/training.json").write_text('{"learning_rate": 0.5}')
    assert "learning_rate: 0.5 there, 0.0001 here" in " ".join(fails(write(), capsys))


def test_an_empty_set_and_a_model_that_is_an_adapter_are_refused(write, sandbox_qwen3, capsys, tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(sandbox_qwen3 / "schemas/d1.parquet").slice(0, 0), tmp_path / "d1.parquet")
    assert any("has no rows" in line for line in fails(write(train_set=str(tmp_path / "d1.parquet")), capsys))
    shutil.copytree(sandbox_qwen3 / "start", tmp_path / "adapter")
    (tmp_path / "adapter/adapter_config.json").write_text("{}")
    assert any("Merge first" in line for line in fails(write(model_name_or_path=str(tmp_path / "adapter")), capsys))
