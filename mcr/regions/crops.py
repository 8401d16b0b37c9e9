"""Vectors of an image's regions and of the whole image, by a frozen vision encoder (UnCo 2.2).

Each region is cut out and looked at. The vectors can be saved, since a training run needs them in each epoch.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from mcr.boxes import Box
from mcr.io.atomic_write import whole_file, write_json
from mcr.io.images import open_image
from mcr.models.load import check_weights_are_safe
from mcr.records import Sample
from mcr.regions.proposed import Proposals
from mcr.runs.fingerprint import differences, images_hash, text_hash, weights_hash

FEATURES, MADE_OF = "features.safetensors", "features.made_of.json"


class RegionEncoder:
    """Looks at images with a vision encoder of transformers that has `vision_model`, such as CLIP's or SigLIP's.

    Args:
        name_or_path: a folder or a name of the hub.
        image_root: the folder that image paths start from.
        batch_size: cuts at a time.
    """

    def __init__(self, name_or_path: str, image_root: Path, batch_size: int = 64) -> None:
        from transformers import AutoImageProcessor, AutoModel

        check_weights_are_safe(name_or_path)
        self.processor: Any = AutoImageProcessor.from_pretrained(name_or_path)  # the user names it # nosec B615
        settings = {"dtype": torch.float32, "use_safetensors": True}
        self.model: Any = AutoModel.from_pretrained(name_or_path, **settings).vision_model.eval()  # likewise # nosec B615
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.name_or_path, self.image_root, self.batch_size = name_or_path, image_root, batch_size

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.model.config.hidden_size)

    @torch.inference_mode()
    def encode(self, sample: Sample, proposals: Proposals) -> torch.Tensor:
        """Return float32 [K+1, width] on the CPU: the regions, then the whole image; without an image one row of zeros."""
        if not sample.images or sample.images[0].is_missing:
            return torch.zeros(1, self.width)
        picture = open_image(self.image_root, sample.images[0].path)
        cuts = [*(cut(picture, one.box) for one in proposals), picture]
        rows = []
        for start in range(0, len(cuts), self.batch_size):
            pixels = self.processor(cuts[start : start + self.batch_size], return_tensors="pt")["pixel_values"]
            rows.append(self.model(pixel_values=pixels.to(self.model.device)).pooler_output.float().cpu())
        return torch.cat(rows)


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """Return a region of a picture, at least one pixel wide and high."""
    x1, y1 = min(int(box[0]), picture.width - 1), min(int(box[1]), picture.height - 1)
    return picture.crop((x1, y1, max(x1 + 1, round(box[2])), max(y1 + 1, round(box[3]))))


def features_of(
    pairs: Sequence[tuple[Sample, Proposals]], encoder: RegionEncoder, folder: Path | None = None
) -> Mapping[str, torch.Tensor]:
    """Return the vectors of samples by id, float32 [K+1, width].

    Args:
        pairs: samples with their regions.
        encoder: that looks at them.
        folder: where they are kept and found again; None keeps nothing.
    """
    made_of = _made_of(pairs, encoder)
    if folder is not None and (folder / FEATURES).is_file() and not differences(folder / MADE_OF, made_of):
        return load_file(folder / FEATURES)
    shown = tqdm(pairs, desc="looking at regions", unit="image")
    found = {sample.id: encoder.encode(sample, proposals) for sample, proposals in shown}
    if folder is not None:
        with whole_file(folder / FEATURES) as unfinished:
            save_file(found, unfinished)
        write_json(folder / MADE_OF, made_of)
    return found


def _made_of(pairs: Sequence[tuple[Sample, Proposals]], encoder: RegionEncoder) -> dict[str, Any]:
    boxes = [[sample.id, *(one.box for one in proposals)] for sample, proposals in pairs]
    paths = [image.path for sample, _ in pairs for image in sample.images[:1] if not image.is_missing]
    return {
        "encoder": weights_hash(encoder.name_or_path),
        "regions": text_hash(repr(boxes)),
        "images": images_hash(encoder.image_root, paths),
    }
