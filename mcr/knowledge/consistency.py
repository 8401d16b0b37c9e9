"""Visual knowledge that several language models agree on (VKEL III-D 2): each is asked, one votes, one sums up."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from mcr.endpoint.client import ChatEndpoint, EndpointError
from mcr.errors import ConfigError
from mcr.formats.markup.loose_json import TooDeepError, is_deep, scan
from mcr.knowledge.appearance_templates import (
    AskedEntity,
    ask_for_appearance,
    ask_for_summary,
    ask_for_vote,
    attributes_of,
)
from mcr.knowledge.questions import REFUSAL
from mcr.records import collapse_space

MAX_TOKENS = {"attributes": 512, "vote": 96, "summary": 512}
# "N/A", "unknown (not stated)", "Not specified in the text"; but not "NA'VI" or "Unknown Pleasures".
UNKNOWN = re.compile(
    r"(?:n/?a|unknown|none|none known|not (?:known|specified|mentioned|stated|given|provided|available|applicable|visible))"
    r"(?:$|\s*[(\[,;:.–—-]|\s+(?:in|by|from|here|for|to|at|on)\b)",
    re.IGNORECASE,
)
DECORATION = " .*_`\"'"
# "2", "1. red", "(2)", "Answer 2: red", "The answer is 2"; but not "2 stripes" or "3.5 inches".
NUMBERED = re.compile(
    r"(?:the )?(?:(?:best |correct )?(?:answer|option|number)(?: is)?[:\s]*)?"
    r"[\[(]?([0-9]+)[\])]?(?:[.):,](?![0-9])\s*|\s*-\s+|$)",
    re.IGNORECASE,
)
Known = dict[AskedEntity, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Advisers:
    """The models that are queried.

    Attributes:
        models: asked for attributes, in the order in which the voter sees their answers.
        voter: chooses one answer per attribute.
        summarizer: writes one sentence from the chosen answers.
    """

    models: tuple[ChatEndpoint, ...]
    voter: ChatEndpoint
    summarizer: ChatEndpoint

    def __post_init__(self) -> None:
        if not self.models:
            raise ConfigError("knowledge: no language model is named. Give at least one.")
        counts = Counter(model.settings.model for model in self.models)
        repeated = [name for name, num in counts.items() if num > 1]
        if repeated:
            raise ConfigError(
                f"knowledge: the model {repeated[0]} is named {counts[repeated[0]]} times. Replies are kept by the model's name: "
                "name each once, and models at different addresses differently."
            )


@dataclass(slots=True)
class Tally:
    """Counts of requests and failures.

    Attributes:
        num_asked: requests by kind, cached ones included.
        num_failed: refused or unreadable replies, by model.
        num_cut: replies that ended at the limit of tokens, by kind.
        left_out: the reason why a model was skipped, by model.
        num_agreed: attributes without a vote, because all usable answers were the same.
    """

    num_asked: dict[str, int] = field(default_factory=dict)
    num_failed: dict[str, int] = field(default_factory=dict)
    num_cut: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    num_agreed: int = 0


def agreed_knowledge(entities: Sequence[AskedEntity], advisers: Advisers, tally: Tally) -> dict[AskedEntity, str]:
    """Return a sentence on the looks of each entity; entities that nothing is known of are left out.

    A missing answer never outvotes a real one. A model that cannot be reached is skipped.

    Args:
        entities: each is asked about once.
        advisers: the models.
        tally: filled with counts.

    Raises:
        EndpointError: none of the models, or not the voter or the summarizer, can be reached.
    """
    asked = list(dict.fromkeys(entities))
    answers = [_attributes(asked, model, tally) for model in advisers.models]
    if len(tally.left_out) == len({model.settings.model for model in advisers.models}):
        raise EndpointError(f"knowledge: no model can be reached; {next(iter(tally.left_out.values()))}")
    voted = _vote(asked, answers, advisers.voter, tally)
    told = [(entity, ask_for_summary(entity, known)) for entity, known in voted.items() if known]
    replies = _ask(told, advisers.summarizer, "summary", tally)
    return {entity: text for entity, reply in replies if not is_unknown(text := collapse_space(reply))}


def _attributes(entities: Sequence[AskedEntity], model: ChatEndpoint, tally: Tally) -> Known:
    """Return one model's attributes of each entity, without unknown ones."""
    found: Known = {entity: {} for entity in entities}
    try:
        replies = _ask([(one, ask_for_appearance(one)) for one in entities], model, "attributes", tally)
    except EndpointError as error:
        tally.left_out[model.settings.model] = str(error)
        return found
    for entity, reply in replies:
        values = read_attributes(reply, attributes_of(entity.type))
        if values is None:
            tally.num_failed[model.settings.model] = tally.num_failed.get(model.settings.model, 0) + 1
        found[entity] = values or {}
    return found


