"""Object detectors of transformers as proposers: RT-DETR, D-FINE and others of fixed categories, and OWLv2, asked in words."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mcr.boxes import Box, iou
from mcr.errors import ConfigError
from mcr.io.images import open_image
from mcr.models.load import check_weights_are_safe
from mcr.records import Sample
from mcr.regions.proposed import Proposal, Proposals

MAX_IOU = 0.7  # of two regions that are kept (our choice)
# What OWLv2 is asked for where the regions are to be of any category (our choice).
ANYTHING = ("a person", "a face", "a building", "a logo", "a sign with text", "a vehicle", "an animal", "a product", "an object")
LOADED: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True}


class DetectorProposer:
    """A proposer (`mcr.regions.proposers.Proposer`).

    Args:
        name_or_path: of a detector of transformers: a folder or a name of the hub.
        image_root: the folder that image paths start from.
        top_k: regions an image at most, those of the highest scores.
    """

    def __init__(self, name_or_path: str, image_root: Path, top_k: int) -> None:
        from transformers import AutoConfig, AutoProcessor

        if not name_or_path:
            raise ConfigError("detector: expected a model, e.g. PekingU/rtdetr_r50vd. Give its folder or name.")
        check_weights_are_safe(name_or_path)
        self.is_asked = AutoConfig.from_pretrained(name_or_path).model_type in ("owlv2", "owlvit")  # the user names it # nosec B615
        self.processor: Any = AutoProcessor.from_pretrained(name_or_path)  # likewise # nosec B615
        self.model: Any = self._detector().from_pretrained(name_or_path, **LOADED).eval()  # likewise # nosec B615
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.image_root, self.top_k = image_root, top_k

    def _detector(self) -> Any:
        from transformers import AutoModelForObjectDetection, AutoModelForZeroShotObjectDetection

        return AutoModelForZeroShotObjectDetection if self.is_asked else AutoModelForObjectDetection

    def propose(self, samples: Sequence[Sample]) -> Iterator[Proposals]:
        """Yield the regions of each sample's first image, highest score first."""
        for sample in samples:
            yield self._regions(open_image(self.image_root, sample.images[0].path))

    @torch.inference_mode()
    def _regions(self, image: Image.Image) -> Proposals:
        asked = {"text": [list(ANYTHING)]} if self.is_asked else {}
        inputs = self.processor(images=image, return_tensors="pt", **asked).to(self.model.device)
        out = self.model(**inputs)
        sizes = {"threshold": 0.0, "target_sizes": torch.tensor([[image.height, image.width]])}
        if self.is_asked:
            (found,) = self.processor.post_process_grounded_object_detection(out, **sizes)
            names = [ANYTHING[number] for number in found["labels"].tolist()]
        else:
            (found,) = self.processor.post_process_object_detection(out, **sizes)
            names = [self.model.config.id2label[number] for number in found["labels"].tolist()]
        rows = zip(found["boxes"].tolist(), found["scores"].tolist(), names, strict=True)
        inside = [(_inside(box, image), score, name) for box, score, name in rows]
        return best_apart([Proposal(box, score, name) for box, score, name in inside if box is not None], self.top_k)


def best_apart(proposals: Sequence[Proposal], top_k: int) -> Proposals:
    """Return the best proposals, at most `top_k`, none of which covers a better one by more than MAX_IOU."""
    kept: list[Proposal] = []
    for one in sorted(proposals, key=lambda proposal: -proposal.score):
        if len(kept) == top_k:
            break
        if all(iou(one.box, other.box) <= MAX_IOU for other in kept):
            kept.append(one)
    return tuple(kept)


def _inside(box: Sequence[float], image: Image.Image) -> Box | None:
    x1, y1, x2, y2 = max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(image.width)), min(box[3], float(image.height))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None
