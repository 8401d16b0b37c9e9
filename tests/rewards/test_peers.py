"""The adapters through the loaders of the frameworks themselves (`make test-peers`); each test skips where its framework is not there."""

import asyncio
import importlib
import json
import random
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from bench_path import load_bench

import rewards
from rewards import score_completion
from rewards.score import PARTS

pytestmark = pytest.mark.peers
FUZZ = load_bench("fuzz_texts")
ROOT = Path(rewards.__file__).parent
CASES = [(text, gold) for _, text, gold in FUZZ.completions(random.Random(11), 200)]
COMPLETIONS = [text for text, _ in CASES]
GOLD = [json.dumps([e.to_dict() for e in gold]) for _, gold in CASES]
TOTALS = [score_completion(text, gold).total for text, gold in CASES]


def need(distribution, module):
    """Skip unless a framework is installed; print which version is tested."""
    try:
        found = version(distribution)
    except PackageNotFoundError:
        pytest.skip(f"{distribution} is not installed")
    try:
        importlib.import_module(module)
    except ImportError:
        pytest.skip(f"{distribution} {found} has no {module}")
    print(f"{distribution} {found}")


def test_trl_scores_alike():
    need("trl", "trl")
    from rewards.for_trl import weighted_rewards

    rewarded = weighted_rewards()
    parts = [function(completions=COMPLETIONS, gold=GOLD, prompts=None) for function in rewarded.functions]
    got = [sum(w * p for w, p in zip(rewarded.weights, row, strict=True)) for row in zip(*parts, strict=True)]
    assert got == pytest.approx(TOTALS, abs=1e-12)


def test_verl_loads_and_scores_alike(tmp_path, monkeypatch):
    need("verl", "verl.trainer.ppo.reward")
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn

    monkeypatch.chdir(tmp_path)
    function = {"path": str(ROOT / "for_verl.py"), "name": "compute_score", "reward_kwargs": {"sigma": 0.5}}
    config = OmegaConf.create({"custom_reward_function": function, "reward": {"custom_reward_function": function}})
    compute_score = get_custom_reward_fn(config)
    got = [
        compute_score(data_source="gmner", solution_str=text, ground_truth=gold, extra_info={})
        for text, gold in zip(COMPLETIONS, GOLD, strict=True)
    ]
    assert [row["score"] for row in got] == TOTALS


def test_swift_loads_and_scores_alike(tmp_path, monkeypatch):
    need("ms-swift", "swift.rewards")
    from swift.rewards import orms
    from swift.utils import import_external_file

    monkeypatch.chdir(tmp_path)
    import_external_file(str(ROOT / "for_swift.py"))
    assert {f"mcr_{part}" for part in (*PARTS, "total")} <= set(orms)
    assert orms["mcr_total"](args=None)(COMPLETIONS, gold=GOLD, messages=None) == TOTALS


def test_verifiers_scores_alike():
    need("verifiers", "verifiers.rubrics.rubric")
    from rewards.for_verifiers import make_rubric

    rubric = make_rubric()
    got = [asyncio.run(score_by(rubric, text, gold)) for text, gold in zip(COMPLETIONS, GOLD, strict=True)]
    assert got == pytest.approx(TOTALS, abs=1e-12)


async def score_by(rubric, text, gold):
    """Score one rollout the way verifiers' environments do."""
    state = {
        "prompt": [{"role": "user", "content": "?"}],
        "completion": [{"role": "assistant", "content": text}],
        "answer": gold,
        "info": {},
        "task": "gmner",
        "timing": {"total_ms": 0.0, "scoring_ms": 0.0},
    }
    await rubric.score_rollout(state)
    return state["reward"]


def test_openrlhf_loads_and_scores_alike(tmp_path, monkeypatch):
    need("openrlhf", "openrlhf.utils.agent")
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    monkeypatch.chdir(tmp_path)
    executor = SingleTurnAgentExecutor(str(ROOT / "for_openrlhf.py"))
    queries = ["Q: who?\n" + text for text in COMPLETIONS]
    got = asyncio.run(executor._fetch_rewards_via_func(queries, ["Q: who?\n"] * len(queries), GOLD))
    assert [row["rewards"].item() for row in got] == pytest.approx(TOTALS, abs=1e-6)
