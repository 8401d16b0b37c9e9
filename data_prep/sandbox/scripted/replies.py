"""What the sandbox's scripted LLM replies: it reads the request alone, never gold, and is wrong at a stated rate.

Each kind of request has a reader in `KINDS`. A reply follows from the request and the seed: the same request always has the same
reply, wrong or not.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from random import Random
from types import MappingProxyType
from typing import Any

from PIL import Image

from data_prep.sandbox.looks import ALL_NAMES, Name
from data_prep.sandbox.scripted.appearances import sum_up, tell_attributes, vote
from data_prep.sandbox.scripted.revisions import revise
from data_prep.sandbox.scripted.sight import pictures_in
from data_prep.schemas.ask import ASKED_STYLES, ENDING
from mcr.correction.corrector_prompts import ALL
from mcr.knowledge.question_templates import EXPANSION, REFINED
from mcr.uncertainties import PARTS

ANSWER = re.compile(r"<answer>\n(.*?)\n</answer>", re.DOTALL)
SCHEMA_MARK = ENDING.split("<answer>", maxsplit=1)[0].strip()
SHOWN = re.compile(r"^(.+?) is (shown at \[[^\n]*?\]|not shown) in the image", re.MULTILINE)
UNKNOWN = "I do not know."
REFINED_MARK, EXPANSION_MARK = (one.split("Question: ")[1].split(",")[0] for one in (REFINED, EXPANSION))
SENTENCE = re.compile(r"^Text: (.*)$", re.MULTILINE)
ASKED_ENTITY = re.compile(r"tell me briefly what is the (.+) in the Text\?")
TYPE_WORDS = {"PER": "person", "LOC": "location", "ORG": "organization", "OTHER": "other"}
NOTHING, INVENTED = "None", f"{ALL_NAMES[0].text} | {ALL_NAMES[0].type} | None"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        kind: a key of KINDS, or "unknown".
        text: of the reply.
        is_wrong: whether the script made an error on purpose.
    """

    kind: str
    text: str
    is_wrong: bool


@dataclass(frozen=True)
class Asked:
    """A conversation as the script reads it.

    Attributes:
        messages: as the OpenAI API has them.
    """

    messages: tuple[Mapping[str, Any], ...]

    @cached_property
    def texts(self) -> list[str]:
        """The text of each message."""
        return [text_of(message) for message in self.messages]

    @cached_property
    def pictures(self) -> list[Image.Image]:
        """The pictures, in order."""
        return pictures_in(self.messages)


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose content is a text or a list of parts; images are left out."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content if part.get("type") == "text")


def reply_to(
    messages: Sequence[Mapping[str, Any]],
    *,
    seed: int | str = 0,
    error_rate: float = 0.0,
    error_rates: Mapping[str, float] = MappingProxyType({}),
) -> Reply:
    """Return the reply to a conversation.

    Args:
        messages: as the OpenAI API has them.
        seed: of the errors.
        error_rate: share of the requests that get a wrong reply, 0 to 1.
        error_rates: of some kinds of request, in place of it.

    Raises:
        ValueError: there is no message.
    """
    asked = Asked(tuple(messages))
    if not asked.texts:
        raise ValueError("messages: got none, expected at least one.")
    rng = Random(f"{seed}/" + "\n".join(asked.texts))
    chance = rng.random()
    for kind, read in KINDS.items():
        is_wrong = chance < error_rates.get(kind, error_rate)
        text = read(asked, rng, is_wrong)
        if text is not None:
            return Reply(kind, text, is_wrong)
    return Reply("unknown", UNKNOWN, False)


