"""mcr ask-appearance beside the scripted LLM: knowledge of entities in the file that others read, asked once, cached."""

import threading
from argparse import Namespace

import pytest

from data_prep import make_sandbox
from data_prep.knowledge.ask_appearance import endpoint_of, main
from data_prep.sandbox.looks import ALL_NAMES
from data_prep.serve_sandbox import SandboxServer
from mcr.errors import ConfigError
from mcr.io.samples import load_samples
from mcr.knowledge.known_texts import read_knowledge


@pytest.fixture
def world(tmp_path):
    sizes = ["--train", "1", "--dev", "1", "--test", "20", "--fine_types"]
    make_sandbox.main(["--output_dir", str(tmp_path / "data"), *sizes])
    return tmp_path / "data" / "test.jsonl"


@pytest.fixture
def server(tmp_path):
    with SandboxServer(0, log=tmp_path / "log.jsonl") as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def flags(world, tmp_path, *words):
    return ["--samples", str(world), "--output", str(tmp_path / "knowledge.jsonl"), *words]


def test_what_models_agree_on_is_written_for_each_entity(world, server, tmp_path, capsys):
    llms = [f"{name}@{server.url}" for name in ("one", "two", "three")]
    main(flags(world, tmp_path, "--llms", *llms))
    samples = {sample.id: sample for sample in load_samples(world)}
    looks = {name.text: [look.label for look in name.looks] for name in ALL_NAMES}
    known = read_knowledge(tmp_path / "knowledge.jsonl")
    assert known
    right = sum(any(look in one.text for look in looks[one.entity]) for one in known)
    assert right > len(known) / 2
    assert all((one.entity, one.type) in {(e.text, e.type) for e in samples[one.id].entities} for one in known)
    num_requests = len((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines())
    main(flags(world, tmp_path, "--llms", *llms))
    assert len((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()) == num_requests
    assert "no usable reply: none" in capsys.readouterr().out


def test_a_dry_run_counts_and_asks_nothing(world, tmp_path, capsys):
    main(flags(world, tmp_path, "--llms", "a@http://localhost:1/v1", "b@http://localhost:1/v1", "--dry_run"))
    told = capsys.readouterr().out
    num = len({(entity.text, entity.type) for sample in load_samples(world) for entity in sample.entities})
    assert f"{num} entities: {2 * num} requests" in told
    assert "Reply with one JSON object" in told
    assert not (tmp_path / "knowledge.jsonl").exists()


def test_a_model_without_an_address_is_refused(world, tmp_path):
    with pytest.raises(ConfigError, match="expected MODEL@URL"):
        main(flags(world, tmp_path, "--llms", "gpt"))


@pytest.mark.parametrize(
    ("word", "model", "url", "key"),
    [
        ("llama@http://a/v1", "llama", "http://a/v1", "OPENAI_API_KEY"),
        ("gpt@https://b/v1@GPT_KEY", "gpt", "https://b/v1", "GPT_KEY"),
        ("llama3:8b@http://host/v1", "llama3:8b", "http://host/v1", "OPENAI_API_KEY"),
    ],
)
def test_each_model_may_have_a_key_of_its_own(tmp_path, word, model, url, key):
    args = Namespace(api_key_env="OPENAI_API_KEY", max_concurrency=1, cache=tmp_path / "c.sqlite", output=tmp_path / "o.jsonl")
    settings = endpoint_of(word, args).settings
    assert (settings.model, settings.base_url, settings.api_key_env) == (model, url, key)