def read_attributes(reply: str, attributes: Sequence[str]) -> dict[str, str] | None:
    """Return the attributes of a reply's JSON object, without those that are not known; None where no object has any.

    >>> read_attributes('Sure: {"Hair": ["red", "long"], "skin": "N/A", "shoes": "blue"}', ("hair", "skin"))
    {'hair': 'red, long'}
    """
    for start in (match.start() for match in re.finditer(r"\{", reply)):
        try:
            value = None if is_deep(reply, start) else scan(reply, start).value
        except TooDeepError:
            return None
        by_name = {_folded(key): one for key, one in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}
        said = {one: _text_of(by_name[_folded(one)]) for one in attributes if _folded(one) in by_name}
        if said:
            return {one: text for one, text in said.items() if not is_unknown(text)}
    return None


def _folded(key: str) -> str:
    return key.replace("_", " ").strip().casefold()


def _text_of(value: Any) -> str:
    """Return a text, a number or a list of them as one text; "" for anything else."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text_of, value)))
    return collapse_space(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def is_unknown(text: str) -> bool:
    """Whether an answer says that nothing is known."""
    text = text.strip(DECORATION)
    return not text or UNKNOWN.match(text) is not None or bool(REFUSAL.match(text))


def _vote(entities: Sequence[AskedEntity], answers: Sequence[Known], voter: ChatEndpoint, tally: Tally) -> Known:
    """Return one value per attribute: the answer that all usable replies share, or the voter's choice."""
    voted: Known = {entity: {} for entity in entities}
    ballots: list[tuple[tuple[AskedEntity, str, list[str]], str]] = []
    for entity in entities:
        for attribute in attributes_of(entity.type):
            given = [known[entity][attribute] for known in answers if attribute in known[entity]]
            if len({one.casefold() for one in given}) == 1:
                voted[entity][attribute], tally.num_agreed = given[0], tally.num_agreed + 1
            elif given:
                voted[entity][attribute] = given[0]  # until the vote is in; it stays where the voter fails
                ballots.append(((entity, attribute, given), ask_for_vote(entity, attribute, given)))
    for (entity, attribute, given), reply in _ask(ballots, voter, "vote", tally):
        chosen = chosen_answer(reply, given)
        if not is_unknown(chosen):
            voted[entity][attribute] = chosen
    return voted


def chosen_answer(reply: str, given: Sequence[str]) -> str:
    """Return the answer that a voter's reply means: one that it was shown, by its words or its number, or words of its own.

    >>> [chosen_answer(one, ("red", "3 stripes")) for one in ("2", "1. red", "3 stripes", "2, since both say so", "2 stripes")]
    ['3 stripes', 'red', '3 stripes', '3 stripes', '2 stripes']
    """
    text = collapse_space(reply).strip(DECORATION)
    number = NUMBERED.match(text)
    behind = text[number.end() :].strip(DECORATION) if number else text
    same = next((one for said in (text, behind) for one in given if one.casefold() == said.casefold()), None)
    if same is not None:
        return same
    if number and 1 <= int(number.group(1)) <= len(given):
        return given[int(number.group(1)) - 1]
    held = [one for one in given if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text, re.IGNORECASE)]
    longest = max(held, key=len, default=text)
    return longest if all(one.casefold() in longest.casefold() for one in held) else text


def _ask(questions: Sequence[tuple[Any, str]], endpoint: ChatEndpoint, kind: str, tally: Tally) -> list[tuple[Any, str]]:
    """Return (name, reply) for each question; the reply is "" if the endpoint refused the request.

    Raises:
        EndpointError: a request failed on all attempts; replies received so far stay cached.
    """
    tally.num_asked[kind] = tally.num_asked.get(kind, 0) + len(questions)
    bodies = ((name, body_of(text, endpoint, kind)) for name, text in questions)
    found = []
    with closing(endpoint.ask_all(bodies)) as replies:
        title = f"{endpoint.settings.model}: {kind}"
        for name, reply in tqdm(replies, total=len(questions), desc=title, unit="request"):
            if isinstance(reply, EndpointError) and not reply.is_refused:
                raise reply
            if not isinstance(reply, EndpointError) and not reply.is_complete:
                tally.num_cut[kind] = tally.num_cut.get(kind, 0) + 1
            found.append((name, "" if isinstance(reply, EndpointError) else reply.text))
    return found


def body_of(text: str, endpoint: ChatEndpoint, kind: str) -> dict[str, Any]:
    """Return the request of one question."""
    messages = [{"role": "user", "content": text}]
    return endpoint.body_of(messages, temperature=0.0, max_tokens=MAX_TOKENS[kind])


def first_mentions(named: Iterable[tuple[str, str, str]]) -> list[AskedEntity]:
    """Return each (text, coarse type) once, with the first sentence that names it.

    >>> [one.sentence for one in first_mentions([("Ann", "person", "a"), ("Ann", "person", "b")])]
    ['a']
    """
    found: dict[tuple[str, str], AskedEntity] = {}
    for text, label, sentence in named:
        found.setdefault((collapse_space(text), label), AskedEntity(collapse_space(text), label, sentence))
    return list(found.values())


def lookup(knowledge: Mapping[AskedEntity, str]) -> dict[tuple[str, str], str]:
    """Return knowledge by (text, coarse type)."""
    return {(entity.text, entity.type): text for entity, text in knowledge.items()}
