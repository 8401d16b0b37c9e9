"""The vision tower in training: kept out of the backward pass where it is frozen, run by every process on a mixed set."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from PIL import Image

CONNECTORS = ("multi_modal_projector", "connector")  # between tower and language model, where they are modules of their own
TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
SMALL_PX = 32


def keep_frozen_vision_out_of_backward(model: Any) -> None:
    """Let a vision tower that does not train run without gradients.

    With gradient checkpointing and an adapter, transformers makes the output of embeddings require gradients, that of the patch
    embedding, too. A frozen tower would then keep every activation and run backward for nothing.

    Args:
        model: the transformers model itself, of any family. What trains may change later.
    """
    backbone = model.base_model
    connectors = [getattr(backbone, name) for name in CONNECTORS if hasattr(backbone, name)]
    for module in (backbone.get_encoder(modality="image"), *connectors):
        if module is not backbone and "forward" not in vars(module):
            module.forward = partial(_forward_frozen, module)


def _forward_frozen(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
    inputs = (*args, *kwargs.values())
    trains = any(weight.requires_grad for weight in module.parameters()) or any(map(_requires_grad, inputs))
    with torch.set_grad_enabled(torch.is_grad_enabled() and trains):
        return type(module).forward(module, *args, **kwargs)


def _requires_grad(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


class AlwaysRunVision:
    """Runs the vision tower on a small blank image in forwards of text alone, and adds nothing of it to the loss.

    Processes that share weights or gradients by parts (ZeRO, FSDP) have to run the same modules in the same order: a process
    whose batch has no image would leave the tower out and wait for the others for ever.

    Args:
        model: the transformers model itself.
        processor: of the model.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.backbone = model.base_model
        self.has_images = False
        self.num_blank = 0
        self.image_inputs = blank_image_inputs(processor)
        self.backbone.register_forward_pre_hook(self._note_images, with_kwargs=True)
        language_model = self.backbone.get_decoder()
        language_model.register_forward_pre_hook(self._run_vision, with_kwargs=True)

    def _note_images(self, module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        self.has_images = kwargs.get("pixel_values") is not None

    def _run_vision(self, module: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        embeds = kwargs.get("inputs_embeds")
        # Weights are gathered before a model generates, and each process generates by itself.
        is_generating = kwargs.get("past_key_values") is not None and not torch.is_grad_enabled()
        if self.has_images or embeds is None or is_generating:
            return None
        self.num_blank += 1
        inputs = {name: value.to(embeds.device) for name, value in self.image_inputs.items()}
        output = self.backbone.get_image_features(**inputs, return_dict=True)
        features = [*_tensors(output.pooler_output), *_tensors(getattr(output, "deepstack_features", None))]
        nothing = torch.stack([part.sum() for part in features]).sum() * 0.0
        return args, {**kwargs, "inputs_embeds": embeds + nothing.to(embeds.dtype)}


def blank_image_inputs(processor: Any) -> dict[str, torch.Tensor]:
    """Return what a model's forward takes of one blank image, without the text around it."""
    text = processor.apply_chat_template([{"role": "user", "content": [{"type": "image"}]}])
    inputs = processor(text=[text], images=[Image.new("RGB", (SMALL_PX, SMALL_PX))], return_tensors="pt")
    return {name: value for name, value in inputs.items() if name not in TEXT_INPUTS}


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of nested lists and tuples."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