def write_schema(conversation: Asked, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a request for a schema (`data_prep/schemas/ask.py`): what the image is said to show, then the answer.

    A wrong reply leaves out the last line of the answer. Of an answer of one line it makes None, and of None an entity.
    """
    texts = conversation.texts
    asked = next((text for text in reversed(texts) if SCHEMA_MARK in text and ANSWER.search(text)), None)
    if asked is None:
        return None
    answer = ANSWER.findall(asked)[-1]
    if is_wrong:
        answer = "\n".join(answer.splitlines()[:-1]) or (INVENTED if answer == NOTHING else NOTHING)
    said = [f"{name} is {'not shown.' if place == 'not shown' else f'{place}.'}" for name, place in SHOWN.findall(asked)]
    thought = "\n".join(["First the text, then the image.", *said])
    if ASKED_STYLES["llm_questions"].manner in asked:
        thought = "\n".join(["Q: What do text and image say?", f"A: {' '.join(said) or 'The text and the image are read.'}"])
    elif ASKED_STYLES["mllm_distilled"].manner in asked:
        thought = f"<think>\n{thought}\n</think>"
    return f"{thought}\n<answer>\n{answer}\n</answer>"


def refine_knowledge(conversation: Asked, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a request for refined knowledge: the names of the last text with types and looks.

    A wrong reply gives each name another one's type and look.
    """
    texts = conversation.texts
    sentences = SENTENCE.findall(texts[-1])
    if REFINED_MARK not in texts[-1] or not sentences:
        return None
    named = names_in(sentences[-1])
    told = [_other(name, rng) if is_wrong else name for name in named]
    listed = "".join(
        f"{number}. {name.text} ({TYPE_WORDS[said.type]})" for number, (name, said) in enumerate(zip(named, told, strict=True), 1)
    )
    reasons = " ".join(said.knowledge.replace(said.text, name.text, 1) for name, said in zip(named, told, strict=True))
    return f"Named entities:{listed}Reasoning:{reasons}" if named else "Named entities:None. Reasoning:The text names nothing."


def expand(conversation: Asked, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a request for an expansion expression: the look of the name. A wrong reply is another name's look."""
    texts = conversation.texts
    asked = ASKED_ENTITY.findall(texts[-1])
    if EXPANSION_MARK not in texts[-1] or not asked:
        return None
    known = [name for name in ALL_NAMES if name.text == asked[-1]]
    if not known:
        return UNKNOWN
    return (_other(known[0], rng) if is_wrong else known[0]).appearance


def names_in(text: str) -> list[Name]:
    """Return the names of the world that a text holds, in its order."""
    named = [name for name in ALL_NAMES if re.search(rf"(?<!\w){re.escape(name.text)}(?!\w)", text)]
    return sorted(named, key=lambda name: text.index(name.text))


def _other(name: Name, rng: Random) -> Name:
    return rng.choice([one for one in ALL_NAMES if one != name])


def tell_knowledge(conversation: Asked, rng: Random, is_wrong: bool) -> str | None:
    """Reply to any other message that holds names with the knowledge of each. A wrong reply gives each another's knowledge."""
    named = names_in(conversation.texts[-1])
    return " ".join(_knowledge(name, rng, is_wrong) for name in named) if named else None


def _knowledge(name: Name, rng: Random, is_wrong: bool) -> str:
    if not is_wrong:
        return name.knowledge
    other = _other(name, rng)
    return other.knowledge.replace(other.text, name.text, 1)


def correct_part(part: str, conversation: Asked, rng: Random, is_wrong: bool) -> str | None:
    """Reply to a request to correct a part of an entity (`data_prep/sandbox/scripted/revisions.py`)."""
    pictures = [] if part == "span" else conversation.pictures
    return revise(part, conversation.texts, pictures, rng, is_wrong)


Reader = Callable[[Asked, Random, bool], str | None]
KINDS: Mapping[str, Reader] = {
    **{f"correct_{part}": partial(correct_part, part) for part in (*PARTS, ALL)},
    "attributes": lambda asked, rng, is_wrong: tell_attributes(asked.texts[-1], rng, is_wrong),
    "vote": lambda asked, rng, is_wrong: vote(asked.texts[-1], rng, is_wrong),
    "summary": lambda asked, rng, is_wrong: sum_up(asked.texts, is_wrong),
    "schema": write_schema,
    "refined": refine_knowledge,
    "expansion": expand,
    "knowledge": tell_knowledge,
}
