"""Runs a command beside the sandbox's scripted LLM, which is served for as long as the command takes.

    mcr with-sandbox-llm [--error_rate 0.2] [--seed 0] [--log requests.jsonl] -- ask-knowledge refined --base_url URL ...

The flags in front are those of mcr serve-sandbox.

Behind -- stands a command of mcr with its flags; the word URL in it becomes the server's address, on a free port, and so does
the end of a word such as model@URL.
"""

import sys
import threading

from data_prep.serve_sandbox import add_error_flags, make_server
from mcr.commands.dispatch import run
from mcr.errors import ConfigError, run_command
from mcr.runs.command_line import CommandParser

SPLIT, URL = "--", "URL"


def with_address(word: str, url: str) -> str:
    """Return a word of a command with the server's address in place of URL.

    >>> [with_address(word, "http://host:1/v1") for word in ("URL", "one@URL", "CURL")]
    ['http://host:1/v1', 'one@http://host:1/v1', 'CURL']
    """
    return url if word == URL else f"{word.removesuffix(URL)}{url}" if word.endswith(f"@{URL}") else word


def main(argv: list[str] | None = None) -> None:
    """Serve, run, end."""
    words = sys.argv[1:] if argv is None else list(argv)
    own, command = (words[: words.index(SPLIT)], words[words.index(SPLIT) + 1 :]) if SPLIT in words else (words, [])
    parser = CommandParser(__doc__)
    add_error_flags(parser)
    args = parser.parse_args(own)
    if not command:
        raise ConfigError("with-sandbox-llm: expected -- and a command of mcr behind it. See mcr with-sandbox-llm --help.")
    with make_server(0, args) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            run([with_address(word, server.url) for word in command])
        finally:
            server.shutdown()


if __name__ == "__main__":
    run_command(main)
