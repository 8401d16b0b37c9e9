"""Tokens that stand for images, video or audio, of any family: a sampler that draws one crashes the next forward.

Model and processor know them by fields such as `image_token_id`, `vision_start_token_id`, `image_token_index` or `row_col_ids`;
the family's record names those that have no field.
"""

import re
from collections.abc import Iterator
from typing import Any

from mcr.families import ModelFamily

NEVER_SAMPLED = -100.0  # the logit bias under which vLLM does not sample a token
MODALITY = r"(?:image|img|vision|video|audio|boi|eoi|row_col|tile)"
ID_FIELD = re.compile(rf"\w*{MODALITY}\w*_(?:id|ids|index)")
TOKEN_FIELD = re.compile(rf"\w*{MODALITY}\w*_(?:token|tag)")
ID_PROPERTIES = ("image_token_ids", "video_token_ids", "audio_token_ids")  # of every processor of transformers 5


def vision_token_ids(processor: Any, family: ModelFamily, config: Any) -> list[int]:
    """Return the ids of all tokens that stand for images, video or audio.

    Args:
        processor: of the model.
        family: of the model.
        config: of the model.
    """
    tokenizer = processor.tokenizer
    vocab = tokenizer.get_vocab()
    texts = {*family.vision_tokens, *_texts_of(vars(processor)), *_texts_of(tokenizer.special_tokens_map)}
    ids = {vocab[text] for text in texts if text in vocab}
    ids |= {*_ids_of(config.to_dict()), *_ids_of(vars(processor))}
    ids |= {*_ids_of({name: getattr(processor, name, None) for name in ID_PROPERTIES})}
    return sorted(ids & {*vocab.values()} - {tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id})


def _texts_of(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the tokens that are in fields named after a modality."""
    for name, value in fields.items():
        if TOKEN_FIELD.fullmatch(name) and value is not None:
            yield str(value)


def _ids_of(fields: dict[str, Any]) -> Iterator[int]:
    """Yield the ids that are in fields named after a modality."""
    for name, value in fields.items():
        if ID_FIELD.fullmatch(name):
            yield from (one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, int))
