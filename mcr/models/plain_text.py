"""Processors that read what strangers write as text: no control token comes of it, and the model sees it as it is.

Message texts are broken up before the chat template (`mcr.prompts.control_tokens`), so that neither the template nor the
processor, which counts and repeats image pads in the text, takes them for its own. The mark goes through to the tokenizer. There
control tokens are cut out first, then the normalizer removes the mark: what is left is tokenized as the stranger wrote it. The
mark is a pair of noncharacters of Unicode; a text that holds the pair keeps it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from mcr.errors import ConfigError
from mcr.prompts.control_tokens import ControlTokens

MARK = "\ufdd0\ufdd1"
MARKER_OF_TEMPLATE = re.compile(r"<[^<>\s'\"]{1,60}>|\[/?[A-Z_]{2,20}\]|/(?:no_?)?think\b")  # what templates look for in texts


class PlainText:
    """What `read_as_text` puts before a processor's class.

    Attributes:
        control_tokens: of its tokenizer and its chat template.
        saved_normalizer: of its tokenizer as it was loaded.
    """

    control_tokens: ControlTokens
    saved_normalizer: Any
    tokenizer: Any

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Render one conversation or several, their texts broken up."""
        is_batch = bool(conversation) and isinstance(conversation[0], list | tuple)
        broken = [
            [self.control_tokens.break_up_message(message) for message in one]
            for one in (conversation if is_batch else [conversation])
        ]
        parent: Any = super()
        return parent.apply_chat_template(broken if is_batch else broken[0], *args, **kwargs)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """Save the processor with the normalizer that it was loaded with."""
        parent: Any = super()
        with _normalizer(self.tokenizer, self.saved_normalizer):
            return parent.save_pretrained(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return what copies and pickles are made from: the class is made anew."""
        return _remake, (type(self).__mro__[2],), self.__dict__


def read_as_text(processor: Any) -> Any:
    """Make a processor read control tokens in message texts as text, and return it.

    Raises:
        ConfigError: its tokenizer has no normalizer of its own: it is not one of the tokenizers library.
    """
    tokenizer = processor.tokenizer
    if isinstance(processor, PlainText):
        return processor
    if not getattr(tokenizer, "is_fast", False):
        raise ConfigError(
            f"tokenizer: got {type(tokenizer).__name__}, expected one of the tokenizers library (tokenizer.json), whose control "
            "tokens are kept apart from text. Convert the tokenizer."
        )
    processor.control_tokens = ControlTokens.of(control_texts(processor), MARK)
    _cut_out_raw(tokenizer)
    processor.saved_normalizer = tokenizer.backend_tokenizer.normalizer
    tokenizer.backend_tokenizer.normalizer = _with_mark_removed(processor.saved_normalizer)
    processor.__class__ = _plain_text_class(type(processor))
    return processor


def control_texts(processor: Any) -> set[str]:
    """Return the texts of all added tokens of a tokenizer, and the markers that its chat template writes or looks for."""
    template = processor.chat_template or ""
    templates = template.values() if isinstance(template, dict) else [template]
    markers = {marker for text in templates for marker in MARKER_OF_TEMPLATE.findall(text)}
    return {text for text in {*processor.tokenizer.get_added_vocab(), *markers} if len(text.strip()) > 1}


def _cut_out_raw(tokenizer: Any) -> None:
    """Let added tokens be cut out of the text before it is normalized, as those of published models are."""
    backend = tokenizer.backend_tokenizer
    if not any(token.normalized for token in backend.get_added_tokens_decoder().values()):
        return
    content = json.loads(backend.to_str())
    for token in content["added_tokens"]:
        token["normalized"] = False
    tokenizer._tokenizer = type(backend).from_str(json.dumps(content))


def _with_mark_removed(normalizer: Any) -> Any:
    from tokenizers import normalizers

    remove = normalizers.Replace(MARK, "")
    return remove if normalizer is None else normalizers.Sequence([remove, normalizer])


@contextmanager
def _normalizer(tokenizer: Any, normalizer: Any) -> Iterator[None]:
    """Give a tokenizer another normalizer while the context lasts."""
    backend = tokenizer.backend_tokenizer
    before, backend.normalizer = backend.normalizer, normalizer
    try:
        yield
    finally:
        backend.normalizer = before


@cache
def _plain_text_class(processor_class: type) -> type:
    """Return a class of the same name, which a saved processor notes, with `PlainText` before it."""
    make_class: Any = type
    return make_class(processor_class.__name__, (PlainText, processor_class), {"__module__": processor_class.__module__})


def _remake(processor_class: type) -> Any:
    return object.__new__(_plain_text_class(processor_class))
