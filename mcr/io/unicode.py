"""Lone surrogates: JSON may hold them (backslash-u d800), UTF-8 cannot. They become U+FFFD where text comes in."""

from typing import Any


def without_surrogates(value: Any) -> Any:
    r"""Return a JSON value whose texts can be written as UTF-8.

    >>> without_surrogates({"a": ["x\ud800"]}) == {"a": ["x\ufffd"]}
    True
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_surrogate(value) else value
    if isinstance(value, list):
        return [without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(part) for key, part in value.items()}
    return value


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)
