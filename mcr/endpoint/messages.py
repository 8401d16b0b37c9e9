"""Conversations in the form of OpenAI-compatible endpoints."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from mcr.families import FAMILIES
from mcr.prompts.control_tokens import ControlTokens

# A server's tokenizer takes the text of a control token for one. Which model answers is not known here: the tokens of all
# families are broken up by WORD JOINER, which shows nothing; a name that comes back with it is restored.
SHAPES = (("<", r"\|[^<>|\s]{1,60}\|>"), ("<", r"/?s>|(?:start|end)_of_\w+>|(?:image|video|audio)\w*>"), ("[", r"/?INST\]"))
_TOKENS = {
    token
    for family in FAMILIES.values()
    for token in (*family.vision_tokens, *family.turn_ends, *(family.box_markers or ()), *(family.reasoning_markers or ()))
}
SERVED_TOKENS = ControlTokens.of(_TOKENS, "\u2060", SHAPES)


def chat_messages(prompt: Sequence[dict[str, Any]], images: Sequence[Image.Image]) -> list[dict[str, Any]]:
    """Return a conversation in the endpoint's form, each place of an image filled with the next image.

    Images travel as PNG in a data URI, so that nothing is lost.
    """
    left = iter(images)
    return [{"role": message["role"], "content": [_part(part, left) for part in message["content"]]} for message in prompt]


def _part(part: dict[str, Any], left: Iterator[Image.Image]) -> dict[str, Any]:
    if part["type"] != "image":
        return part
    buffer = io.BytesIO()
    next(left).save(buffer, "PNG")
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{code}"}}
