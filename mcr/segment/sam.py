"""SAM and SAM 2 of transformers, prompted by boxes; of the masks for one box the one that the model scores highest."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from mcr.boxes import Box
from mcr.errors import ConfigError
from mcr.masks import Mask
from mcr.models.load import check_weights_are_safe
from mcr.segment.segmenters import mask_of_pixels


class SamSegmenter:
    """A segmenter (`mcr.segment.segmenters.Segmenter`); RiVEG takes ViT-H (facebook/sam-vit-huge).

    Args:
        name_or_path: a folder or a name of the hub.

    Raises:
        ConfigError: no name is given.
    """

    def __init__(self, name_or_path: str) -> None:
        if not name_or_path:
            raise ConfigError("segmenter sam: expected a model, e.g. facebook/sam-vit-huge. Give its folder or name.")
        from transformers import AutoModelForMaskGeneration, AutoProcessor

        check_weights_are_safe(name_or_path)
        self.processor: Any = AutoProcessor.from_pretrained(name_or_path)  # the user names it # nosec B615
        settings = {"dtype": torch.float32, "use_safetensors": True}
        self.model: Any = AutoModelForMaskGeneration.from_pretrained(name_or_path, **settings)  # likewise # nosec B615
        self.model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    @torch.no_grad()
    def segment(self, image: Image.Image, boxes_px: Sequence[Box]) -> list[Mask]:
        """Return one mask a box."""
        if not boxes_px:
            return []
        asked = self.processor(images=image, input_boxes=[[list(box) for box in boxes_px]], return_tensors="pt")
        inputs = asked.to(self.model.device)
        out = self.model(**inputs)
        sizes = inputs["original_sizes"].cpu()
        more = {"reshaped_input_sizes": inputs["reshaped_input_sizes"].cpu()} if "reshaped_input_sizes" in inputs else {}
        masks = self.processor.post_process_masks(out.pred_masks.cpu(), sizes, **more)[0]  # [boxes, masks a box, height, width]
        best = out.iou_scores[0].argmax(dim=-1).cpu()
        return [mask_of_pixels(np.asarray(found[int(index)] > 0)) for found, index in zip(masks, best, strict=True)]
