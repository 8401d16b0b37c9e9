"""LoRA weights for vLLM: merged copies, one layer at a time, the base left as it is to the last bit.

TRL merges the adapters into the base in place, sends everything, and takes them back out; in bfloat16 the base drifts with every
synchronisation.
"""

from collections.abc import Iterator

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer


def iter_merged_params(model: PeftModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (name in the base model, weight) of every parameter, adapters merged into a copy.

    Works for whatever adapter PEFT can merge; parameters must be whole (gathered) on this process.
    """
    tuned = {name: module for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)}
    merged_names = {f"{name}.base_layer." for name in tuned}
    for name, param in model.named_parameters():
        if model.prefix in name or "original_module" in name or any(name.startswith(prefix) for prefix in merged_names):
            continue
        yield _base_name(name), param.data
    for name, layer in tuned.items():
        for weight_name, weight in _merged_layer(layer).items():
            yield _base_name(f"{name}.{weight_name}"), weight


def _merged_layer(layer: BaseTunerLayer) -> dict[str, torch.Tensor]:
    """Return copies of a layer's merged weights; the layer is put back bit for bit."""
    base = layer.get_base_layer()
    before = {name: param.data.clone() for name, param in base.named_parameters()}
    layer.merge()
    merged = {name: param.data.clone() for name, param in base.named_parameters()}
    layer.unmerge()
    for name, param in base.named_parameters():
        param.data.copy_(before[name])
    return merged


def _base_name(name: str) -> str:
    for part in ("base_model.model.", "modules_to_save.default.", "_checkpoint_wrapped_module."):
        name = name.replace(part, "")
    return name
