"""A command beside the scripted LLM: served while it runs, its address filled in, gone afterwards."""

import json
import urllib.error
import urllib.request

import pytest

from mcr.commands import with_sandbox_llm
from mcr.errors import ConfigError
from mcr.io.samples import write_samples
from mcr.knowledge.known_texts import read_knowledge
from mcr.records import Entity, Sample
from mcr.tasks import GMNER


def write_tweet(path):
    from data_prep.sandbox.looks import KNOWN

    name = KNOWN[0]
    write_samples(path, [Sample("1", "sandbox", GMNER, f"hello {name.text} !", (), (Entity(name.text, name.type),))])
    return name


def run(tmp_path, *words, served=()):
    asked = ["ask-knowledge", *words, "--samples", str(tmp_path / "s.jsonl"), "--output", str(tmp_path / "k.jsonl")]
    with_sandbox_llm.main([*served, "--", *asked, "--source", "llm", "--base_url", "URL", "--model", "sandbox-llm"])
    return read_knowledge(tmp_path / "k.jsonl")


def test_a_command_is_answered_and_the_server_is_gone_afterwards(tmp_path):
    name = write_tweet(tmp_path / "s.jsonl")
    log = tmp_path / "log.jsonl"
    (found,) = run(tmp_path, "expansions", served=["--log", str(log)])
    assert (found.entity, found.text) == (name.text, name.appearance)
    (line,) = map(json.loads, log.read_text().splitlines())
    assert line["kind"] == "expansion"
    settings = json.dumps(line)
    assert "URL" not in settings


def test_without_examples_the_request_shows_none(tmp_path):
    name = write_tweet(tmp_path / "s.jsonl")
    log = tmp_path / "log.jsonl"
    (found,) = run(tmp_path, "refined", "--num_examples", "0", served=["--log", str(log)])
    assert name.text in found.text
    (line,) = map(json.loads, log.read_text().splitlines())
    assert "example" not in line["messages"][0]["text"]


def test_errors_come_at_the_stated_rate(tmp_path):
    name = write_tweet(tmp_path / "s.jsonl")
    (found,) = run(tmp_path, "expansions", served=["--error_rate", "1"])
    assert found.text != name.appearance


def test_the_server_ends_where_the_command_fails(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(with_sandbox_llm, "run", lambda words: seen.append(words[-1]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        with_sandbox_llm.main(["--", "doctor", "URL"])
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"{seen[0]}/models", timeout=2)


@pytest.mark.parametrize(("words", "told"), [([], "expected --"), (["--"], "expected --"), (["--error_rate", "2", "--", "doctor"], "0 to 1")])  # fmt: skip
def test_what_is_missing_is_named(words, told):
    with pytest.raises(ConfigError, match=told):
        with_sandbox_llm.main(words)
