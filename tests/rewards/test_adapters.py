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
from rewards import DEFAULT_WEIGHTS, PARTS, RewardOptions, for_trl, for_verl, score_completion
from rewards.columns import completion_text, read_ground_truth, score_row
from rewards.for_openrlhf import completion_of
from rewards.for_verifiers import part_function

FUZZ = load_bench("fuzz_texts")
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
        function = for_trl.PartReward(part)
        assert function.__name__ == f"{part}_reward"
        assert function(prompts=None, completions=messages, unknown=1, **columns) == [getattr(s, part) for s in EXPECTED]
    assert for_trl.total_reward(completions=COMPLETIONS, **columns) == TOTALS


@pytest.mark.parametrize("part", ["count", "span", "type", "entailment", "grounding", "total"])
def test_trl_functions_of_the_paper_have_names_in_the_module(part):
    assert getattr(for_trl, f"{part}_reward") == for_trl.PartReward(part)


def test_trl_takes_gold_as_lists_and_frames_as_mappings():
    assert for_trl.total_reward(completions=COMPLETIONS, gold=GOLD, frame=[FRAME.to_dict()] * len(GOLD)) == TOTALS


def test_trl_functions_can_be_pickled_and_used_in_another_process():
    functions = pickle.loads(pickle.dumps(for_trl.weighted_rewards(RewardOptions(normalization="larger_count")).functions))
    with ProcessPoolExecutor(1) as pool:
        there = [pool.submit(function, COMPLETIONS[:50], GOLD[:50]).result() for function in functions]
    assert there == [function(COMPLETIONS[:50], GOLD[:50]) for function in functions]


def test_trl_weights_follow_the_functions():
    options = RewardOptions({"type": 0.5, "count": 0.1}, sigma=0.3, normalization="larger_count")
    got = for_trl.weighted_rewards(options)
    assert got.weights == [{"type": 0.5, "count": 0.1}.get(part, 0.0) for part in PARTS]
    assert got.functions[PARTS.index("type")] == for_trl.PartReward("type", options)


def test_verl_by_path(monkeypatch, tmp_path):
    compute_score = load_by_path("for_verl", monkeypatch, tmp_path).compute_score
    got = [compute_score("any", text, gold, {"frame": FRAME.to_dict()}, other=1) for text, gold in CASES]
    assert [row["score"] for row in got] == TOTALS
    assert [row["grounding"] for row in got] == [score.grounding for score in EXPECTED]
    inside = [compute_score("any", text, gold, None) for text, gold in zip(COMPLETIONS, WITH_FRAME, strict=True)]
    assert [row["score"] for row in inside] == TOTALS


@pytest.mark.parametrize(("name", "meant"), [("normalisation", "normalization"), ("label", "labels"), ("sigmas", "sigma")])
def test_verl_is_told_of_misspelled_options(name, meant):
    with pytest.raises(ConfigError, match=rf"'{name}' \(did you mean {meant}\?\)"):
        for_verl.compute_score("any", COMPLETIONS[0], GOLD[0], None, **{name: "any"})


def test_verls_own_arguments_pass():
    own = dict.fromkeys(
        ["sandbox_fusion_url", "concurrent_semaphore", "memory_limit_mb", "reward_router_address", "reward_model_tokenizer"]
    )
    assert for_verl.compute_score("any", "Ann | PER | None", "[]", None, **own)["score"] == 0


