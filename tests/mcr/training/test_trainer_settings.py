"""Settings of the trainers that cannot work, or that would be passed over, are refused or named in one line."""

import pytest

pytest.importorskip("torch")
from mcr.errors import ConfigError
from mcr.models.vision_tokens import NEVER_SAMPLED
from mcr.training.grpo_checks import biasing_settings
from mcr.training.trainer_configs import CvoConfig, MrsiConfig


def cvo(tmp_path, **settings):
    batch = {"per_device_train_batch_size": 4, "num_generations": 4}
    return CvoConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, **batch, **settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"temperature": -1.0}, "temperature -1.0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_p": 0.0}, "top_p 0.0"),
        ({"top_p": 1.5}, "top_p 1.5"),
        ({"generation_kwargs": {"temperature": 2.0}}, r"temperature \(set temperature\)"),
        (
            {"generation_kwargs": '{"max_tokens": 5, "n": 3}'},
            r"max_tokens \(set max_completion_length\), n \(set num_generations\)",
        ),
    ],
)
def test_sampling_that_grpo_cannot_learn_from_or_would_not_know_of(tmp_path, settings, told):
    with pytest.raises(ConfigError, match=told):
        cvo(tmp_path, **settings)


@pytest.mark.parametrize("make", [cvo, lambda path, **more: MrsiConfig(str(path), use_cpu=True, bf16=False, **more)])
@pytest.mark.parametrize(
    "settings", [{"eval_strategy": "steps"}, {"eval_strategy": "epoch"}, {"do_eval": True}, {"load_best_model_at_end": True}]
)
def test_an_evaluation_without_a_set_is_refused_before_a_model_is_loaded(tmp_path, make, settings):
    with pytest.raises(ConfigError, match=r"held_out scores dev samples"):
        make(tmp_path, **settings)


def test_penalties_are_named_wherever_they_are_set(tmp_path):
    assert biasing_settings(cvo(tmp_path)) == []
    assert biasing_settings(cvo(tmp_path, min_p=0.1, repetition_penalty=1.2)) == ["min_p 0.1", "repetition_penalty 1.2"]
    neutral = {"repetition_penalty": 1.0, "presence_penalty": 0.0, "stop": ["x"], "logit_bias": {3: NEVER_SAMPLED}}
    assert biasing_settings(cvo(tmp_path, generation_kwargs=neutral)) == []
    given = {"repetition_penalty": 1.3, "frequency_penalty": 0.5, "no_repeat_ngram_size": 2, "logit_bias": {3: 5.0}}
    wanted = ["repetition_penalty 1.3", "frequency_penalty 0.5", "no_repeat_ngram_size 2", "logit_bias of token 3"]
    assert biasing_settings(cvo(tmp_path, generation_kwargs=given)) == wanted
