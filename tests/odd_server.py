"""An OpenAI-compatible server that misbehaves on purpose, over real HTTP on this machine."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ODDITIES = ("429", "500", "503", "half", "empty", "html", "not json", "no choice", "blank", "close")


class OddServer(ThreadingHTTPServer):
    """Answers a request by `answer(body)`, after what `oddity(body, times it was asked)` says.

    Attributes:
        asked: how often each request came, by its body.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[dict], str], oddity: Callable[[dict, int], str]) -> None:
        self.answer, self.oddity = answer, oddity
        self.asked: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request, client_address) -> None:
        """Say nothing: connections break here on purpose."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body, server = json.loads(raw), self.server
        with server.lock:
            server.asked[raw.decode()] += 1
            server.keys.add(self.headers.get("Authorization", ""))
            times = server.asked[raw.decode()]
        self.reply(server.oddity(body, times), body)

    def reply(self, oddity: str, body: dict) -> None:
        text = self.server.answer(body)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        good = json.dumps(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        )
        status, kind, content = 200, "application/json", good
        if oddity.isdigit():
            status, content = int(oddity), json.dumps({"error": {"message": f"odd {oddity}"}})
        elif oddity == "empty":
            content = ""
        elif oddity == "html":
            kind, content = "text/html", "<html><body>gateway</body></html>"
        elif oddity == "not json":
            content = good[: len(good) // 2]
        elif oddity == "no choice":
            content = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": []})
        elif oddity == "blank":
            content = good.replace(json.dumps(text), '"  "')
        elif oddity == "close":
            self.close_connection = True
            return
        encoded = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(encoded)))
        if status == 429:
            self.send_header("Retry-After", "0.01")
        self.end_headers()
        self.wfile.write(encoded[: len(encoded) // 2] if oddity == "half" else encoded)
        if oddity == "half":
            self.close_connection = True


@contextmanager
def odd_server(answer: Callable[[dict], str], oddity: Callable[[dict, int], str] = lambda body, times: ""):
    """Run the server in a thread for as long as the context lasts."""
    server = OddServer(answer, oddity)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
