"""Merge a LoRA adapter into its base, so that vLLM and the next stage read one plain model.

mcr merge --model runs/gmner_qwen2_5_vl_7b/mrsi/model --output_dir runs/gmner_qwen2_5_vl_7b/mrsi/merged

The merged model is read back and has to give the adapter's logits; else nothing is left in --output_dir.
"""

import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from mcr.errors import ConfigError, run_command
from mcr.models.adapters import ADAPTER_CONFIG, check_merge, probe_inputs, probe_logits
from mcr.models.load import load_adapter, load_model, load_processor
from mcr.prompts.settings import SETTINGS_FILE, PromptSettings
from mcr.records import ImageRef, Sample
from mcr.runs.command_line import CommandParser
from mcr.tasks import GMNER

SIDE = 112  # of the picture that models are compared on, pixels


def probe_of(processor: Any, settings: PromptSettings) -> list[dict[str, Any]]:
    """Return small inputs that models are compared on: a question about a picture of gray steps, and words."""
    picture = Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB")
    sample = Sample("merge", "merge", GMNER, "Ann Lee sings in Rome", (ImageRef("merge.png", SIDE, SIDE),), ())
    return probe_inputs(processor, settings.prompt_for(sample), [picture])


def check_output(out: Path, source: Path) -> None:
    """Refuse to replace anything but an earlier merged model.

    Raises:
        ConfigError: the folder holds something else.
    """
    is_model = (out / SETTINGS_FILE).is_file() and not (out / ADAPTER_CONFIG).is_file()
    if out.resolve() == source.resolve() or (out.exists() and not is_model and (not out.is_dir() or any(out.iterdir()))):
        raise ConfigError(f"output_dir: {out} holds something else than a merged model. Name another folder, or empty it.")


def merge_checked(source: Path, partial: Path, settings: PromptSettings) -> float | None:
    """Save the merged model and its processor; return how far its logits are from the adapter's, None where there is no adapter.

    Raises:
        McrError: they are farther than rounding explains.
    """
    processor = load_processor(source)
    processor.save_pretrained(partial)
    settings.save(partial)
    if not (source / ADAPTER_CONFIG).is_file():
        load_model(source).save_pretrained(partial)
        return None
    inputs = probe_of(processor, settings)
    model = load_adapter(source)
    trained = probe_logits(model, inputs)
    with model.disable_adapter():
        base = probe_logits(model, inputs)
    merged = model.merge_and_unload()
    dtype = str(merged.dtype).removeprefix("torch.")
    merged.save_pretrained(partial)
    del model, merged
    return check_merge(base, trained, probe_logits(load_model(partial), inputs), dtype)


def main(argv: list[str] | None = None) -> None:
    """Load base and adapter, merge, save with processor and prompt settings, compare."""
    parser = CommandParser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with adapter_config.json")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the merged model")
    args = parser.parse_args(argv)
    settings = PromptSettings.load(args.model)
    check_output(args.output_dir, args.model)
    partial = args.output_dir.with_name(args.output_dir.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        difference = merge_checked(args.model, partial, settings)
        if args.output_dir.exists():
            shutil.rmtree(args.output_dir)
        partial.rename(args.output_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    compared = "" if difference is None else f"; its logits differ from the adapter's by at most {difference:.2g}"
    print(f"merged model saved to {args.output_dir}{compared}")


if __name__ == "__main__":
    run_command(main)