@pytest.mark.parametrize("labels", ["HUMAN,PLACE", {"name": "x", "labels": ["HUMAN"], "aliases": {"person": "HUMAN"}}])
def test_verl_takes_label_sets(labels):
    gold = json.dumps([{"text": "Ann", "type": "HUMAN", "boxes": None}])
    got = for_verl.compute_score("any", "Ann | person | None", gold, labels=labels)
    assert got["type"] == isinstance(labels, dict)


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
    for normalization, total in (("matched", 0.9), ("larger_count", 0.5)):
        monkeypatch.setenv("MCR_REWARD_NORMALIZATION", normalization)
        assert swift.ORMS["mcr_total"](args=None)([text], gold=[gold])[0] == pytest.approx(total, abs=1e-4)
        assert openrlhf.reward_func([text], [""], [gold])["rewards"].item() == pytest.approx(total, abs=1e-4)
    for name, value, told in (
        ("SIGMA", "two", "MCR_REWARD_SIGMA"),
        ("WEIGHTS", "count=1", "MCR_REWARD_WEIGHTS"),
        ("NORMALISATION", "matched", r"did you mean normalization\?"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"MCR_REWARD_{name}", value)
            with pytest.raises(ConfigError, match=told):
                swift.ORMS["mcr_total"]()([text], gold=[gold])


TASKS = {
    "gmner": ("Ann | PER | [0, 0, 10, 10]", "Ann | PER | None", [{"text": "Ann", "type": "PER", "boxes": [[0, 0, 10, 10]]}]),
    "mner": ("<answer>\nAnn | PER\n</answer>", "Ann | ORG", [{"text": "Ann", "type": "PER", "boxes": None}]),
    "vg": ("<answer>[0, 0, 10, 10]</answer>", "None", [{"text": "the man", "type": "", "boxes": [[0, 0, 10, 10]]}]),
}
ADAPTERS = ("trl", "swift", "verl", "easyr1", "openrlhf", "verifiers")


def total_by(name, load, text, gold, **where):
    """Return the total of one completion by one adapter; `where` says how the task is handed over."""
    column, default = where.get("column"), where.get("default")
    if name == "trl":
        return for_trl.total_reward([text], [gold], task=column and [column])[0]
    if name == "swift":
        return load("for_swift").ORMS["mcr_total"]()([text], gold=[gold], task=column and [column])[0]
    if name == "verl":
        return load("for_verl").compute_score("any", text, gold, column and {"task": column}, task=default)["score"]
    if name == "easyr1":
        return load("for_easyr1").compute_score([{"response": text, "ground_truth": gold}], task=default)[0]["overall"]
    if name == "openrlhf":
        return load("for_openrlhf").reward_func([text], [""], [gold])["rewards"].item()
    parts = {part: part_function(part)(text, gold, info=column and {"task": column}) for part in PARTS}
    return math.fsum(DEFAULT_WEIGHTS[part] * value for part, value in parts.items())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_scores_every_task(name, task, monkeypatch, tmp_path):
    def load(module):
        return load_by_path(module, monkeypatch, tmp_path)

    right, wrong, gold = TASKS[task]
    inside = json.dumps({"entities": gold, "task": task})
    assert total_by(name, load, right, inside) == 1
    expected = score_completion(wrong, gold, task=task).total
    assert total_by(name, load, wrong, inside) == pytest.approx(expected, abs=1e-7)
    assert expected < 1
    if name in ("trl", "swift", "verl", "verifiers"):
        assert total_by(name, load, right, json.dumps(gold), column=task) == 1
    if name in ("verl", "easyr1"):
        assert total_by(name, load, right, json.dumps(gold), default=task) == 1
    if name in ("swift", "openrlhf"):
        monkeypatch.setenv("MCR_REWARD_TASK", task)
        assert total_by(name, load, right, json.dumps(gold)) == 1


HAND_COUNTS = [((1, 3), 0), ((2, 3), 0.5), ((4, 2), 0.2), ((3, 4), 0.7), ((6, 5), 0.9), ((5, 6), 0.8), ((7, 1), 0)]
HAND_COUNTS += [((0, 2), 0), ((2, 0), 0), ((0, 0), 1)]


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize(("counts", "expected"), HAND_COUNTS)
def test_every_adapter_counts_by_the_stepwise_rule(name, counts, expected, monkeypatch, tmp_path):
    predicted, gold = ([{"text": f"name{index}", "type": "PER", "boxes": None} for index in range(num)] for num in counts)
    text = "<answer>\n" + "\n".join(f"{entity['text']} | PER | None" for entity in predicted) + "\n</answer>"
    total = total_by(name, lambda module: load_by_path(module, monkeypatch, tmp_path), text, json.dumps(gold))
    others = 0.8 if all(counts) or not any(counts) else 0
    assert total == pytest.approx(others + 0.2 * expected, abs=1e-7)


@pytest.mark.parametrize("completion", [["Ann | PER | None"], [{"role": "user", "content": "x"}], 3])
def test_what_is_no_completion_is_an_error_of_the_caller(completion):
    with pytest.raises(DataError, match="completion: got"):
        completion_text(completion)


def test_a_wrong_part_is_refused():
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
