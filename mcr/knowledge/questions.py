"""Asking a language model behind an OpenAI-compatible endpoint for knowledge, and reading what it says (RiVEG IV-B)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mcr.endpoint.client import ChatEndpoint, EndpointError, EndpointSettings, ReplyCache
from mcr.knowledge.known_texts import Knowledge
from mcr.knowledge.question_templates import ask_for_expansion
from mcr.records import Entity, Sample, collapse_space

MAX_EXPANSION_TOKENS = 64
REFUSAL = re.compile(
    r"^(?:sorry\b|I apologi[sz]e\b|as an AI\b|I(?:['\u2019]m| am) (?:sorry|unable|not able|not sure)\b"
    r"|I (?:do not|don['\u2019]t) know\b|(?:it is |it's )?unknown\W*$"
    r"|I (?:can['\u2019]t|cannot|can not) (?:help|assist|answer|provide|tell|say|determine|identify|find|see|process|comply)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one sample, or of one of its entities."""

    sample_id: str
    text: str
    entity: str | None = None
    type: str | None = None


def expansion_questions(samples: Sequence[Sample], named: Mapping[str, Sequence[Entity]]) -> list[Question]:
    """Return one question for each different (text, type) of a sample; its entities by sample id."""
    return [
        Question(sample.id, ask_for_expansion(sample, text), text, type_)
        for sample in samples
        for text, type_ in dict.fromkeys((entity.text, entity.type) for entity in named.get(sample.id, ()))
    ]


def knowledge_of(question: Question, reply: str, source: str) -> Knowledge | None:
    """Return what a reply says; None for one that is empty or a refusal. Of an expansion the first line counts."""
    text = reply.strip()
    if question.entity is not None and text:
        text = text.splitlines()[0].strip().rstrip(".")
    text = collapse_space(text)
    if not text or REFUSAL.match(text):
        return None
    return Knowledge(question.sample_id, text, source, question.entity, question.type)


def ask_all(questions: Sequence[Question], endpoint: ChatEndpoint, max_new_tokens: int) -> Iterator[tuple[Question, str]]:
    """Yield each question with its reply, "" for a request that the endpoint does not take.

    Raises:
        EndpointError: a request used up its tries; what was answered is kept.
    """

    def body(question: Question) -> dict[str, Any]:
        messages = [{"role": "user", "content": question.text}]
        return endpoint.body_of(messages, temperature=0.0, max_tokens=max_new_tokens)

    bodies = ((question, body(question)) for question in questions)
    num_cut = 0
    with closing(endpoint.ask_all(bodies)) as replies:
        for question, reply in tqdm(replies, total=len(questions), desc="asking for knowledge", unit="question"):
            if isinstance(reply, EndpointError):
                if not reply.is_refused:
                    raise EndpointError(f"sample {question.sample_id}: {reply} The same command asks for what is missing.")
                yield question, ""
            else:
                num_cut += not reply.is_complete
                yield question, reply.text
    if num_cut:
        print(f"warning: {num_cut} of {len(questions)} replies were cut at {max_new_tokens} tokens")


def asked_expansions(
    samples: Sequence[Sample], named: Mapping[str, Sequence[Entity]], base_url: str, model: str, *, cache: Path
) -> list[Knowledge]:
    """Return what an endpoint says of the named entities of samples; replies are cached.

    Args:
        samples: with captions where there are any.
        named: entities by sample id, such as predicted ones.
        base_url: of the endpoint.
        model: what the endpoint calls it.
        cache: the file of its replies.
    """
    endpoint = ChatEndpoint(EndpointSettings(model, base_url), ReplyCache(cache))
    asked = ask_all(expansion_questions(samples, named), endpoint, MAX_EXPANSION_TOKENS)
    found = [knowledge_of(question, reply, model) for question, reply in asked]
    return [one for one in found if one is not None]
