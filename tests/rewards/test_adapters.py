import importlib.util
import json
import math
import pickle
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bench_path import load_bench

import rewards
from mcr.boxes import frame_for
from mcr.errors import ConfigError, DataError
from rewards import for_trl, score_completion
from rewards.columns import completion_text, read_ground_truth, score_row
from rewards.for_openrlhf import completion_of
from rewards.for_verifiers import part_function
from rewards.score import DEFAULT_WEIGHTS, PARTS

FUZZ = load_bench("fuzz_rewards")
FRAME = frame_for("norm1000", 640, 480)
ROOT = Path(rewards.__file__).parent


def load_by_path(name, monkeypatch, tmp_path):
    """Load an adapter the way verl, EasyR1, OpenRLHF and ms-swift do: a file by its path, from some other folder."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("custom_module", ROOT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_cases(num):
    rng = random.Random(11)
    return [(text, [e.to_dict() for e in gold]) for _, text, gold in FUZZ.completions(rng, num)]


CASES = make_cases(200)
COMPLETIONS = [text for text, _ in CASES]
GOLD = [gold for _, gold in CASES]
EXPECTED = [score_completion(text, gold, frame=FRAME) for text, gold in CASES]
TOTALS = [score.total for score in EXPECTED]
WITH_FRAME = [json.dumps({"entities": gold, "frame": FRAME.to_dict()}) for gold in GOLD]


def test_cases_are_worth_comparing():
    assert len({round(total, 3) for total in TOTALS}) > 10


def test_trl_functions_give_the_same_parts():
    columns = {"gold": [json.dumps(gold) for gold in GOLD], "frame": [json.dumps(FRAME.to_dict())] * len(GOLD)}
    messages = [[{"role": "assistant", "content": text}] for text in COMPLETIONS]
    for part in PARTS:
        function = getattr(for_trl, f"{part}_reward")
        assert function.__name__ == f"{part}_reward"
        assert function(prompts=None, completions=messages, unknown=1, **columns) == [getattr(s, part) for s in EXPECTED]
    assert for_trl.total_reward(completions=COMPLETIONS, **columns) == TOTALS


def test_trl_takes_gold_as_lists_and_frames_as_mappings():
    assert for_trl.total_reward(completions=COMPLETIONS, gold=GOLD, frame=[FRAME.to_dict()] * len(GOLD)) == TOTALS


def test_trl_functions_can_be_pickled_and_used_in_another_process():
    functions = pickle.loads(pickle.dumps(for_trl.weighted_rewards(normalization="larger_count").functions))
    with ProcessPoolExecutor(1) as pool:
        there = [pool.submit(function, COMPLETIONS[:50], GOLD[:50]).result() for function in functions]
    assert there == [function(COMPLETIONS[:50], GOLD[:50]) for function in functions]


def test_trl_weights_follow_the_functions():
    got = for_trl.weighted_rewards({"type": 0.5, "count": 0.1}, sigma=0.3, normalization="larger_count")
    assert got.weights == [0.1, 0.0, 0.5, 0.0, 0.0]
    assert got.functions[2] == for_trl.PartReward("type", 0.3, "larger_count")
    with pytest.raises(ConfigError, match="normalization"):
        for_trl.weighted_rewards(normalization="larger")


def test_verl_by_path(monkeypatch, tmp_path):
    compute_score = load_by_path("for_verl", monkeypatch, tmp_path).compute_score
    got = [compute_score("any", text, gold, {"frame": FRAME.to_dict()}, other=1) for text, gold in CASES]
    assert [row["score"] for row in got] == TOTALS
    assert [row["grounding"] for row in got] == [score.grounding for score in EXPECTED]
    inside = [compute_score("any", text, gold, None) for text, gold in zip(COMPLETIONS, WITH_FRAME, strict=True)]
    assert [row["score"] for row in inside] == TOTALS


def test_easyr1_by_path(monkeypatch, tmp_path):
    module = load_by_path("for_easyr1", monkeypatch, tmp_path)
    rows = [
        {"response": text, "response_length": 1, "ground_truth": gold} for text, gold in zip(COMPLETIONS, WITH_FRAME, strict=True)
    ]
    assert module.REWARD_TYPE == "batch"
    assert [row["overall"] for row in module.compute_score(rows)] == TOTALS


def test_swift_by_path(monkeypatch, tmp_path):
    module = load_by_path("for_swift", monkeypatch, tmp_path)
    assert set(module.ORMS) == {f"mcr_{part}" for part in (*PARTS, "total")}
    for name, cls in module.ORMS.items():
        got = cls()(COMPLETIONS, gold=GOLD, frame=[FRAME.to_dict()] * len(GOLD), solution=None)
        assert got == [getattr(score, name.removeprefix("mcr_")) for score in EXPECTED]


def test_openrlhf_by_path(monkeypatch, tmp_path):
    reward_func = load_by_path("for_openrlhf", monkeypatch, tmp_path).reward_func
    prompts = ["<image> Answer:\nAnn | PER | None\n" + "assistant\n"] * len(CASES)
    queries = [prompt + text for prompt, text in zip(prompts, COMPLETIONS, strict=True)]
    got = reward_func(queries, prompts, WITH_FRAME)
    assert got["rewards"].tolist() == got["scores"].tolist() == np.array(TOTALS, dtype=np.float32).tolist()
    assert got["extra_logs"]["span"].tolist() == np.array([s.span for s in EXPECTED], dtype=np.float32).tolist()


def test_openrlhf_finds_the_completion_behind_expanded_image_tokens():
    for words in (3, 60):
        prompt = "<pad> Example: <answer>x</answer> " + " ".join(f"word{i}" for i in range(words)) + "\nassistant\n"
        assert completion_of(prompt.replace("<pad>", "<pad>" * 9) + "done", prompt) == "done"
    turns = "user\n<pad>Ann\nassistant\n<answer>\nAnn | PER | None\n</answer>\nuser\n<pad>Ann\nassistant\n"
    assert completion_of(turns.replace("<pad>", "<pad>" * 4) + "dunno", turns) == "dunno"
    assert completion_of("unrelated <answer>\nAnn | PER | None\n</answer>", "prompt") == ""


def test_options_of_frameworks_that_pass_none_come_from_the_environment(monkeypatch, tmp_path):
    gold = json.dumps([{"text": "Ann", "type": "PER", "boxes": None}, {"text": "Bob", "type": "PER", "boxes": None}])
    text = "Ann | PER | None"
    swift, openrlhf = (load_by_path(name, monkeypatch, tmp_path) for name in ("for_swift", "for_openrlhf"))
    for normalization, total in (("matched", 0.9333), ("larger_count", 0.5333)):
        monkeypatch.setenv("MCR_REWARD_NORMALIZATION", normalization)
        assert swift.ORMS["mcr_total"](args=None)([text], gold=[gold])[0] == pytest.approx(total, abs=1e-4)
        assert openrlhf.reward_func([text], [""], [gold])["rewards"].item() == pytest.approx(total, abs=1e-4)
    monkeypatch.setenv("MCR_REWARD_SIGMA", "two")
    with pytest.raises(ConfigError, match="MCR_REWARD_SIGMA"):
        swift.ORMS["mcr_total"]()([text], gold=[gold])


@pytest.mark.parametrize("completion", [["Ann | PER | None"], [{"role": "user", "content": "x"}], 3])
def test_what_is_no_completion_is_an_error_of_the_caller(completion):
    with pytest.raises(DataError, match="completion: got"):
        completion_text(completion)


def test_wrong_weights_and_parts_are_refused():
    for weights in ({"groundng": 1.0}, {"type": -1.0}):
        with pytest.raises(ConfigError, match="weights"):
            for_trl.weighted_rewards(weights)
    with pytest.raises(ConfigError, match="part"):
        for_trl.PartReward("matches")


def test_the_column_that_is_wrong_is_named_and_empty_frames_are_none():
    gold = '[{"text": "Ann", "type": "PER", "boxes": null}]'
    with pytest.raises(DataError, match="frame: got 'nope'"):
        read_ground_truth(gold, "nope")
    with pytest.raises(DataError, match="gold: got 'not json'"):
        read_ground_truth("not json", {"kind": "norm1000"})
    assert read_ground_truth(gold, "")[1] is None
    assert read_ground_truth(gold, float("nan"))[1] is None


def test_verifiers_functions_give_the_same_total():
    functions = {part: part_function(part) for part in PARTS}
    assert functions["type"].__name__ == "type_reward"
    for text, gold, total in zip(COMPLETIONS, WITH_FRAME, TOTALS, strict=True):
        parts = {part: function(completion=text, answer=gold, state={}) for part, function in functions.items()}
        assert math.fsum(DEFAULT_WEIGHTS[part] * value for part, value in parts.items()) == total


def test_completions_come_as_text_messages_objects_and_parts():
    class Message:
        role, content = "assistant", [{"type": "text", "text": "a"}, {"type": "image"}]

    assert completion_text([Message(), {"role": "user", "content": "no"}, {"role": "assistant", "content": None}]) == "a"
    assert completion_text({"role": "assistant", "content": "one"}) == completion_text(b"one") == "one"
    parts = [{"type": "reasoning", "text": "no"}, {"type": "text", "text": "yes"}, "!"]
    assert completion_text([{"role": "model", "content": parts}]) == "yes!"


def test_gold_comes_as_arrays_of_a_parquet_reader():
    gold = np.array([{"text": "Ann", "type": "PER", "boxes": np.array([np.array([0.0, 0, 10, 10])], dtype=object)}], dtype=object)
    assert score_row("Ann | PER | [0, 0, 10, 10]", gold).total == 1


@pytest.mark.parametrize("gold", ["not json", "3", '"text"', [1], {"boxes": []}, '[{"text": "a"}]', "[["])
def test_wrong_gold_is_an_error_of_the_data(gold):
    with pytest.raises(DataError):
        read_ground_truth(gold)


def test_gold_text_is_read_once_for_a_group():
    read_ground_truth('[{"text": "Once", "type": "PER", "boxes": null}]')
    first = read_ground_truth('[{"text": "Once", "type": "PER", "boxes": null}]')
    assert first is read_ground_truth('[{"text": "Once", "type": "PER", "boxes": null}]')
