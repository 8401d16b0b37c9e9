"""Conversations in the form of OpenAI-compatible endpoints."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image


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
