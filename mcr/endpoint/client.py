"""Asking an OpenAI-compatible endpoint (vLLM serve, hosted models): retries, a bound on what runs at once, a cache on disk.

A reply is in the cache before it is given out, keyed by the whole request: a run that is killed and started again asks nothing
twice; what the endpoint refused is not kept here, since the cause may be gone. The key is read from the environment and never
written or logged.
"""

import hashlib
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mcr.endpoint.messages import SERVED_TOKENS
from mcr.errors import ConfigError, McrError
from mcr.io.bounded_threads import map_bounded
from mcr.io.unicode import without_surrogates

Item = TypeVar("Item")
Result = TypeVar("Result")
BUSY_S = 60.0
OF_SERVERS = "extra_body"  # decoding settings of vLLM and SGLang, which OpenAI's own interface does not have
MIN_SECRET_CHARS = 16  # a shorter key is a placeholder for servers that ask for none, and may be a word of the reply
REFUSALS = (400, 413, 422)  # of one request; any other status that does not pass is about all of them
PASSING = (408, 409, 429)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where to ask and how patiently.

    Attributes:
        model: name that the endpoint knows.
        base_url: of the API, e.g. http://localhost:8000/v1.
        api_key_env: environment variable that holds the key; an unset one sends none.
        max_concurrency: requests under way at once.
        max_retries: how often a request is sent again after 408, 409, 429, 5xx, a broken connection or a senseless reply.
        timeout_s: of one request, seconds.
        backoff_s: first wait between tries, doubled each time up to 30 s; a Retry-After up to 60 s is obeyed.
    """

    model: str
    base_url: str
    api_key_env: str = "OPENAI_API_KEY"
    max_concurrency: int = 8
    max_retries: int = 6
    timeout_s: float = 120.0
    backoff_s: float = 0.5

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")) or self.max_concurrency < 1 or self.max_retries < 0:
            raise ConfigError(
                f"endpoint: got base_url {self.base_url!r}, {self.max_concurrency} at once, {self.max_retries} retries, expected "
                "http(s)://..., at least 1 and at least 0."
            )
        if "@" in urlsplit(self.base_url).netloc or urlsplit(self.base_url).query:
            raise ConfigError(
                "endpoint: base_url holds a user, a password or a query, which run folders and messages would show. Give the "
                f"address alone and the key in the environment variable {self.api_key_env}."
            )


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered.

    Attributes:
        text: of the first choice.
        is_complete: whether it ended by itself rather than at the limit.
        num_prompt_tokens, num_completion_tokens: as the endpoint counts; 0 where it does not.
        is_cached: whether it came from the disk.
    """

    text: str
    is_complete: bool
    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
    is_cached: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one try gave no reply.

    Attributes:
        reason: in words, without the key.
        wait_s: seconds to wait at least before the next try.
        is_passing: whether another try may succeed.
        is_refused: whether it is this one request that the endpoint does not take.
    """

    reason: str
    wait_s: float = 0.0
    is_passing: bool = True
    is_refused: bool = False


class EndpointError(McrError):
    """A request that failed for good.

    Attributes:
        is_refused: the endpoint does not take this one request (too long, filtered); others may well succeed.
    """

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


class ReplyCache:
    """Replies on disk (SQLite), by the hash of the whole request; safe for threads and for being killed at any time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock, self.path = threading.Lock(), path
        self.connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_S, isolation_level=None)
        self._run("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)")

    def _run(self, statement: str, values: tuple[str, ...] = ()) -> Any:
        """Run one statement, each a transaction of its own; other processes may use the file.

        Raises:
            EndpointError: the file cannot be used.
        """
        try:
            with self.lock, closing(self.connection.execute(statement, values)) as cursor:
                return cursor.fetchone()
        except sqlite3.Error as error:
            raise EndpointError(f"cache {self.path}: {error}. Make room, or remove the file to ask everything again.") from error

    def get(self, key: str) -> Reply | None:
        """Return a reply that was kept."""
        row = self._run("SELECT reply FROM replies WHERE key = ?", (key,))
        return Reply(**json.loads(row[0]), is_cached=True) if row else None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        row = {name: getattr(reply, name) for name in ("text", "is_complete", "num_prompt_tokens", "num_completion_tokens")}
        self._run("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, json.dumps(row)))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def request_key(body: Mapping[str, Any]) -> str:
    """Return the hash that a request is kept under."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


class ChatEndpoint:
    """Sends chat requests through the `openai` client."""

    def __init__(self, settings: EndpointSettings, cache: ReplyCache | None = None) -> None:
        try:
            from openai import OpenAI
        except ImportError as error:
            raise ConfigError("endpoint: the openai client is not installed. Run `pip install openai`.") from error
        self.settings, self.cache = settings, cache
        self.key = os.environ.get(settings.api_key_env) or "none"
        self.client = OpenAI(base_url=settings.base_url, api_key=self.key, max_retries=0, timeout=settings.timeout_s)
        self.jitter = Random(0)
        self.num_asked = 0
        self.stopped = threading.Event()
        self.takes_settings, self.has_taken_settings = True, False  # decoding settings of servers; as far as seen
        self.first_refusal = threading.Lock()
        self.first_failure = threading.Lock()  # taken by the request that failed first, and never released

    def body_of(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        temperature: float,
        max_tokens: int,
        top_p: float = 1.0,
        top_k: int = 0,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """Return the whole request: model, messages and every decoding setting; what the cache is keyed by.

        A setting that a request leaves out is the server's to choose: vLLM takes a penalty of repetition, top-k, top-p and
        min-p from the model's generation_config.json then, and even greedy answers change. Control tokens in the messages'
        texts are broken up, since the server would take them for its own.

        Args:
            messages: the conversation.
            temperature: 0 is greedy.
            max_tokens: of the completion.
            top_p: share of the distribution that is left.
            top_k: tokens that are left; 0: all.
            seed: of sampling, where there is one.
        """
        decoding: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p}
        decoding |= {"presence_penalty": 0.0, "frequency_penalty": 0.0} | ({} if seed is None else {"seed": seed})
        of_servers = {"top_k": top_k or -1, "min_p": 0.0, "repetition_penalty": 1.0}
        broken = [SERVED_TOKENS.break_up_message(message) for message in messages]
        return {"model": self.settings.model, "messages": broken, **decoding, OF_SERVERS: of_servers}

    def ask(self, body: Mapping[str, Any]) -> Reply:
        """Return the reply to one request, from the cache where it is.

        Raises:
            EndpointError: it was refused, or failed in every try.
        """
        key = request_key(body)
        kept = self.cache.get(key) if self.cache else None
        if kept is not None:
            return kept
        reply = self._ask_patiently(body)
        reply = replace(reply, text=SERVED_TOKENS.restore(reply.text))
        if self.cache:
            self.cache.put(key, reply)
        return reply

    def is_cached(self, body: Mapping[str, Any]) -> bool:
        """Whether the reply to a request is on the disk."""
        return self.cache is not None and self.cache.get(request_key(body)) is not None

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """Yield `work(item)` for each item, in order, `max_concurrency` at once. Left early, no request is tried again."""
        try:
            yield from map_bounded(work, items, num_threads=self.settings.max_concurrency, stop=self.stopped.set)
        finally:
            self.stopped.clear()

    def ask_all(
        self, bodies: Iterable[tuple[Any, Mapping[str, Any]]]
    ) -> Generator[tuple[Any, Reply | EndpointError], None, None]:
        """Yield (name, reply or fault) for each (name, request), in order."""
        return self.map(self._ask_or_fault, bodies)

    def _ask_or_fault(self, named: tuple[Any, Mapping[str, Any]]) -> tuple[Any, Reply | EndpointError]:
        name, body = named
        try:
            return name, self.ask(body)
        except EndpointError as fault:
            return name, fault

    def _ask_patiently(self, body: Mapping[str, Any]) -> Reply:
        reason = ""
        for number in range(self.settings.max_retries + 1):
            self.num_asked += 1
            outcome = self._try_with_settings(body)
            is_last = number == self.settings.max_retries
            if isinstance(outcome, Reply) and (outcome.text or is_last):
                return outcome  # an empty one only if no try gives more
            failure = outcome if isinstance(outcome, Failure) else Failure("an empty reply")
            reason = failure.reason
            if not failure.is_passing:
                message = f"endpoint {self.settings.base_url}: {reason}. Check model, key and request."
                raise EndpointError(message, is_refused=failure.is_refused)
            if not is_last:
                self._tell_first(reason)
                backoff_s = min(30.0, self.settings.backoff_s * 2**number) * (0.75 + 0.5 * self.jitter.random())
                if self.stopped.wait(max(failure.wait_s, backoff_s)):
                    break
        raise EndpointError(f"endpoint {self.settings.base_url}: {self.settings.max_retries + 1} tries failed, last: {reason}.")

    def _try_with_settings(self, body: Mapping[str, Any]) -> Reply | Failure:
        """Send once; an endpoint that refuses the settings of servers is asked without them, and that is said once."""
        plain = {name: value for name, value in body.items() if name != OF_SERVERS}
        if not self.takes_settings:
            return self._try(plain)
        outcome = self._try(body)
        if isinstance(outcome, Failure):
            if not outcome.is_refused or self.has_taken_settings or len(plain) == len(body):
                return outcome
            second = self._try(plain)
            if isinstance(second, Failure):
                return outcome
            self._tell_unstated(list(body[OF_SERVERS]), outcome.reason)
            return second
        self.has_taken_settings = True
        return outcome

    def _tell_unstated(self, names: Sequence[str], reason: str) -> None:
        """Leave the settings of servers out from now on, and say so once."""
        with self.first_refusal:
            if self.takes_settings:
                print(
                    f"warning: endpoint {self.settings.base_url} does not take {', '.join(names)} ({reason}); its own settings "
                    "decide, which may differ from a local sampler's",
                    file=sys.stderr,
                )
            self.takes_settings = False

    def _tell_first(self, reason: str) -> None:
        """Say once that requests fail and are sent again: until the tries are used up nothing else shows."""
        if self.first_failure.acquire(blocking=False):
            tries = f"trying again, up to {self.settings.max_retries} times a request"
            print(f"endpoint {self.settings.base_url}: {reason}; {tries}", file=sys.stderr)

    def _try(self, body: Mapping[str, Any]) -> Reply | Failure:
        """Send once; the text of a reply may be empty."""
        import openai

        try:
            answer = self.client.chat.completions.create(**body)
        except openai.APIStatusError as error:
            status = error.status_code
            return Failure(
                f"status {status}: {self._hide_key(str(error.message))[:200]}",
                wait_s=_retry_after_s(error.response.headers),
                is_passing=status in PASSING or status >= 500,
                is_refused=status in REFUSALS,
            )
        except (openai.APIError, ValueError, RecursionError) as error:  # connection, time-out, a body that is no JSON
            return Failure(f"{type(error).__name__}: {self._hide_key(str(error))[:200]}")
        outcome = _read(answer)
        if isinstance(outcome, Failure):
            return replace(outcome, reason=self._hide_key(outcome.reason))
        return replace(outcome, text=self._hide_key(outcome.text)) if len(self.key) >= MIN_SECRET_CHARS else outcome

    def _hide_key(self, text: str) -> str:
        """Servers may echo what they were sent."""
        return text if self.key == "none" else text.replace(self.key, "[key]")


def _read(answer: Any) -> Reply | Failure:
    """Return the reply, or why what came with status 200 is none; the text may be empty."""
    try:
        choice = answer.choices[0]
        text, usage = choice.message.content, answer.usage
    except (AttributeError, IndexError, KeyError, TypeError):
        return Failure(f"a reply without a choice: {str(answer)[:200]!r}")
    text = without_surrogates(text) if isinstance(text, str) and text.strip() else ""
    num_prompt, num_completion = (getattr(usage, name, 0) or 0 for name in ("prompt_tokens", "completion_tokens"))
    return Reply(text, choice.finish_reason != "length", num_prompt, num_completion)


def _retry_after_s(headers: Mapping[str, str]) -> float:
    try:
        return min(60.0, max(0.0, float(headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0
