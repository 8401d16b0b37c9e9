"""A user's own config gets the paper's settings, not TRL's."""

import dataclasses
import re

import pytest

pytest.importorskip("torch")
from test_published_configs import TABLE
from trl import GRPOConfig, SFTConfig

from mcr.errors import ConfigError
from mcr.runs.config import parse_settings
from mcr.training.trainer_configs import CvoConfig, MrsiConfig

ON_CPU = ["--use_cpu", "true", "--bf16", "false"]
OF_A_SETUP = {"use_vllm"}  # the paper's machine, no setting of its method
OURS = {  # where the paper states nothing
    MrsiConfig: {"max_length": None},
    CvoConfig: {"lr_scheduler_type": "cosine", "use_bias_correction_kl": False},
}


def stated(kind):
    """What the table of the published configs says of Qwen2.5-VL's recipe and is a field of the trainer's config."""
    config = f"twitter_gmner_qwen2_5_vl_7b_{kind}"
    rows = [values for pattern, _, values in TABLE if re.fullmatch(pattern, config)]
    return {name: value for values in rows for name, value in values.items()}


@pytest.mark.parametrize(("config", "base", "kind"), [(MrsiConfig, SFTConfig, "sft"), (CvoConfig, GRPOConfig, "grpo")])
def test_defaults_are_the_papers(config, base, kind, tmp_path):
    (got,) = parse_settings((config,), ["--output_dir", str(tmp_path), *ON_CPU])
    fields = {field.name for field in dataclasses.fields(base)}
    expected = {name: value for name, value in stated(kind).items() if name in fields - OF_A_SETUP} | OURS[config]
    batch = {name for name in expected if name.endswith("batch_size")}
    assert {name: getattr(got, name) for name in expected.keys() - batch} == {
        name: expected[name] for name in expected.keys() - batch
    }
    # Nothing else differs from TRL than what is stated or chosen here.
    defaults = {field.name: field.default for field in dataclasses.fields(base)}
    changed = {field.name for field in dataclasses.fields(config) if field.default != defaults[field.name]}
    assert changed - {"warmup_steps"} <= expected.keys()


def test_the_warm_up_of_cvo_is_a_twentieth_of_its_steps(tmp_path):
    config = CvoConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False)
    assert config.get_warmup_steps(640) == 32


def test_a_config_and_flags_go_before_the_defaults(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(f"output_dir: {tmp_path}\nuse_cpu: true\nbf16: false\nbeta: 0.0\ntop_k: 50\n")
    (config,) = parse_settings((CvoConfig,), ["--config", str(path), "--top_k", "7"])
    assert (config.beta, config.top_k, config.temperature) == (0.0, 7, 1.5)


def test_a_limit_that_cuts_samples_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must not be cut"):
        parse_settings((MrsiConfig,), ["--output_dir", str(tmp_path), *ON_CPU, "--max_length", "1024"])
