"""Schemas written by a model behind an endpoint: asked, checked, asked again with the reason, then a template takes over."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from data_prep.schemas.ask import ASKED_FORMATS, ASKED_STYLES, again, request_for
from data_prep.schemas.build import SchemaOptions, make_schema
from data_prep.schemas.facts import Facts, collect_facts
from data_prep.schemas.gate import BOX, GateLevel, box_of, why_rejected
from mcr.boxes import Frame
from mcr.endpoint.client import ChatEndpoint, EndpointError
from mcr.endpoint.messages import chat_messages
from mcr.errors import ConfigError, DataError, McrError
from mcr.formats.answers import ORDERS
from mcr.io.images import open_image
from mcr.records import Sample

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
        style: the style asked for, or "template" where the template took over.
        completion: the schema; None where not even the template could write one.
        rejections: of replies before it; the last one is why the template took over.
        num_tokens: (prompt, completion) that the endpoint counted, cached replies not among them.
        num_asked: replies looked at, cached ones among them.
        is_failure: the endpoint did not answer at all.
    """

    sample: Sample
    style: str
    completion: str | None
    rejections: tuple[Rejection, ...] = ()
    num_tokens: tuple[int, int] = (0, 0)
    num_asked: int = 0
    is_failure: bool = False


@dataclass(slots=True)
class EndpointWriter:
    """Writes schemas through an endpoint.

    Attributes:
        endpoint: with its cache: a run that is started again finds all replies there.
        frame_of: a sample's frame.
        image_root: for styles that need the image.
        max_asks: replies looked at before a template takes over.
        max_new_tokens: of a reply.
        temperature: of the model.
        seed: of the requests and of the template that takes over.
        answer_formats: of the answer, the first that is read back as it was written is taken.
        all_boxes: ask for all gold boxes of an entity, not the largest alone.
        gate: the level that replies have to pass.
        max_failures: samples in a row without any reply after which the run stops.
    """

    endpoint: ChatEndpoint
    frame_of: Callable[[Sample], Frame | None]
    image_root: Path | None = None
    max_asks: int = 3
    max_new_tokens: int = 512
    temperature: float = 0.7
    seed: int = 0
    answer_formats: tuple[str, ...] = ASKED_FORMATS
    all_boxes: bool = False
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
        with closing(self.endpoint.map(lambda one: self.write(*one), wanted)) as outcomes:
            for outcome in outcomes:
                yield self._checked(outcome)

    def _checked(self, outcome: Outcome) -> Outcome:
        self.num_failures = self.num_failures + 1 if outcome.is_failure else 0
        if self.num_failures >= self.max_failures:
            raise McrError(
                f"endpoint: {self.num_failures} samples in a row had no reply, last: {outcome.rejections[-1].reason} The replies "
                "so far are kept; the same command resumes when the endpoint is back."
            )
        return outcome

    def conversation(self, sample: Sample, style: str) -> tuple[list[dict[str, Any]], Facts]:
        """Return the first request for a sample and the facts that its reply is checked against."""
        facts = collect_facts(sample, self.frame_of(sample), all_boxes=self.all_boxes)
        prompt = request_for(facts, style, len(sample.images), self.answer_formats)
        images = []
        if ASKED_STYLES[style].needs_image and self.image_root is not None:
            images = [open_image(self.image_root, image.path) for image in sample.images]
        return chat_messages(prompt, images), facts

    def body_of(self, messages: Sequence[Mapping[str, Any]], number: int) -> dict[str, Any]:
        """Return the whole request; the number of the try makes each of them a request of its own."""
        drawing = {"temperature": self.temperature, "max_tokens": self.max_new_tokens, "seed": self.seed + number}
        return self.endpoint.body_of(messages, **drawing)

    def write(self, sample: Sample, style: str) -> Outcome:
        """Ask, check, ask again; the template takes over after `max_asks` replies, or where there is no reply."""
        rejections: list[Rejection] = []
        try:
            messages, facts = self.conversation(sample, style)
        except (DataError, ConfigError) as error:
            rejections.append(Rejection(sample.id, style, 0, f"sample: {error}", ""))
            return Outcome(sample, "template", self._template(sample, style, rejections), tuple(rejections))
        tokens, is_failure = [0, 0], False
        for number in range(self.max_asks):
            try:
                reply = self.endpoint.ask(self.body_of(messages, number))
            except EndpointError as error:
                rejections.append(Rejection(sample.id, style, number, f"endpoint: {error}", ""))
                is_failure = not error.is_refused
                break
            if not reply.is_cached:
                tokens = [tokens[0] + reply.num_prompt_tokens, tokens[1] + reply.num_completion_tokens]
            reason = "answer: it was cut off." if not reply.is_complete else why_rejected(reply.text, facts, self.gate)
            if reason is None:
                completion = with_canonical_boxes(reply.text.strip(), facts)
                return Outcome(sample, style, completion, tuple(rejections), (tokens[0], tokens[1]), number + 1)
            rejections.append(Rejection(sample.id, style, number, reason, reply.text))
            messages = again(messages, reply.text, reason)
        completion = self._template(sample, style, rejections)
        return Outcome(sample, "template", completion, tuple(rejections), (tokens[0], tokens[1]), len(rejections), is_failure)

    def _template(self, sample: Sample, style: str, rejections: list[Rejection]) -> str | None:
        """Write another template for each style asked for, so that no sample stands twice with one text."""
        fallback = ASKED_STYLES[style].fallback
        options = SchemaOptions((fallback,), self.answer_formats, orders=ORDERS[:1], all_boxes=self.all_boxes)
        try:
            return make_schema(sample, fallback, self.frame_of(sample), options, self.seed + FALLBACK_SEED).completion
        except (DataError, ConfigError) as error:
            rejections.append(Rejection(sample.id, style, len(rejections), f"template: {error}", ""))
            return None


def with_canonical_boxes(completion: str, facts: Facts) -> str:
    """Return a completion with every box of four numbers written as our formats write it."""
    known = {box for entity in facts.entities for box in entity.boxes or ()} | {box for _, box in facts.regions}

    def rewrite(match: re.Match[str]) -> str:
        box = box_of(match)
        return facts.write_box(box) if box in known else match.group()

    return BOX.sub(rewrite, completion)


def draw_asked(samples: Iterable[Sample], styles: Sequence[str], per_sample: int, seed: int) -> Iterator[tuple[Sample, str]]:
    """Yield (sample, style), `per_sample` different styles each, drawn by seed."""
    for sample in samples:
        for style in Random(f"{seed}/{sample.id}/asked").sample(list(styles), per_sample):
            yield sample, style
