"""LoRA adapters and their base: what may be trained, putting an adapter onto its base, and proof that a merge lost nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcr.errors import ConfigError, McrError

if TYPE_CHECKING:
    import torch

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
NUM_PROBED = 512  # tokens of the vocabulary, spread evenly
# How far logits of a merge may be off, as a share of the largest logit: rounding of merged weights grows with the dtype's unit.
ROUNDING = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 6e-2}


TRAINING_LOSES_IT = "training from an adapter would lose it"  # the result would name the adapter's base as its own


def check_is_whole(name_or_path: str | Path, reason: str = TRAINING_LOSES_IT, *, revision: str | None = None) -> None:
    """Refuse an adapter where a whole model is needed, and name the command that makes one.

    Args:
        name_or_path: a folder or a name of the hub.
        reason: why it has to be whole.
        revision: of a name of the hub.

    Raises:
        ConfigError: it holds an adapter.
    """
    from transformers.utils.peft_utils import find_adapter_config_file

    if find_adapter_config_file(str(name_or_path), revision=revision) is None:
        return
    merged = f"{str(name_or_path).rstrip('/')}-merged"
    raise ConfigError(
        f"model_name_or_path: {name_or_path} holds a LoRA adapter, expected a whole model: {reason}. Merge "
        f"first: mcr merge --model {name_or_path} --output_dir {merged}, then give --model_name_or_path {merged}."
    )


def attach_adapter(base: Any, folder: str | Path, name: str = "default") -> Any:
    """Return a PeftModel: the base with the adapter of a folder, every one of its weights loaded.

    Where the adapter changes one of two tied embeddings, the base is untied: the model that was trained has two.

    Args:
        base: the whole model.
        folder: of the adapter.
        name: of the adapter in the PeftModel.

    Raises:
        ConfigError: weights of the adapter are not in its file, or the file has some that the base has no place for.
    """
    from peft import PeftConfig, PeftModel

    if changed_embeddings(base, PeftConfig.from_pretrained(str(folder))):
        untie_embeddings(base)
    model = PeftModel.from_pretrained(base, str(folder), adapter_name=name)
    _check_is_loaded(model, folder, name)
    return model


def add_adapter(model: Any, folder: str | Path, name: str) -> None:
    """Put another adapter beside those that a PeftModel has; `set_adapter(name)` chooses it.

    Raises:
        ConfigError: as for `attach_adapter`, or it changes embeddings that the other adapters leave tied.
    """
    from peft import PeftConfig

    if changed_embeddings(model.get_base_model(), PeftConfig.from_pretrained(str(folder))):
        raise ConfigError(f"adapter: {folder} changes tied embeddings, which another adapter on the same base uses. Merge it.")
    model.load_adapter(str(folder), adapter_name=name)
    _check_is_loaded(model, folder, name)


def _check_is_loaded(model: Any, folder: str | Path, name: str) -> None:
    from peft.utils import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(Path(folder, ADAPTER_WEIGHTS), "pt") as file:
        saved = set(file.keys())
    wanted = set(get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False))
    lost = [f"{key}, which the file lacks" for key in sorted(wanted - saved)]
    lost += [f"{key}, which the base has no place for" for key in sorted(saved - wanted) if "lora_" in key]
    if lost:
        raise ConfigError(
            f"adapter: {folder} does not fit its base in {len(lost)} weights ({'; '.join(lost[:2])}). Name the base that it was "
            f"trained on in {ADAPTER_CONFIG}."
        )


def changed_embeddings(base: Any, adapter: Any) -> list[str]:
    """Return the tied embeddings of a model that an adapter changes; none where embeddings are not tied.

    Args:
        base: the model.
        adapter: its PeftConfig, or TRL's.
    """
    if not base.config.get_text_config().tie_word_embeddings or base.get_output_embeddings() is None:
        return []
    tied = (base.get_input_embeddings(), base.get_output_embeddings())
    names = [name for name, module in base.named_modules() if any(module is one for one in tied)]
    return [name for name in names if _is_changed(name, adapter)]


def _is_changed(name: str, adapter: Any) -> bool:
    from peft.tuners.tuners_utils import check_target_module_exists

    if _ends_in(name, adapter.modules_to_save or ()):
        return True
    parameters = getattr(adapter, "target_parameters", None) or ()
    if _ends_in(f"{name}.weight", parameters):
        return True
    if adapter.target_modules in (None, "all-linear"):
        return False  # PEFT leaves the output embedding out of all-linear
    return bool(check_target_module_exists(adapter, name))


def _ends_in(name: str, ends: Sequence[str]) -> bool:
    return any(name == end or name.endswith(f".{end}") for end in ends)


def untie_embeddings(model: Any) -> None:
    """Give the output embedding weights of its own, equal to the input embedding's."""
    import torch

    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=head.weight.requires_grad)
    model.config.tie_word_embeddings = False
    model.config.get_text_config().tie_word_embeddings = False
    model.all_tied_weights_keys = {}  # else they are tied again, or one is left out, when the model is saved


def probe_inputs(processor: Any, prompt: list[dict[str, Any]], images: Sequence[Any]) -> list[dict[str, Any]]:
    """Return two small inputs: a prompt with its images, and words spread over the whole vocabulary.

    Args:
        processor: of the model.
        prompt: a conversation.
        images: for its places.
    """
    import torch

    text = processor.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    asked = processor(text=[text], images=list(images) or None, return_tensors="pt")
    tokenizer = processor.tokenizer
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    words = [token for token in range(len(tokenizer)) if token not in special]
    spread = words[:: max(1, len(words) // NUM_PROBED)]
    return [dict(asked), {"input_ids": torch.tensor([spread]), "attention_mask": torch.ones(1, len(spread), dtype=torch.long)}]


def probe_logits(model: Any, inputs: Sequence[Mapping[str, Any]]) -> "list[torch.Tensor]":
    """Return the logits of each input, in float32 on the CPU."""
    import torch

    model.eval()
    with torch.no_grad():
        return [
            model(**{name: value.to(model.device) for name, value in one.items()}, use_cache=False).logits.float().cpu()
            for one in inputs
        ]


def check_merge(
    base: "Sequence[torch.Tensor]", trained: "Sequence[torch.Tensor]", merged: "Sequence[torch.Tensor]", dtype: str
) -> float:
    """Return the largest difference between the logits of an adapter and of its merge.

    Args:
        base: logits of the base.
        trained: of the base with the adapter.
        merged: of the merged model as it was saved.
        dtype: of the merged weights, e.g. "bfloat16".

    Raises:
        McrError: the difference is larger than rounding, or the merge is the base although the adapter changes it.
    """
    largest = max(float(one.abs().max()) for one in trained)
    difference = max(float((one - other).abs().max()) for one, other in zip(trained, merged, strict=True))
    effect = max(float((one - other).abs().max()) for one, other in zip(trained, base, strict=True))
    kept = max(float((one - other).abs().max()) for one, other in zip(merged, base, strict=True))
    limit = ROUNDING.get(dtype, ROUNDING["float32"]) * largest
    if not difference <= limit:
        raise McrError(
            f"merge: logits of the merged model differ from the adapter's by {difference:.4g}, expected at most {limit:.4g} "
            f"(rounding of {dtype}). Nothing was saved. Train without LoRA on these modules, or use the adapter as it is."
        )
    if kept == 0:
        raise McrError(
            f"merge: the merged model equals its base; the adapter changes logits by {effect:.4g}. Nothing was saved. "
            "Check that the adapter was trained, and on this base."
        )
    return difference
