"""Predictors: a sampler with its prompt, a file, and what a run needs around any of them."""

import json
from types import SimpleNamespace

import pytest

pytest.importorskip("accelerate")

from mcr.errors import ConfigError, DataError, McrError
from mcr.families import frame_settings
from mcr.io.predictions import Prediction, load_predictions
from mcr.labels import TWITTER_GMNER
from mcr.prompts.settings import PromptSettings
from mcr.records import Entity, Sample
from mcr.rollouts import Rollout, SamplingSettings
from mcr.rollouts.predictors import FilePredictor, SamplerPredictor
from mcr.rollouts.resumable import predict_missing

SAMPLES = [Sample(f"s{number}", "d", "gmner", f"Ann {number}", (), (Entity("Ann", "PER", None),)) for number in range(5)]
ANSWER = "<answer>\nAnn | PER | None\n</answer>"


class FakeSampler:
    """Answers all but one request, and notes the size of each batch."""

    def __init__(self):
        self.batches = []

    def sample(self, requests, settings):
        self.batches.append(len(requests))
        return [
            [Rollout("", (), False, fault="refused")] if request.sample_id == "s3" else [Rollout(ANSWER, (), True)]
            for request in requests
        ]


class Listed:
    """A predictor without a completion, as a system may be; stops after some samples, or leaves one out."""

    def __init__(self, *, stop_after=99, left_out=""):
        self.asked, self.stop_after, self.left_out = [], stop_after, left_out

    def predict(self, samples):
        for number, sample in enumerate(samples):
            if number == self.stop_after:
                raise RuntimeError("killed")
            self.asked.append(sample.id)
            if sample.id != self.left_out:
                yield Prediction(sample.id, sample.sentence, sample.entities)


def test_a_sampler_is_asked_in_batches_and_a_refusal_is_no_error(tmp_path):
    sampler = FakeSampler()
    prompts = PromptSettings(TWITTER_GMNER, frame_settings("qwen3_vl"))
    greedy = SamplingSettings(num_generations=1, temperature=0.0)
    found = list(SamplerPredictor(sampler, prompts, greedy, tmp_path, batch_size=2).predict(SAMPLES))
    assert [prediction.id for prediction in found] == [sample.id for sample in SAMPLES]
    assert sampler.batches == [2, 2, 1]
    assert found[0].entities == SAMPLES[0].entities
    assert (found[3].is_readable, found[3].problems) == (False, ("refused",))


def test_a_file_answers_what_it_has_in_the_order_of_the_samples(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"id": name, "sentence": "x", "entities": []}) + "\n" for name in ("s3", "s1")))
    assert [prediction.id for prediction in FilePredictor.read(path, SAMPLES).predict(SAMPLES)] == ["s1", "s3"]
    with pytest.raises(DataError, match="id 's3' is not in gold"):
        FilePredictor.read(path, SAMPLES[:2])


def test_a_stopped_run_resumes_and_asks_nothing_twice(tmp_path, capsys):
    stopped, rest = Listed(stop_after=2), Listed()
    with pytest.raises(RuntimeError, match="killed"):
        predict_missing(SAMPLES, lambda: stopped, out=tmp_path, fingerprint={"system": "x"})
    found = predict_missing(SAMPLES, lambda: rest, out=tmp_path, fingerprint={"system": "x"})
    assert [prediction.id for prediction in found] == [sample.id for sample in SAMPLES]
    assert (stopped.asked, rest.asked) == (["s0", "s1"], ["s2", "s3", "s4"])
    assert "resuming from 2 of 5" in capsys.readouterr().out
    assert load_predictions(tmp_path / "predictions.jsonl") == found


def test_a_file_of_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "predictions.jsonl").write_text("mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="this run would overwrite it"):
        predict_missing(SAMPLES, Listed, out=tmp_path, fingerprint={})
    assert (tmp_path / "predictions.jsonl").read_text(encoding="utf-8") == "mine\n"


def test_a_complete_run_makes_no_predictor_and_refuses_other_settings(tmp_path):
    predict_missing(SAMPLES, Listed, out=tmp_path, fingerprint={"seed": 0})
    assert len(predict_missing(SAMPLES, lambda: pytest.fail("made"), out=tmp_path, fingerprint={"seed": 0})) == 5
    with pytest.raises(ConfigError, match=r"other settings \(seed: 0 there, 1 here;"):
        predict_missing(SAMPLES, Listed, out=tmp_path, fingerprint={"seed": 1})


def test_a_predictor_that_leaves_a_sample_out_is_told(tmp_path):
    with pytest.raises(McrError, match=r"no prediction for 1 samples \(s2\)"):
        predict_missing(SAMPLES, lambda: Listed(left_out="s2"), out=tmp_path, fingerprint={})


def test_held_out_validation_takes_any_predictor():
    torch = pytest.importorskip("torch")
    from mcr.training.callbacks import validation

    logged, model = {}, torch.nn.Linear(1, 1)
    callback = validation.HeldOutScores(SAMPLES, lambda model, processor: Listed(), None, every=1)
    callback._log = logged.update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "unwrap_model_for_generation", lambda *_: torch.no_grad())
        patch.setattr(validation, "inner_model", lambda model: model)
        patch.setattr(validation, "gather_object", lambda found: found)
        accelerator = SimpleNamespace(process_index=0, num_processes=1, is_main_process=False)
        callback.trainer = SimpleNamespace(
            accelerator=accelerator, model=model, model_wrapped=model, processing_class=None, best=None
        )
        callback._score(1)
    assert logged["held_out/gmner_f1"] == 1.0
    assert logged["held_out/unreadable"] == 0
