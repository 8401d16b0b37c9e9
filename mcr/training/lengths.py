"""How many tokens samples take, images included, and leaving out those that take too many: nothing is ever cut."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate import PartialState
from tqdm import tqdm

from mcr.errors import ConfigError
from mcr.io.images import shown_size
from mcr.training.data import clean_message

MAX_IDS_TOLD = 5


def count_sample_tokens(row: Mapping[str, Any], processor: Any, image_root: Path) -> int:
    """Return the tokens of prompt and completion in the model's chat template, each image's pads among them.

    Args:
        row: of a training set, images as paths.
        processor: of a Qwen family, which makes patches and merges them.
        image_root: the folder that the paths start from.
    """
    conversation = [*map(clean_message, row["prompt"]), *row["completion"]]
    text = processor.apply_chat_template(conversation, tokenize=False)
    num_text = len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])
    return num_text + sum(_num_pads(shown_size(image_root, path), processor.image_processor) - 1 for path in row["images"])


def _num_pads(size: tuple[int, int], image_processor: Any) -> int:
    width, height = size
    return image_processor.get_number_of_image_patches(height, width) // image_processor.merge_size**2


def without_long_samples(rows: Any, limit: int, processor: Any, image_root: Path) -> Any:
    """Return a training set without the samples that take more than `limit` tokens, and tell which they were.

    Args:
        rows: of `load_training_set`; the images were checked there.
        limit: tokens.
        processor: of the model.
        image_root: the folder that the image paths start from.

    Raises:
        ConfigError: no sample is left.
    """
    plain = rows.with_format(None)
    lengths = [count_sample_tokens(row, processor, image_root) for row in tqdm(plain, desc="counting tokens", unit="sample")]
    kept = [index for index, length in enumerate(lengths) if length <= limit]
    if not kept:
        raise ConfigError(f"max_sample_tokens: {limit} leaves none of {len(lengths)} samples, the shortest takes {min(lengths)}.")
    long = [f"{plain[index]['sample_id']} ({length})" for index, length in enumerate(lengths) if length > limit]
    if long and PartialState().is_main_process:
        more = ", ..." if len(long) > MAX_IDS_TOLD else ""
        print(
            f"left out {len(long)} of {len(lengths)} samples of more than {limit} tokens: {', '.join(long[:MAX_IDS_TOLD])}{more}"
        )
    return rows.select(kept)
