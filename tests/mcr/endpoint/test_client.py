"""Asking an endpoint that misbehaves, over real HTTP."""

import pytest

pytest.importorskip("openai")
from odd_server import ODDITIES, odd_server

from mcr.endpoint.client import ChatEndpoint, EndpointError, EndpointSettings, ReplyCache, request_key
from mcr.errors import ConfigError


def echo(body):
    return "you said: " + str(body["messages"][-1]["content"])


def make(url, cache=None, **settings):
    return ChatEndpoint(EndpointSettings("m", url, **({"max_retries": 3, "backoff_s": 0.01} | settings)), cache)


def body_of(endpoint, text, **sampling):
    return endpoint.body_of([{"role": "user", "content": text}], temperature=0, max_tokens=5, **sampling)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_passes_is_asked_again(oddity):
    with odd_server(echo, lambda body, times: oddity if times <= 2 else "") as server:
        endpoint = make(server.url)
        reply = endpoint.ask(body_of(endpoint, "hello"))
    assert reply.text == "you said: hello"
    assert (reply.is_complete, reply.num_prompt_tokens, reply.is_cached) == (True, 10, False)
    assert endpoint.num_asked == 3


@pytest.mark.parametrize("oddity", [oddity for oddity in ODDITIES if oddity != "blank"])
def test_what_does_not_pass_ends_after_so_many_tries_and_says_why(oddity):
    with odd_server(echo, lambda body, times: oddity) as server:
        endpoint = make(server.url, max_retries=1)
        with pytest.raises(EndpointError, match="2 tries failed, last: "):
            endpoint.ask(body_of(endpoint, "hello"))


@pytest.mark.parametrize("status", ["400", "401", "404", "422"])
def test_a_refusal_is_not_asked_again(status):
    with odd_server(echo, lambda body, times: status) as server:
        endpoint = make(server.url)
        with pytest.raises(EndpointError, match=f"status {status}"):
            endpoint.ask(body_of(endpoint, "hello"))
    assert endpoint.num_asked == 1


def test_an_empty_reply_that_stays_empty_is_given_out_as_such():
    with odd_server(echo, lambda body, times: "blank") as server:
        endpoint = make(server.url, max_retries=1)
        assert endpoint.ask(body_of(endpoint, "hello")).text == ""
    assert endpoint.num_asked == 2


def requests_for(*names):
    from mcr.rollouts import RolloutRequest

    return [RolloutRequest(name, [{"role": "user", "content": [{"type": "text", "text": name}]}], []) for name in names]


def test_one_refused_request_costs_its_own_sample_alone():
    from mcr.rollouts import SamplingSettings
    from mcr.rollouts.endpoint_sampler import EndpointSampler

    with odd_server(echo, lambda body, times: "400" if "bad" in str(body) else "") as server:
        sampler = EndpointSampler(make(server.url))
        good, bad = sampler.sample(requests_for("good", "bad"), SamplingSettings(num_generations=1, temperature=0))
    assert "good" in good[0].text
    assert (bad[0].text, bad[0].is_complete) == ("", False)
    assert "status 400" in bad[0].fault


def test_an_endpoint_that_is_down_is_told_at_once_and_ends_the_batch_with_the_first_request(capsys):
    from mcr.rollouts import SamplingSettings
    from mcr.rollouts.endpoint_sampler import EndpointSampler

    endpoint = make("http://127.0.0.1:9/v1", max_retries=2, max_concurrency=2)
    with pytest.raises(EndpointError, match=r"^sample 0: endpoint .*3 tries failed, last: .* The same command"):
        EndpointSampler(endpoint).sample(requests_for(*map(str, range(50))), SamplingSettings(num_generations=1))
    assert endpoint.num_asked < 30
    told = capsys.readouterr().err
    assert told.count("trying again, up to 2 times a request") == len(told.splitlines()) == 1


def test_after_many_at_once_a_single_request_is_still_tried_again():
    with odd_server(echo, lambda body, times: "500" if times == 1 else "") as server:
        endpoint = make(server.url)
        dict(endpoint.ask_all(iter([(0, body_of(endpoint, "a"))])))
        assert endpoint.ask(body_of(endpoint, "b")).text == "you said: b"


def test_text_that_utf8_cannot_hold_goes_both_ways(tmp_path):
    with odd_server(lambda body: "x\ud800y", lambda body, times: "") as server:
        endpoint = make(server.url, ReplyCache(tmp_path / "c.sqlite"))
        assert endpoint.ask(body_of(endpoint, "a")).text == "x\ufffdy"
        assert len(request_key(body_of(endpoint, "\ud800"))) == 64


def test_several_processes_share_a_cache(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from mcr.endpoint.client import Reply, ReplyCache; c = ReplyCache(Path(sys.argv[1]));"
        "[c.put(f'{sys.argv[2]}/{i}', Reply('t', True)) for i in range(30)]"
    )
    path = tmp_path / "c.sqlite"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], stderr=subprocess.PIPE) for n in range(6)]
    assert [process.wait(timeout=120) for process in running] == [0] * 6
    cache = ReplyCache(path)
    assert all(cache.get(f"{n}/{i}") for n in range(6) for i in range(30))


