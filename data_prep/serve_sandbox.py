"""Serve the sandbox's scripted LLM over HTTP, OpenAI-compatible: a teacher that needs no weights, for demos and tests.

mcr serve-sandbox [--port 8137] [--error_rate 0.2] [--error_rates correct_type=0.3] [--seed 0] [--log requests.jsonl]

It answers POST /v1/chat/completions from the request alone (data_prep/sandbox/scripted/replies.py) and GET /v1/models. With --log
each conversation that it answers is a line of JSON with the reply, the kind of request and whether the reply is wrong on purpose,
without images.
"""

import json
import threading
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

from data_prep.sandbox.scripted.replies import KINDS, reply_to, text_of
from mcr.errors import ConfigError, closest, run_command
from mcr.runs.command_line import CommandParser

MODEL = "sandbox-llm"
MAX_BODY_BYTES = 64 * 2**20
TIMEOUT_S = 60.0
BAD_BODY = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class SandboxServer(ThreadingHTTPServer):
    """The server.

    Attributes:
        error_rate: share of wrong replies.
        error_rates: of some kinds of request, in place of it.
        seed: of the errors.
        log: a file for requests and replies, or None.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        *,
        error_rate: float = 0.0,
        error_rates: Mapping[str, float] = MappingProxyType({}),
        seed: int = 0,
        log: Path | None = None,
    ) -> None:
        self.error_rate, self.error_rates, self.seed, self.log = error_rate, error_rates, seed, log
        self.lock = threading.Lock()
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """The base URL, as endpoints take it."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, body: dict[str, Any]) -> str:
        """Return the reply to a request, and log both. A model of another name errs elsewhere, as another LLM would."""
        messages = body["messages"]
        rows = [{"role": one["role"], "text": text_of(one)} for one in messages]
        model = body.get("model", MODEL)
        seed = self.seed if model == MODEL else f"{self.seed}/{model}"
        reply = reply_to(messages, seed=seed, error_rate=self.error_rate, error_rates=self.error_rates)
        if self.log is not None:
            line = json.dumps(asdict(reply) | {"messages": rows}, ensure_ascii=False)
            with self.lock, self.log.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        return reply.text


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    server: SandboxServer  # pyright: ignore[reportIncompatibleVariableOverride] it is always ours

    def log_message(self, format: str, *args: Any) -> None:  # the name is the library's
        """Say nothing: requests go to the log."""

    def do_GET(self) -> None:
        """Name the model."""
        if self.path == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        else:
            self._refuse(404, f"{self.path} is not served.")

    def do_POST(self) -> None:
        """Answer a conversation."""
        length = self.headers.get("Content-Length") or "0"
        if self.path != "/v1/chat/completions":
            self._refuse(404, f"{self.path} is not served.")
            return
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self._refuse(413, f"Content-Length: got {length}, expected 0 to {MAX_BODY_BYTES}.")
            return
        raw = self.rfile.read(int(length))
        try:
            text = self.server.answer(json.loads(raw))
        except BAD_BODY as error:
            self._refuse(400, f"the body is no chat request: {type(error).__name__} {error}")
            return
        counts = {"prompt_tokens": len(raw) // 4, "completion_tokens": len(text) // 4}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = counts | {"total_tokens": sum(counts.values())}
        head = {"id": "sandbox", "object": "chat.completion", "created": 0, "model": MODEL}
        self._send(200, head | {"choices": [choice], "usage": usage})

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True
        self._send(status, {"error": {"message": reason}})

    def _send(self, status: int, content: dict[str, Any]) -> None:
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


def add_error_flags(parser: CommandParser) -> None:
    """Add the flags of the script's errors and of its log."""
    parser.add_argument("--error_rate", type=float, default=0.0, help="share of the requests with a wrong reply, 0 to 1")
    parser.add_argument(
        "--error_rates", nargs="+", default=[], metavar="KIND=NUMBER", help=f"of some kinds alone: {', '.join(KINDS)}"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the errors")
    parser.add_argument("--log", type=Path, help="file for requests and replies, appended to")


def make_server(port: int, args: Namespace) -> SandboxServer:
    """Return the server that the flags of `add_error_flags` describe.

    Raises:
        ConfigError: a share outside 0 to 1, or a kind that is not known.
    """
    rates = read_rates(args.error_rates)
    if not all(0 <= rate <= 1 for rate in (args.error_rate, *rates.values())):
        raise ConfigError(f"--error_rate: got {args.error_rate} and {rates}, expected 0 to 1.")
    return SandboxServer(port, error_rate=args.error_rate, error_rates=rates, seed=args.seed, log=args.log)


def read_rates(words: Sequence[str]) -> dict[str, float]:
    """Return the rates of kinds of request from words such as "correct_type=0.2"."""
    rates = {}
    for word in words:
        kind, _, value = word.partition("=")
        try:
            rates[kind] = float(value)
        except ValueError:
            raise ConfigError(f"--error_rates: got {word!r}, expected e.g. correct_type=0.2. Correct it.") from None
        if kind not in KINDS:
            raise ConfigError(f"--error_rates: got {kind!r}{closest(kind, KINDS)}, expected one of {', '.join(KINDS)}.")
    return rates


def main(argv: list[str] | None = None) -> None:
    """Serve until stopped."""
    parser = CommandParser(__doc__)
    parser.add_argument("--port", type=int, default=8137, help="on this machine alone; 0 takes a free one")
    add_error_flags(parser)
    args = parser.parse_args(argv)
    with make_server(args.port, args) as server:
        print(f"{MODEL} answers at {server.url}; Ctrl-C ends it", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    run_command(main)
