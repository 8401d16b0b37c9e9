"""Schemas written by models behind endpoints: asked, checked, asked again with the reason, then a template takes over."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from data_prep.schemas.ask import ASKED_STYLES, again, request_for
from data_prep.schemas.build import SchemaOptions, draw_facts, draw_forms, draw_styles, make_schema
from data_prep.schemas.facts import Facts
from data_prep.schemas.gate import BOX, GateLevel, box_of, split_reply, why_rejected
from data_prep.schemas.teachers import Teachers
from mcr.boxes import Frame
from mcr.endpoint.client import ChatEndpoint, EndpointError
from mcr.endpoint.messages import chat_messages
from mcr.errors import ConfigError, DataError, McrError
from mcr.families import FrameSettings
from mcr.formats import ANSWER_FORMATS
from mcr.io.bounded_threads import map_bounded
from mcr.io.images import open_image
from mcr.records import Sample
from rewards import RewardOptions, score_completion

FALLBACK_SEED = 1_000_003  # away from that of a route of templates, which would write the very same text
MAX_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Rejection:
    """A reply that was not taken, or the lack of one."""

    sample_id: str
    style: str
    number: int
    reason: str
    reply: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sample in one style.

    Attributes:
        style: that was wanted.
        completion: the schema; None where not even a template could write one.
        written_style: of the completion: the style that was wanted, or its fallback where the template took over.
        rejections: of replies before it; the last one is why the template took over.
        num_tokens: (prompt, completion) that the endpoint counted, cached replies not among them.
        cost: of these tokens, by the teacher's prices.
        num_asked: replies looked at, cached ones among them.
        is_failure: the endpoint did not answer at all.
    """

    sample: Sample
    style: str
    completion: str | None
    written_style: str
    rejections: tuple[Rejection, ...] = ()
    num_tokens: tuple[int, int] = (0, 0)
    cost: float = 0.0
    num_asked: int = 0
    is_failure: bool = False

    @property
    def is_filled(self) -> bool:
        """Whether a template took over from a teacher."""
        return self.style in ASKED_STYLES and self.written_style != self.style


