"""Loading a vision-language model and its processor from a folder or the hub: safetensors alone, no remote code."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcr.errors import ConfigError
from mcr.families import FrameSettings, ModelFamily, family_of
from mcr.models.adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS, add_adapter, attach_adapter, check_is_whole
from mcr.models.plain_text import read_as_text


def load_processor(name_or_path: str | Path, **options: Any) -> Any:
    """Return the processor (tokenizer and image processor), padding on the left as generation needs it.

    What a message says is text to it, also where it looks like a control token (`mcr.models.plain_text`).

    Args:
        name_or_path: a folder or a name of the hub.
        options: for `from_pretrained`, e.g. revision.
    """
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(_existing(name_or_path), **options)  # the revision is an option # nosec B615
    processor.tokenizer.padding_side = "left"
    return read_as_text(processor)


def load_model(name_or_path: str | Path, *, dtype: str = "auto", **options: Any) -> Any:
    """Return the model; a folder with a LoRA adapter gives its base with the adapter merged.

    Args:
        name_or_path: a folder or a name of the hub.
        dtype: of the weights, or auto.
        options: for `from_pretrained`, e.g. attn_implementation.
    """
    if Path(name_or_path, ADAPTER_CONFIG).is_file():
        return load_adapter(name_or_path, dtype=dtype, **options).merge_and_unload()
    from transformers import AutoModelForImageTextToText

    path = _existing(name_or_path)
    check_weights_are_safe(path)
    _join_deepspeed()
    return AutoModelForImageTextToText.from_pretrained(  # the revision is an option # nosec B615
        path, dtype=dtype, use_safetensors=True, **options
    )


def load_adapter(folder: str | Path, *, dtype: str = "auto", **options: Any) -> Any:
    """Return a PeftModel: the base that the adapter of a folder names, and the adapter.

    Raises:
        ConfigError: the folder names no base, or the adapter does not fit it.
    """
    return attach_adapter(load_model(base_of(folder), dtype=dtype, **options), folder)


def load_adapters(folders: Mapping[str, str | Path], *, dtype: str = "auto", **options: Any) -> Any:
    """Return a PeftModel: one base with several adapters, of which `set_adapter(name)` chooses one (VKEL III-D 4).

    Args:
        folders: of the adapters, by name.
        dtype: of the base's weights, or auto.
        options: for `from_pretrained`.

    Raises:
        ConfigError: they were trained on different bases, or one does not fit.
    """
    from mcr.runs.fingerprint import weights_hash

    bases = {name: base_of(folder) for name, folder in folders.items()}
    if len({weights_hash(base) for base in bases.values()}) > 1:
        told = ", ".join(f"{folders[name]} on {base}" for name, base in bases.items())
        raise ConfigError(f"model: {told}, expected adapters on one base. Train them on the same one.")
    (first, folder), *others = folders.items()
    model = attach_adapter(load_model(bases[first], dtype=dtype, **options), folder, first)
    for name, other in others:
        add_adapter(model, other, name)
    return model


def base_of(folder: str | Path) -> str:
    """Return the base that the adapter of a folder names.

    Raises:
        ConfigError: it names none, or holds no adapter.
    """
    from peft import PeftConfig

    check_weights_are_safe(folder)
    if not Path(folder, ADAPTER_CONFIG).is_file():
        raise ConfigError(f"model: {folder} holds no adapter. Give the folder model/ of a run of mcr sft with use_peft.")
    base_name = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if base_name is None:
        raise ConfigError(f"model: {folder} holds an adapter that does not name its base model. Add it to {ADAPTER_CONFIG}.")
    return base_name


def load_for_training(arguments: Any, *, trust_remote_code: bool) -> Any:
    """Return the model as TRL's ModelConfig asks: revision, attention, quantization.

    Args:
        arguments: the ModelConfig.
        trust_remote_code: run code that comes with a model; the user has to say so.
    """
    from accelerate import PartialState
    from trl.trainer.utils import get_quantization_config

    options = {"revision": arguments.model_revision, "trust_remote_code": trust_remote_code}
    if arguments.attn_implementation is not None:
        options["attn_implementation"] = arguments.attn_implementation
    quantization = get_quantization_config(arguments)
    if quantization is not None:
        options |= {"quantization_config": quantization, "device_map": {"": PartialState().device}}
    return load_model(arguments.model_name_or_path, dtype=arguments.dtype or "auto", **options)


def processor_for_training(arguments: Any, *, trust_remote_code: bool) -> Any:
    """Return the processor of a whole model, before the model itself is loaded.

    Args:
        arguments: TRL's ModelConfig.
        trust_remote_code: run code that comes with a model; the user has to say so.

    Raises:
        ConfigError: there is no such folder, or it holds an adapter.
    """
    name, revision = _existing(arguments.model_name_or_path), arguments.model_revision
    check_is_whole(name, revision=revision)
    return load_processor(name, revision=revision, trust_remote_code=trust_remote_code)


def _join_deepspeed() -> None:
    """With ZeRO-3 weights are cut up while they load, so DeepSpeed has to know all processes before."""
    import torch
    from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

    if is_deepspeed_zero3_enabled():
        import deepspeed

        if not deepspeed.comm.is_initialized():
            deepspeed.init_distributed(dist_backend="nccl" if torch.cuda.is_available() else "gloo")


def _existing(name_or_path: str | Path) -> str:
    """Refuse a local-looking path that is not there before the hub is asked for it."""
    text = str(name_or_path)
    if text.startswith((".", "/", "runs", "mcr/")) and not Path(text).is_dir():
        raise ConfigError(f"model: {text} is not a folder. Run the step that writes it, or name a model of the hub.")
    return text


def check_weights_are_safe(name_or_path: str | Path) -> None:
    """Refuse a folder whose weights, or whose adapter, are no safetensors: libraries would fall back to pickles.

    Raises:
        ConfigError: there are none.
    """
    folder = Path(name_or_path)
    wanted = ADAPTER_WEIGHTS if (folder / ADAPTER_CONFIG).is_file() else "*.safetensors"
    if folder.is_dir() and not any(folder.glob(wanted)):
        raise ConfigError(f"model: {folder} holds no {wanted}. Save the weights as safetensors; pickles are not read.")


def family_of_model(name_or_path: str | Path) -> ModelFamily:
    """Return the family of a saved model or of a model of the hub, by the `model_type` of its config.

    Raises:
        ConfigError: no family has it.
    """
    return family_of(load_config(name_or_path).model_type)


def load_config(name_or_path: str | Path) -> Any:
    """Return the config of a saved model or of a model of the hub; of its base for an adapter."""
    from transformers import AutoConfig

    folder = Path(_existing(name_or_path))
    if (folder / ADAPTER_CONFIG).is_file():
        from peft import PeftConfig

        return load_config(str(PeftConfig.from_pretrained(str(folder)).base_model_name_or_path))
    return AutoConfig.from_pretrained(str(name_or_path))  # no remote code # nosec B615


def check_frame(frame: FrameSettings, processor: Any, family: ModelFamily) -> None:
    """Compare the frame that boxes are written in with the model's: its family's, and how its processor resizes images.

    Raises:
        ConfigError: they differ, which would misplace every box in silence.
    """
    if (frame.kind, frame.axes) != (family.frame.kind, family.frame.axes):
        raise ConfigError(
            f"frame: boxes were written as {frame.kind} {frame.axes}, but models of family {family.name} write "
            f"{family.frame.kind} {family.frame.axes}. Write the schemas with --family {family.name}."
        )
    theirs = frame_of_processor(frame, processor)
    if frame != theirs:
        mine, others = ((each.factor, each.min_pixels, each.max_pixels) for each in (frame, theirs))
        raise ConfigError(
            f"frame: boxes were written for factor, min_pixels, max_pixels {mine}, the processor has {others}. Write the "
            "schemas with --factor, --min_pixels, --max_pixels of the processor."
        )


def frame_of_processor(frame: FrameSettings, processor: Any) -> FrameSettings:
    """Return the frame with the factor and the pixel bounds that the processor resizes images by, where they matter."""
    image_processor = processor.image_processor
    if frame.kind != "absolute" or not hasattr(image_processor, "merge_size"):
        return frame
    size = image_processor.size
    factor = image_processor.patch_size * image_processor.merge_size
    return replace(frame, factor=factor, min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"])
