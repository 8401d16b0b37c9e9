"""One process of a forward and backward of FSDP2 in which one process has no image; started by test_mixed_images.py."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from PIL import Image
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from mcr.errors import run_command
from mcr.models.load import load_model, load_processor
from mcr.models.vision_tower import AlwaysRunVision


def inputs_of(processor, has_image):
    images = [{"type": "image"}] if has_image else []
    prompt = [{"role": "user", "content": [*images, {"type": "text", "text": "Text: Ann sings"}]}]
    text = processor.apply_chat_template(prompt, add_generation_prompt=True)
    return processor(text=[text], images=[Image.new("RGB", (64, 64), "red")] if has_image else None, return_tensors="pt")


def main(path: Path) -> None:
    dist.init_process_group("gloo")
    model, processor = load_model(path), load_processor(path)
    inputs = [inputs_of(processor, has_image) for has_image in (True, False)]
    expected = load_model(path)
    sum(expected(**one).logits.square().mean() for one in inputs).div(2).backward()
    AlwaysRunVision(model, processor)
    mesh = init_device_mesh("cpu", (2,))
    for block in (*model.base_model.visual.blocks, *model.base_model.language_model.layers):
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model(**inputs[dist.get_rank()]).logits.square().mean().backward()
    gradients = dict(expected.named_parameters())
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad.full_tensor(), gradients[name].grad, rtol=1e-3, atol=1e-6, msg=name)
    print("equal")


if __name__ == "__main__":
    run_command(lambda: main(Path(sys.argv[1])))