@dataclass(slots=True)
class EndpointWriter:
    """Writes schemas in styles of templates and of teachers.

    Attributes:
        teachers: who writes which style.
        endpoints: of the teachers by name, with their cache: a run that is started again finds all replies there.
        frame: how boxes are written.
        options: of the schemas: styles, answer formats, orders.
        image_root: for styles that need the image.
        max_asks: replies looked at before a template takes over.
        max_new_tokens: of a reply.
        temperature: of the teachers.
        seed: of everything random.
        gate: the level that replies have to pass.
        max_failures: samples in a row without any reply after which the run stops.
    """

    teachers: Teachers
    endpoints: Mapping[str, ChatEndpoint]
    frame: FrameSettings
    options: SchemaOptions
    image_root: Path | None = None
    max_asks: int = 3
    max_new_tokens: int = 512
    temperature: float = 0.7
    seed: int = 0
    gate: GateLevel = "answer"
    max_failures: int = MAX_FAILURES
    num_failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.max_asks < 1 or self.max_new_tokens < 1:
            raise ConfigError(
                f"--max_asks: got {self.max_asks}, --max_new_tokens: got {self.max_new_tokens}, expected at least 1."
            )

    def write_all(self, wanted: Iterable[tuple[Sample, str]]) -> Iterator[Outcome]:
        """Yield the outcome of each (sample, style), in order, several under way at once.

        Raises:
            McrError: `max_failures` samples in a row had no reply at all; what was answered is kept.
        """
        num_threads = sum(endpoint.settings.max_concurrency for endpoint in self.endpoints.values())
        outcomes = map_bounded(lambda one: self.write(*one), wanted, num_threads=num_threads, stop=self._stop)
        with closing(outcomes):
            for outcome in outcomes:
                yield self._checked(outcome)

    def _stop(self) -> None:
        for endpoint in self.endpoints.values():
            endpoint.stopped.set()

    def _checked(self, outcome: Outcome) -> Outcome:
        if outcome.num_asked or outcome.is_failure:
            self.num_failures = self.num_failures + 1 if outcome.is_failure else 0
        if self.num_failures >= self.max_failures:
            raise McrError(
                f"endpoint: {self.num_failures} samples in a row had no reply, last: {outcome.rejections[-1].reason} The replies "
                "so far are kept; the same command resumes when the endpoint is back."
            )
        return outcome

    def conversation(self, sample: Sample, style: str) -> tuple[list[dict[str, Any]], Facts]:
        """Return the first request for a sample and the facts that its reply is checked against."""
        rng = Random(f"{self.seed}/{sample.id}/{style}")
        facts = draw_facts(sample, self.frame_of(sample), self.options, rng)
        prompt = request_for(facts, style, len(sample.images), draw_forms(self.options, sample.task, rng))
        images = []
        if ASKED_STYLES[style].needs_image and self.image_root is not None:
            images = [open_image(self.image_root, image.path) for image in sample.images]
        return chat_messages(prompt, images), facts

    def frame_of(self, sample: Sample) -> Frame | None:
        """Return the frame of a sample."""
        return self.frame.frame_of(sample)

    def endpoint_for(self, sample: Sample, style: str) -> ChatEndpoint:
        """Return the endpoint of the teacher that writes a style for a sample."""
        return self.endpoints[self.teachers.draw(style, sample.id, self.seed)]

    def body_of(self, endpoint: ChatEndpoint, messages: Sequence[Mapping[str, Any]], number: int) -> dict[str, Any]:
        """Return the whole request; the number of the try makes each of them a request of its own."""
        seed = self.seed + number
        return endpoint.body_of(messages, temperature=self.temperature, max_tokens=self.max_new_tokens, seed=seed)

    def write(self, sample: Sample, style: str) -> Outcome:
        """Ask, check, ask again; the template takes over after `max_asks` replies, or where there is no reply."""
        rejections: list[Rejection] = []
        if style not in ASKED_STYLES:
            return Outcome(sample, style, self._template(sample, style, self.seed, rejections), style, tuple(rejections))
        fallback = ASKED_STYLES[style].fallback
        try:
            messages, facts = self.conversation(sample, style)
        except (DataError, ConfigError) as error:
            rejections.append(Rejection(sample.id, style, 0, f"sample: {error}", ""))
            completion = self._template(sample, fallback, self.seed + FALLBACK_SEED, rejections)
            return Outcome(sample, style, completion, fallback, tuple(rejections))
        endpoint, tokens, is_failure = self.endpoint_for(sample, style), [0, 0], False
        for number in range(self.max_asks):
            try:
                reply = endpoint.ask(self.body_of(endpoint, messages, number))
            except EndpointError as error:
                rejections.append(Rejection(sample.id, style, number, f"endpoint: {error}", ""))
                is_failure = not error.is_refused
                break
            if not reply.is_cached:
                tokens = [tokens[0] + reply.num_prompt_tokens, tokens[1] + reply.num_completion_tokens]
            reason = "answer: it was cut off." if not reply.is_complete else why_rejected(reply.text, facts, self.gate)
            schema = "" if reason else schema_of(reply.text, style, facts)
            reason = reason or self._why_unread(schema, facts)
            if reason is None:
                spent = self._spent(sample, style, tokens)
                return Outcome(sample, style, schema, style, tuple(rejections), *spent, number + 1)
            rejections.append(Rejection(sample.id, style, number, reason, reply.text))
            messages = again(messages, reply.text, reason)
        num_asked, spent = len(rejections), self._spent(sample, style, tokens)
        completion = self._template(sample, fallback, self.seed + FALLBACK_SEED, rejections)
        return Outcome(sample, style, completion, fallback, tuple(rejections), *spent, num_asked, is_failure)

    def _why_unread(self, schema: str, facts: Facts) -> str | None:
        """Return a reason where reasoning and answer, marked as the route marks them, do not earn full reward."""
        gold = [entity.to_px() for entity in facts.entities]
        rules = RewardOptions(labels=self.options.labels, formats=tuple(ANSWER_FORMATS))
        total = score_completion(schema, gold, frame=facts.frame, task=facts.task, options=rules).total
        return None if total == 1.0 else "answer: something in the reasoning keeps it from being read."

    def _spent(self, sample: Sample, style: str, tokens: Sequence[int]) -> tuple[tuple[int, int], float]:
        """Return the tokens and what they cost."""
        teacher = self.teachers.by_name[self.teachers.draw(style, sample.id, self.seed)]
        return (tokens[0], tokens[1]), (tokens[0] * teacher.price_in + tokens[1] * teacher.price_out) / 1e6

    def _template(self, sample: Sample, style: str, seed: int, rejections: list[Rejection]) -> str | None:
        """Write a template; a fallback of each style of its own, so that no sample has two schemas of one text."""
        try:
            return make_schema(sample, style, self.frame_of(sample), self.options, seed).completion
        except (DataError, ConfigError) as error:
            rejections.append(Rejection(sample.id, style, len(rejections), f"template: {error}", ""))
            return None


def schema_of(reply: str, style: str, facts: Facts) -> str:
    """Return a reply that passed the gate as its route marks reasoning and answer, boxes as our formats write them."""
    reasoning, answer = split_reply(reply) or ("", "")
    route = ASKED_STYLES[style].route
    return route.completion_of(with_canonical_boxes(reasoning, facts), with_canonical_boxes(answer, facts))


def with_canonical_boxes(text: str, facts: Facts) -> str:
    """Return a text with every known box of four numbers written as our formats write it."""
    known = {box for entity in facts.entities for box in entity.boxes or ()} | {box for _, box in facts.regions}

    def rewrite(match: re.Match[str]) -> str:
        box = box_of(match)
        return facts.write_box(box) if box in known else match.group()

    return BOX.sub(rewrite, text)


def draw_wanted(samples: Iterable[Sample], options: SchemaOptions, per_sample: int, seed: int) -> Iterator[tuple[Sample, str]]:
    """Yield (sample, style), `per_sample` different styles each, drawn by seed."""
    for sample in samples:
        for style in draw_styles(options, per_sample, Random(f"{seed}/{sample.id}")):
            yield sample, style
