"""Public models for phrases, through transformers: BLIP-ITM entails, Florence-2 and GroundingDINO ground.

They stand in for RiVEG's OFA, ALBEF and SeqTR, which transformers does not have. Phrases are text from outside: what a tokenizer
would take for a special token is tokenized as text, or taken out.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mcr.boxes import Box
from mcr.errors import ConfigError
from mcr.io.images import open_image
from mcr.models.load import check_weights_are_safe
from mcr.records import Sample

FLORENCE_TASK = "<CAPTION_TO_PHRASE_GROUNDING>"
MAX_FLORENCE_TOKENS = 256
LOADED: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True}  # some are published in half precision
NUM_BINS = 1000
TOKENS_OF_DINO = re.compile(r"[.?\[\]]")  # a point and a question mark part phrases, brackets hold special tokens
LOCATIONS = re.compile(r"<loc_(\d{1,3})>" * 4)


def device() -> str:
    """Return where models run."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_named(name_or_path: str, part: str, example: str) -> str:
    """Return a model's name or folder, its weights checked.

    Raises:
        ConfigError: no name, or weights that are no safetensors.
    """
    if not name_or_path:
        raise ConfigError(f"{part}: expected a model, e.g. {example}. Give its folder or name.")
    check_weights_are_safe(name_or_path)
    return name_or_path


def images_of(samples: Sequence[Sample], image_root: Path) -> list[Image.Image]:
    """Return the first image of each phrase."""
    return [open_image(image_root, sample.images[0].path) for sample in samples]


class BlipEntailer:
    """BLIP's image-text matching head as entailer (`mcr.grounding.phrase_predictors.Entailer`).

    Args:
        name_or_path: a folder or a name of the hub.
        image_root: the folder that image paths start from.
    """

    def __init__(self, name_or_path: str, image_root: Path) -> None:
        from transformers import AutoProcessor, BlipForImageTextRetrieval

        name = check_named(name_or_path, "entailer blip_itm", "Salesforce/blip-itm-large-coco")
        self.processor: Any = AutoProcessor.from_pretrained(name)  # the user names it # nosec B615
        self.model: Any = BlipForImageTextRetrieval.from_pretrained(name, **LOADED)  # likewise # nosec B615
        self.model.to(device()).eval()
        self.image_root = image_root

    @torch.inference_mode()
    def log_odds(self, samples: Sequence[Sample]) -> list[float]:
        """Return the head's logit of a match less that of none."""
        texts = [sample.sentence for sample in samples]
        more = {"padding": True, "truncation": True, "max_length": self.model.config.text_config.max_position_embeddings}
        asked = self.processor.tokenizer(texts, split_special_tokens=True, return_tensors="pt", **more)
        shown = self.processor.image_processor(images_of(samples, self.image_root), return_tensors="pt")
        inputs = {
            "input_ids": asked["input_ids"],
            "attention_mask": asked["attention_mask"],
            "pixel_values": shown["pixel_values"],
        }
        scores = self.model(**{name: value.to(self.model.device) for name, value in inputs.items()}).itm_score
        return (scores[:, 1] - scores[:, 0]).tolist()


class DinoGrounder:
    """GroundingDINO as grounder (`mcr.grounding.phrase_predictors.Grounder`): the box that fits any word of the phrase best.

    Args:
        name_or_path: a folder or a name of the hub.
        image_root: the folder that image paths start from.
    """

    def __init__(self, name_or_path: str, image_root: Path) -> None:
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        name = check_named(name_or_path, "grounder grounding_dino", "IDEA-Research/grounding-dino-base")
        self.processor: Any = AutoProcessor.from_pretrained(name)  # the user names it # nosec B615
        self.model: Any = AutoModelForZeroShotObjectDetection.from_pretrained(name, **LOADED)  # likewise # nosec B615
        self.model.to(device()).eval()
        self.image_root = image_root

    def ground(self, samples: Sequence[Sample]) -> list[Box | None]:
        """Return the best box of each phrase."""
        return [
            self._best(image, sample.sentence) for image, sample in zip(images_of(samples, self.image_root), samples, strict=True)
        ]

    @torch.inference_mode()
    def _best(self, image: Image.Image, phrase: str) -> Box | None:
        text = " ".join(TOKENS_OF_DINO.sub(" ", phrase.lower()).split()) + "."  # one phrase to it
        cut = {"truncation": True, "max_length": self.model.config.max_text_len}
        inputs = self.processor(images=image, text=text, return_tensors="pt", **cut).to(self.model.device)
        out = self.model(**inputs)
        best = int(out.logits[0].sigmoid().amax(dim=-1).argmax())
        x, y, width, height = out.pred_boxes[0, best].tolist()
        corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return inside(
            (corners[0] * image.width, corners[1] * image.height, corners[2] * image.width, corners[3] * image.height), image
        )


class FlorenceGrounder:
    """Florence-2 as grounder (`mcr.grounding.phrase_predictors.Grounder`), by its task of grounding the phrases of a caption.

    Args:
        name_or_path: a folder or a name of the hub.
        image_root: the folder that image paths start from.
    """

    def __init__(self, name_or_path: str, image_root: Path) -> None:
        from transformers import AutoProcessor, Florence2ForConditionalGeneration

        name = check_named(name_or_path, "grounder florence_2", "florence-community/Florence-2-large-ft")
        self.processor: Any = AutoProcessor.from_pretrained(name)  # the user names it # nosec B615
        self.model: Any = Florence2ForConditionalGeneration.from_pretrained(name, **LOADED)  # likewise # nosec B615
        self.model.to(device()).eval()
        self.image_root = image_root

    @torch.inference_mode()
    def ground(self, samples: Sequence[Sample]) -> list[Box | None]:
        """Return the first box that is written for each phrase."""
        images = images_of(samples, self.image_root)
        texts = [FLORENCE_TASK + sample.sentence.replace("<", " ").replace(">", " ") for sample in samples]
        inputs = self.processor(images=images, text=texts, padding=True, return_tensors="pt").to(self.model.device)
        written = self.model.generate(**inputs, max_new_tokens=MAX_FLORENCE_TOKENS, do_sample=False, num_beams=1)
        return [self._first_box(row, image) for row, image in zip(written, images, strict=True)]

    def _first_box(self, row: torch.Tensor, image: Image.Image) -> Box | None:
        return read_locations(self.processor.tokenizer.decode(row, skip_special_tokens=False), image)


def read_locations(text: str, image: Image.Image) -> Box | None:
    """Return the first box in what Florence-2 writes: four of a thousand bins, each of which stands for its middle.

    >>> read_locations("a disc<loc_0><loc_100><loc_499><loc_999>", Image.new("RGB", (1000, 100)))
    (0.5, 10.05, 499.5, 99.95)
    """
    found = (tuple((int(number) + 0.5) / NUM_BINS for number in one.groups()) for one in LOCATIONS.finditer(text))
    boxes = (
        inside((x1 * image.width, y1 * image.height, x2 * image.width, y2 * image.height), image) for x1, y1, x2, y2 in found
    )
    return next((box for box in boxes if box is not None), None)


def inside(box: tuple[float, ...], image: Image.Image) -> Box | None:
    """Return a box cut to its image; None for a box outside of it.

    >>> inside((-5.0, 2.0, 20.0, 8.0), Image.new("RGB", (10, 10)))
    (0.0, 2.0, 10.0, 8.0)
    """
    x1, y1, x2, y2 = max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(image.width)), min(box[3], float(image.height))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None
