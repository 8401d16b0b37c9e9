"""The scripted LLM: replies over HTTP from the request alone, errors at the stated rate, each request in the log."""

import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest
import yaml

from data_prep import write_schemas
from data_prep.sandbox.looks import ALL_NAMES
from data_prep.sandbox.scripted.replies import UNKNOWN, reply_to
from data_prep.sandbox.task_worlds import world_sample
from data_prep.schemas.ask import ASKED_STYLES
from data_prep.serve_sandbox import MODEL, SandboxServer, main
from mcr.errors import ConfigError
from mcr.formats import parse_completion
from mcr.io.samples import write_samples

LLM_STYLES = ("llm_questions", "llm_conclusions")


@contextmanager
def served(**settings):
    with SandboxServer(0, **settings) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def post(url, body):
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())


def raw_status(server, length, body):
    """Return the status of a request whose headers are written by hand."""
    with socket.create_connection(server.server_address, timeout=20) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return int(connection.recv(64).split()[1])


def said(text):
    return [{"role": "user", "content": text}]


def test_it_tells_what_is_known_of_the_names_of_a_message():
    for name in ALL_NAMES:
        assert reply_to(said(f"What do you know of {name.text}?")).text == name.knowledge
    assert reply_to(said("Who is Skarn, and who is Dex?")).text.startswith("Skarn is a")
    assert reply_to(said("And who are you?")).text == UNKNOWN


def test_a_model_of_another_name_errs_in_other_requests():
    server = SandboxServer(0, error_rate=0.5)
    with server:
        asked = [said(f"What do you know of {name.text}?") for name in ALL_NAMES]
        replies = [[server.answer({"model": model, "messages": one}) for one in asked] for model in (MODEL, "two", "three")]
        assert [server.answer({"messages": one}) for one in asked] == replies[0]
    wrong = [[reply != name.knowledge for reply, name in zip(row, ALL_NAMES, strict=True)] for row in replies]
    assert wrong[0] != wrong[1] != wrong[2] != wrong[0]
    assert all(len(ALL_NAMES) / 4 < sum(row) < 3 * len(ALL_NAMES) / 4 for row in wrong)


def test_errors_come_at_their_rate_and_always_to_the_same_requests():
    asked = [said(f"What of {name.text}, time {index}?") for index in range(25) for name in ALL_NAMES]
    replies = [reply_to(one, seed=3, error_rate=0.3) for one in asked]
    assert 0.26 < sum(reply.is_wrong for reply in replies) / len(replies) < 0.34
    assert replies == [reply_to(one, seed=3, error_rate=0.3) for one in asked]
    knowledge = {name.text: name.knowledge for name in ALL_NAMES}
    for one, reply in zip(asked, replies, strict=True):
        name = one[0]["content"].split("What of ")[1].split(", time")[0]
        assert (reply.text != knowledge[name]) == reply.is_wrong


def write_with(url, tmp_path, *more):
    """Have it write schemas of the text routes for 30 scenes, and return their styles and the summary."""
    write_samples(tmp_path / "s.jsonl", [world_sample(2, "train", index)[0] for index in range(30)])
    teacher = {"model": MODEL, "base_url": url, "max_concurrency": 4}
    content = {"teachers": {"script": teacher}, "styles": {style: ["script"] for style in LLM_STYLES}}
    (tmp_path / "teachers.yaml").write_text(yaml.safe_dump(content))
    flags = ["--samples", tmp_path / "s.jsonl", "--output_dir", tmp_path / "out", "--family", "qwen3_vl", "--d2_share", 0]
    flags += ["--styles", ",".join(LLM_STYLES), "--per_sample", 1, "--teachers", tmp_path / "teachers.yaml", *more]
    write_schemas.main([*map(str, flags)])
    rows = pq.read_table(tmp_path / "out" / "d1.parquet").to_pylist()
    return [row["style"] for row in rows], json.loads((tmp_path / "out" / "summary.json").read_text())


def test_its_schemas_pass_the_gate(tmp_path):
    with served() as server:
        styles, summary = write_with(server.url, tmp_path)
    assert set(styles) == set(LLM_STYLES)
    assert summary["template_share"] == 0


def test_its_wrong_schemas_are_refused_and_every_request_is_in_the_log(tmp_path):
    with served(error_rate=0.5, log=tmp_path / "log.jsonl") as server:
        _, summary = write_with(server.url, tmp_path, "--max_asks", 1)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} == {"schema"}
    assert len(rows) == 30
    assert summary["templates_by_reason"] == {"answer": sum(row["is_wrong"] for row in rows)}
    assert all(row["messages"][0]["text"].startswith("Text: ") for row in rows)


def test_a_wrong_schema_of_nothing_invents_an_entity():
    asked = "End with the answer, copied exactly, between <answer> and </answer>:\n<answer>\nNone\n</answer>"
    reply = reply_to(said(asked), error_rate=1.0)
    assert reply.is_wrong
    assert "<answer>\nNone\n</answer>" not in reply.text
    assert parse_completion(reply.text).entities
    assert reply_to(said("End with the answer, copied exactly, between <answer> and </answer>:")).kind == "unknown"


def test_the_style_that_is_asked_for_shapes_the_reply():
    def schema(style):
        asked = f"Text: x\nSkarn is not shown in the image.\n{ASKED_STYLES[style].manner}\nEnd with the answer, copied exactly, "
        return reply_to(said(asked + "between <answer> and </answer>:\n<answer>\nSkarn | OTHER | None\n</answer>")).text

    assert schema("llm_questions").startswith("Q: ")
    assert schema("mllm_distilled").startswith("<think>\n")
    assert all(schema(style).endswith("<answer>\nSkarn | OTHER | None\n</answer>") for style in ASKED_STYLES)


def test_it_names_its_model_and_refuses_what_it_does_not_serve():
    with served() as server:
        with urllib.request.urlopen(f"{server.url}/models") as response:
            assert json.loads(response.read())["data"][0]["id"] == MODEL
        assert post(server.url, {"messages": said("Dex?")})["choices"][0]["message"]["content"].startswith("Dex is a character")
        for body in ({}, {"messages": "x"}, [], {"messages": []}, {"messages": [{"content": "Dex?"}]}):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                post(server.url, body)
        for length, body, status in (
            ("abc", b"", 413),
            ("-1", b"", 413),
            (str(10**12), b"", 413),
            ("200000", b"[" * 200000, 400),
        ):
            assert raw_status(server, length, body) == status
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/other")
    with pytest.raises(ConfigError, match="expected 0 to 1"):
        main(["--error_rate", "2"])