def test_nobody_there_is_told():
    endpoint = make("http://127.0.0.1:9/v1", max_retries=1)
    with pytest.raises(EndpointError, match="2 tries failed"):
        endpoint.ask(body_of(endpoint, "hello"))


def test_many_at_once_each_gets_its_own_reply_and_nothing_is_asked_twice(tmp_path):
    def oddity(body, times):
        index = int(body["messages"][0]["content"])
        return ODDITIES[index % len(ODDITIES)] if times == 1 and index % 3 == 0 else "400" if index == 7 else ""

    with odd_server(echo, oddity) as server:
        endpoint = make(server.url, ReplyCache(tmp_path / "c.sqlite"))
        found = dict(endpoint.ask_all((index, body_of(endpoint, str(index))) for index in range(200)))
        assert isinstance(found.pop(7), EndpointError)
        assert {index: reply.text for index, reply in found.items()} == {i: f"you said: {i}" for i in range(200) if i != 7}
        before = sum(server.asked.values())
        again = make(server.url, ReplyCache(tmp_path / "c.sqlite"))
        found = dict(again.ask_all((index, body_of(again, str(index))) for index in range(200) if index != 7))
        assert all(reply.is_cached for reply in found.values())
        assert sum(server.asked.values()) == before


def test_any_change_of_the_request_is_another_request():
    endpoint = make("http://127.0.0.1:9/v1")
    keys = {request_key(body_of(endpoint, text, **more)) for text in "ab" for more in ({}, {"seed": 1}, {"seed": 2})}
    assert len(keys) == 6


def test_the_key_is_sent_and_stands_in_no_message_and_no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with odd_server(echo, lambda body, times: "401" if body["messages"][0]["content"] == "no" else "") as server:
        endpoint = make(server.url, ReplyCache(tmp_path / "c.sqlite"))
        endpoint.ask(body_of(endpoint, "yes"))
        with pytest.raises(EndpointError) as caught:
            endpoint.ask(body_of(endpoint, "no"))
        assert server.keys == {"Bearer sk-secret"}
    assert "sk-secret" not in str(caught.value)
    endpoint.cache.close()
    assert b"sk-secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_placeholder_for_a_key_changes_no_reply(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with odd_server(lambda body: "an EMPTY stadium") as server:
        endpoint = make(server.url)
        assert endpoint.ask(body_of(endpoint, "x")).text == "an EMPTY stadium"


@pytest.mark.parametrize(("status", "is_refused"), [("400", True), ("422", True), ("402", False), ("401", False), ("405", False)])
def test_what_concerns_one_request_is_told_from_what_concerns_all(status, is_refused):
    with odd_server(echo, lambda body, times: status) as server:
        endpoint = make(server.url)
        with pytest.raises(EndpointError) as caught:
            endpoint.ask(body_of(endpoint, "hello"))
    assert caught.value.is_refused == is_refused


def test_a_reply_that_echoes_the_key_is_kept_without_it(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    with odd_server(lambda body: "you sent sk-secret-0123456789") as server:
        endpoint = make(server.url, ReplyCache(tmp_path / "c.sqlite"))
        assert endpoint.ask(body_of(endpoint, "x")).text == "you sent [key]"
    endpoint.cache.close()
    assert b"sk-secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_an_endpoint_that_echoes_the_key_does_not_give_it_away(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "you")
    endpoint = make("http://127.0.0.1:9/v1", max_retries=0)
    endpoint.client.chat.completions.create = lambda **_: (_ for _ in ()).throw(ValueError("Bearer you"))
    with pytest.raises(EndpointError) as caught:
        endpoint.ask(body_of(endpoint, "no"))
    assert "Bearer [key]" in str(caught.value)


def test_an_address_that_holds_a_password_is_refused():
    for url in ("https://user:pw@host/v1", "https://host/v1?key=pw"):
        with pytest.raises(ConfigError) as caught:
            EndpointSettings("m", url)
        assert "pw" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"base_url": "localhost"}, {"max_concurrency": 0}, {"max_retries": -1}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigError, match="endpoint: got"):
        EndpointSettings(**({"model": "m", "base_url": "http://x"} | wrong))


@pytest.mark.parametrize(
    "token", ["<|image_pad|>", "<|im_end|>", "<|anything_else|>", "</s>", "[INST]", "<end_of_turn>", "<image>"]
)
def test_a_control_token_does_not_reach_the_server_and_comes_back_as_it_was(token):
    seen = []

    def answer(body):
        seen.append(body["messages"][0]["content"][0]["text"])
        return seen[-1]

    with odd_server(answer) as server:
        endpoint = make(server.url)
        message = {"role": "user", "content": [{"type": "text", "text": f"FC {token}Acme \u2060 {token}"}]}
        reply = endpoint.ask(endpoint.body_of([message], max_tokens=5))
    assert token not in seen[0]
    assert seen[0].replace("\u2060", "") == f"FC {token}Acme  {token}"
    assert reply.text == f"FC {token}Acme \u2060 {token}"


def test_a_request_without_control_tokens_is_sent_as_it_is():
    with odd_server(echo) as server:
        text = "Reason in <think>. a < b | c > [0, 1] <b> 3 <3"
        assert body_of(make(server.url), text)["messages"] == [{"role": "user", "content": text}]
